"""What the probes feed to a student's functions, drawn anew for every run from its seed.

The student's process and the judge both call these functions, so no array travels there, and no expected value does.
"""

import zlib

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def stream(seed: int, *path: object) -> np.random.RandomState:
    """An independent generator for every (seed, path), whatever was drawn before."""
    return np.random.RandomState(zlib.crc32(repr((seed, *path)).encode()))


def columns(seed: int) -> dict[str, Array]:
    """Tables for ``standardize``: of two shapes, and one in which every value of a column is the same."""
    random = stream(seed, "columns")
    tables = {"tall": random.normal(3, 2, (7, 3)), "wide": random.normal(-1, 5, (4, 6))}
    constant = random.normal(0, 1, (5, 3))
    constant[:, 1] = random.randint(2, 9)
    return tables | {"constant": constant}


def scores(seed: int) -> dict[str, Array]:
    """Tables for ``softmax``: small values, and values whose exponentials are larger than a float can be."""
    random = stream(seed, "scores")
    return {"small": random.normal(0, 1, (4, 3)), "large": random.normal(0, 1, (2, 5)) + 1_000}

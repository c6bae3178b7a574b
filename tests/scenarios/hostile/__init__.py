"""Hostile submissions made from any assignment's release notebook: act -> what makes the notebook that commits it.

What is honest in them is what the release holds: hand in a release with some solution cells filled, and no hostile copy
may score more than it.
"""

from tests.cases import joined
from tests.scenarios.hostile import (
    agreeing,
    detecting,
    faking,
    forging,
    later,
    limits,
    looking,
    lying,
    objects,
    patching,
    planting,
    showing,
    stripping,
)

KINDS = (
    stripping, agreeing, objects, lying, looking, forging, patching, faking,
    planting, detecting, later, limits, showing,
)  # fmt: skip
HOSTILE = joined(*(kind.CASES for kind in KINDS))

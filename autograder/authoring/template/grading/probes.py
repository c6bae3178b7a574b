"""The probes: each calls one of the student's functions and reports what came back.

They run in the student's process and know no expected value. ``student`` is the notebook's namespace, ``inputs`` is the
module beside this one, and ``seed`` is the run's.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from autograder.inside.calls import Report, Student, attempt, named


def exercise_1(student: Student, inputs: Any, seed: int) -> Report:
    """What ``standardize`` makes of some tables."""
    return called(named(student, "standardize"), inputs.columns(seed))


def exercise_2(student: Student, inputs: Any, seed: int) -> Report:
    """What ``softmax`` makes of some tables."""
    return called(named(student, "softmax"), inputs.scores(seed))


def called(function: Any, tables: Mapping[str, Any]) -> Report:
    """Per table: what was returned, what was raised, and what is left of the table itself."""
    report: Report = {}
    for name, table in tables.items():
        result, error = attempt(function, table)
        report[name] = {"result": result, "is_array": is_array(result), "error": error, "table": table}
    return report


def is_array(value: Any) -> bool:
    """Whether this is an array of numbers, of NumPy's own class."""
    return type(value) is np.ndarray and value.dtype.kind in "biuf"


PROBES = {"exercise_1": exercise_1, "exercise_2": exercise_2}
"""By the grade id of the cell after which they run."""

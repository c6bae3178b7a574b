"""The probes: small functions that run in the student's kernel and report what the student's functions do.

They know no expected value and hold no reference solution. Each takes the student's namespace and the run's seed, and
returns nested dicts of plain values and tensors. Which one belongs to which grade cell stands here (``curves`` to none:
it is asked for at full size); the probes
themselves are in ``probes_*.py``, one file for the TODOs that look at the same thing.

The student's functions are called through ``attempt`` or ``call`` alone: these undo what a call does to libraries and
to process-wide settings.
"""

from collections.abc import Callable
from typing import Any

from autograder.inside.calls import Report, Student

from .probes_curves import curves
from .probes_freezing import todo1, todo6
from .probes_hooks import todo3, todo4
from .probes_injection import todo5
from .probes_layers import todo2
from .probes_peft import todo7, todo8

PROBES: dict[str, Callable[[Student, Any, int], Report]] = {
    function.__name__: function for function in (todo1, todo2, todo3, todo4, todo5, todo6, todo7, todo8, curves)
}

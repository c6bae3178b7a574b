"""Cells of the homework's own that failed: nobody loses a point for it, but what they show or train is missing."""

import re
from collections.abc import Mapping, Sequence

from nbformat import NotebookNode

from autograder.models import Fault

OWN_ERROR_CHARS = 200
"""Of one exception."""
OWN_FAILURES_TOLD = 3
"""The first ones; most of the others fail for want of them."""


CELL_OF_FRAME = re.compile(r"In\[(\d+)\]")
"""How IPython's traceback names the cell of a frame, the innermost one last."""


def error_in(outputs: Sequence[NotebookNode], number: int | None) -> str:
    """What an exception of the cell with this number says, shortened; an empty text when there is none.

    What was raised in another cell that it calls, as an exercise that is not solved yet, is not its own.
    """
    raised = next((output for output in outputs if output.get("output_type") == "error"), None)
    if raised is None:
        return ""
    cells = CELL_OF_FRAME.findall("\n".join(map(str, raised.get("traceback") or ())))
    if cells and cells[-1] != str(number):
        return ""
    return f"{raised.get('ename')}: {str(raised.get('evalue'))[:OWN_ERROR_CHARS]}"


def own_fault(failed: Mapping[str, str]) -> Fault:
    """What to note of cells that failed, by their grade ids."""
    told = "; ".join(f"{name}: {error}" for name, error in [*failed.items()][:OWN_FAILURES_TOLD])
    more = f"; and {len(failed) - OWN_FAILURES_TOLD} more" * (len(failed) > OWN_FAILURES_TOLD)
    number = f"{len(failed)} cell{'s' * (len(failed) > 1)} of the homework's own failed"
    return Fault("submission", "own_cell", f"{number} ({told}{more})")

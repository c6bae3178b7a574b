"""Cells of the homework's own that failed: nobody loses a point for it, but what they show or train is missing."""

from collections.abc import Mapping, Sequence

from nbformat import NotebookNode

from autograder.models import Fault

OWN_ERROR_CHARS = 200
"""Of one exception."""
OWN_FAILURES_TOLD = 3
"""The first ones; most of the others fail for want of them."""


def error_in(outputs: Sequence[NotebookNode]) -> str:
    """What an exception among a cell's outputs says, shortened; an empty text when there is none."""
    raised = next((output for output in outputs if output.get("output_type") == "error"), None)
    return f"{raised.get('ename')}: {str(raised.get('evalue'))[:OWN_ERROR_CHARS]}" if raised else ""


def own_fault(failed: Mapping[str, str]) -> Fault:
    """What to note of cells that failed, by their grade ids."""
    told = "; ".join(f"{name}: {error}" for name, error in [*failed.items()][:OWN_FAILURES_TOLD])
    more = f"; and {len(failed) - OWN_FAILURES_TOLD} more" * (len(failed) > OWN_FAILURES_TOLD)
    number = f"{len(failed)} cell{'s' * (len(failed) > 1)} of the homework's own failed"
    return Fault("submission", "own_cell", f"{number} ({told}{more})")

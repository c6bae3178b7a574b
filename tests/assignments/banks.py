"""The calibration banks, kept beside the tests: wrong and right solutions that were executed, and ambiguous ones."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.authoring.mutants import Mutant
from tests.cases import stored

FOLDER = Path(__file__).parent / "entries"
DECIDED = {
    "n_a23_expanded": {2},
    "n_a23_shared_memory": {2},
    "n_a23_half": {2},
    "n_a4_only_init": {4},
}
"""Ambiguous forms that cost points, by decision; the reasons stand in the hidden tests of their TODO."""


@dataclass(frozen=True)
class Entry(Mutant):
    """One solution of a bank: cells that replace the right ones, and the grade cells that must lose points."""

    why: str = ""


def read(*names: str) -> list[Entry]:
    """The entries of these files of the banks."""
    rows = stored(*(FOLDER / f"{name}.json" for name in names)).values()
    return [Entry(row["id"], row["cells"], ids(row.get("fails", ())), why=row["why"]) for row in rows]


def ids(todos: Iterable[int]) -> frozenset[str]:
    """The grade ids of these TODOs."""
    return frozenset(f"todo{todo}" for todo in todos)


def wrong() -> list[Entry]:
    """Wrong solutions."""
    return read("first_wrong", "second_wrong")


def right() -> list[Entry]:
    """Right solutions in unusual forms."""
    return read("first_correct", "second_correct")


def ambiguous() -> list[Entry]:
    """Forms on which the homework's text was silent, with the decision in place of a first opinion."""
    entries = read("second_ambiguous")
    return [replace(entry, loses=ids(DECIDED.get(entry.name, ()))) for entry in entries]

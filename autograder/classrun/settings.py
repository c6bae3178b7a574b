"""How a class is graded: the choices that are the same for everybody in it, and where they come from."""

import functools
import hashlib
import json
import os
import platform
import secrets
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.utils import is_solution

from autograder.assignment import Assignment, load_assignment
from autograder.cells import max_scores
from autograder.classrun.cards import CardPool
from autograder.classrun.fetched import Fetched
from autograder.course import Course
from autograder.embedded import modules_digest, with_modules
from autograder.frames import Message
from autograder.kernel.zygote import visible_path
from autograder.observe.observed import Deadlines
from autograder.submission.prepare import Homework, packed_homework
from autograder.submission.shadow import Reserved, reserved

REPORTED_VERSIONS = ("autograder", "numpy", "jupyter_client", "ipykernel")
"""Distributions whose versions every Record names; an assignment adds its own."""


@dataclass(frozen=True)
class Settings:
    """How a class is graded; the same for everybody in it."""

    assignment: Assignment
    source: NotebookNode
    source_sha256: str
    notebook: str = ""
    """The source notebook's name."""
    files: tuple[Path, ...] = ()
    """Folders beside the source notebook; they are released with it, and stand beside it when it runs."""
    reserved: Reserved = field(default_factory=Reserved)
    """What no file of a submission may stand in for."""
    profile: str = ""
    """One of the assignment's; the first unless chosen."""
    jobs: int = field(default_factory=lambda: 2 * (os.cpu_count() or 1))
    """Submissions at a time. Kernel and grader wait for each other, so one per processor would leave it idle."""
    seed: int = field(default_factory=lambda: new_seed())
    second_seed: int | None = None
    """Of a second run of every submission; where the scores of the two differ, a person decides."""
    sandboxed: bool = True
    fetched: Fetched | None = None
    """Models and data of the profile, if it needs any."""
    cards: CardPool | None = field(default=None, compare=False)
    """Graphics cards, if the profile needs one."""
    deadlines: Deadlines = field(default_factory=Deadlines)
    limits: dict[str, float] = field(default_factory=dict)
    """Fields of autograder.kernel.limits.Limits that differ from their defaults."""

    @property
    def max_scores(self) -> dict[str, float]:
        """Points of every grade cell of the source notebook, in its order."""
        return max_scores(self.source.cells)

    @functools.cached_property
    def homework(self) -> tuple[Message, str]:
        """What a worker that reads submissions is told of the homework, and its SHA-256."""
        hello = packed_homework(Homework(self.source, self.reserved))
        return hello, hashlib.sha256(json.dumps(hello.values).encode()).hexdigest()

    @property
    def released_cells(self) -> list[str]:
        """The code cells that a student gets as they stand in the source: no solution, no hidden test."""
        cells = [c for c in self.source.cells if c.cell_type == "code" and not is_solution(c)]
        return [c.source for c in cells if "### BEGIN" not in c.source]


def new_seed() -> int:
    """One that no student can foresee."""
    return secrets.randbelow(2**31)


def settings_of(assignment: Assignment, source: Path, profile: str = "") -> Settings:
    """Settings for an assignment whose source notebook is at this path; UsageError for a profile that it lacks.

    What else an operator chooses is put in with ``dataclasses.replace``.
    """
    name = profile or assignment.default_profile
    declared = assignment.profile(name)
    data = source.read_bytes()
    modules = assignment.declaration.modules
    notebook = with_modules(nbformat.reads(data.decode("utf-8"), as_version=4), assignment.folder, modules)
    files = tuple(sorted(p for p in source.parent.iterdir() if p.is_dir() and not p.name.startswith(".")))
    return Settings(
        assignment=assignment,
        source=notebook,
        source_sha256=hashlib.sha256(data + modules_digest(assignment.folder, modules).encode()).hexdigest(),
        notebook=source.stem,
        files=files,
        reserved=reserved(notebook, files, visible_path()),
        profile=name,
        deadlines=Deadlines(**declared.deadlines),
        limits=dict(declared.limits),
    )


def settings_in(course: Course, name: str, notebook: str = "", profile: str = "") -> Settings:
    """Settings for a notebook of a course's assignment, the one of the same name unless another is meant.

    UsageError when the course lacks the notebook, its hidden tests or the profile.
    """
    source = course.source(name, notebook)
    return settings_of(load_assignment(course.grading(name)), source, profile)


@functools.cache
def versions(packages: tuple[str, ...]) -> dict[str, str]:
    """Versions of what a result may depend on, by package name."""
    return {"python": platform.python_version()} | {name: version(name) for name in (*REPORTED_VERSIONS, *packages)}

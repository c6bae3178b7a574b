"""What passes between the steps: frozen dataclasses, and the tree of values that a probe handed back."""

import functools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from autograder.errors import StudentError, Unobserved

FaultKind = Literal[
    "cell_timeout", "probe_timeout", "kernel_lost", "deadline", "starved", "limit", "ambiguous",
    "measured", "own_cell", "left_out", "not_run", "stopped",
]  # fmt: skip
"""The last five: a training that a person should look at, a cell of the homework's own that failed, a statement that
could not be run here, an exercise that hangs on one, one whose own cell failed."""
OutcomeKind = Literal["passed", "failed", "error", "unobserved"]


@dataclass(frozen=True, slots=True)
class Submission:
    """One student's submitted file, before anything in it was believed."""

    student: str
    assignment: str
    path: Path


@dataclass(frozen=True)
class Fault:
    """Something that went wrong while a submission ran, in words for a row of the class table."""

    where: str
    """Grade id or description of the cell, or "submission"."""
    kind: FaultKind
    message: str


@dataclass(frozen=True)
class HandedIn:
    """A file that lay beside the notebook when it ran."""

    name: str
    """Relative to the notebook, with slashes."""
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Record:
    """All that one submission's run left behind: cached, shipped, judged again and audited."""

    student: str
    assignment: str
    profile: str
    seed: int
    sandbox: dict[str, str]
    """Isolation layer -> "applied" or why not; empty when the operator chose ``--no-sandbox``."""
    submission_sha256: str
    source_sha256: str
    probes_sha256: str
    versions: dict[str, str]
    observations: dict[str, "Observation"]
    """By grade id; a grade id that is absent was never observed."""
    faults: tuple[Fault, ...] = ()
    repairs: tuple[str, ...] = ()
    files: tuple[HandedIn, ...] = ()
    """What was handed in with the notebook and lay beside it."""
    not_taken: tuple[str, ...] = ()
    """What was handed in and did not lie beside it, with the reasons."""
    not_run: str | None = None
    """Why nothing was run (an unreadable file, a fault of ours); then there are no observations."""
    wall_s: float = 0.0
    times_s: dict[str, float] = field(default_factory=dict)
    """Wall time of the steps: "ready" (sandbox and kernel), "cells", "probes"."""
    cpu_s: float = 0.0
    peak_memory_bytes: int = 0
    gpu: dict[str, float] = field(default_factory=dict)
    """Of the graphics card, as far as it was seen: "peak_bytes", "used_s", "busy_percent" (of the whole card)."""
    measured: dict[str, list[float]] = field(default_factory=dict)
    """What the notebook says that it has measured, such as accuracies; no points hang on it."""
    key: str = ""
    """Digest of all that decided it but the seed; empty when nobody may take it for the result of a whole run."""


@dataclass(frozen=True)
class Outcome:
    """What one hidden test said of one Record (pytest's words, plus "unobserved")."""

    student: str
    grade_id: str
    test: str
    points: float
    kind: OutcomeKind
    message: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """Points for one grade cell; ``points`` is None when no machine may decide."""

    grade_id: str
    max_score: float
    points: float | None
    messages: tuple[str, ...] = ()
    outcomes: tuple[Outcome, ...] = field(default=(), compare=False)
    """What each hidden test said, where the score comes from hidden tests."""


@dataclass(frozen=True)
class Graded:
    """One submission with its Record and its scores: what every way of publishing starts from."""

    submission: Submission
    record: Record
    scores: tuple[Score, ...]
    executed: str | None = None
    """JSON of the notebook that was run, if one was."""

    @property
    def total(self) -> float | None:
        """Points over all grade cells, or None while one of them waits for a person."""
        return points_in_all(self.scores)

    @property
    def undecided(self) -> tuple[str, ...]:
        """Grade ids that wait for a person."""
        return without_points(self.scores)


@dataclass(frozen=True, slots=True)
class ClassRow:
    """What the class table says of one student: all that is kept of everybody in a class of thousands."""

    student: str
    scores: tuple[Score, ...]
    """Without their messages."""
    notes: tuple[str, ...] = ()

    @property
    def total(self) -> float | None:
        """Points over all grade cells, or None while one of them waits for a person."""
        return points_in_all(self.scores)

    @property
    def undecided(self) -> tuple[str, ...]:
        """Grade ids that wait for a person."""
        return without_points(self.scores)


def points_in_all(scores: Iterable[Score]) -> float | None:
    """The sum of the points, or None when one score has none."""
    points = [score.points for score in scores]
    return None if None in points else sum(p for p in points if p is not None)


def without_points(scores: Iterable[Score]) -> tuple[str, ...]:
    """Grade ids of the scores without points."""
    return tuple(score.grade_id for score in scores if score.points is None)


class Observation:
    """A tree of plain values and arrays that came out of a student's process: decoded and bounded, not believed.

    Every accessor checks what it hands out and raises StudentError on anything else, so that a malformed
    reply can neither crash a hidden test nor pass one.
    """

    def __init__(self, values: Any, tensors: Mapping[str, npt.NDArray[Any]], path: str = "") -> None:
        self.values, self.tensors, self.path = values, tensors, path
        self.children: dict[str, Observation] = {}

    def __getitem__(self, key: str) -> "Observation":
        child = self.children.get(key)
        if child is None:
            if not isinstance(self.values, dict) or key not in self.values:
                raise StudentError(f"the probe's reply is malformed: '{self.path}/{key}' is missing")
            child = self.children[key] = Observation(self.values[key], self.tensors, f"{self.path}/{key}")
        return child

    def __contains__(self, key: str) -> bool:
        return isinstance(self.values, dict) and key in self.values

    def items(self) -> Iterator[tuple[str, "Observation"]]:
        """(key, subtree) pairs."""
        if not isinstance(self.values, dict):
            raise self.malformed("a mapping")
        return ((key, self[key]) for key in self.values)

    def array(self, *shape: int) -> npt.NDArray[np.float64]:
        """The float array of exactly this shape."""
        array = self.any_array()
        if array.shape != shape:
            raise StudentError("a result does not have the shape that it should have")
        return array

    def any_array(self) -> npt.NDArray[np.float64]:
        """The float array, whatever its shape: a part of the one that holds all numbers of its kind."""
        try:
            kind, at, shape = (self.values[key] for key in ("tensor", "at", "shape"))
            flat = self.tensors[kind]
            part = flat[at : at + math.prod(shape)].reshape(shape)
        except (TypeError, ValueError, LookupError, OverflowError) as error:
            raise self.malformed("a tensor") from error
        # Python and NumPy take a number below zero for something else.
        if flat.ndim != 1 or flat.dtype.kind not in "fiub" or at < 0 or part.shape != tuple(shape):
            raise self.malformed("a tensor")
        return part.astype(np.float64)

    def text(self) -> str:
        """The string."""
        if not isinstance(self.values, str):
            raise self.malformed("a text")
        return self.values

    def flag(self) -> bool:
        """The truth value."""
        if not isinstance(self.values, bool):
            raise self.malformed("True or False")
        return self.values

    def number(self) -> float | None:
        """The number, or None."""
        if self.values is not None and (isinstance(self.values, bool) or not isinstance(self.values, int | float)):
            raise self.malformed("a number")
        return self.values

    def names(self) -> list[str]:
        """The list of strings."""
        if not isinstance(self.values, list) or not all(isinstance(v, str) for v in self.values):
            raise self.malformed("a list of names")
        return self.values

    def parameters(self) -> dict[str, tuple[tuple[int, ...], bool]]:
        """Name -> (shape, trainable), from the columns that a probe makes of a model's parameters."""
        return dict(self.parameter_rows)

    @functools.cached_property
    def parameter_rows(self) -> dict[str, tuple[tuple[int, ...], bool]]:
        """The same, read once: most hidden tests of a grade cell ask for them."""
        try:
            shapes = [tuple(map(int, shape)) for shape in self.values["shapes"]]
            names, places, trainable = self.values["names"], self.values["shape"], {*self.values["trainable"]}
            rows = enumerate(zip(names, places, strict=True))
            return {str(name): (shapes[place], number in trainable) for number, (name, place) in rows}
        except (TypeError, ValueError, LookupError) as error:
            raise self.malformed("a list of parameters") from error

    @property
    def control(self) -> str:
        """Of a described exception: what the same step raised without the student's work, or nothing."""
        found = self.values.get("control") if isinstance(self.values, dict) else None
        return found if isinstance(found, str) else ""

    def completed(self, what: str, *, error: str = "error") -> "Observation":
        """Itself, unless an exception of the student's was noted under ``error``: then StudentError tells it.

        Unobserved when the same step failed without the student's work: then the fault is ours.
        """
        if error in self and self[error].values is not None:
            raised = self[error]
            if raised.control:
                raise Unobserved(f"{what} could not be observed: the same step fails without the student's work")
            frames = "".join(f"\n  {frame}" for frame in raised["frames"].names())
            raise StudentError(f"{what} raised {raised['type'].text()}: {raised['message'].text()[:300]}{frames}")
        return self

    def malformed(self, expected: str) -> StudentError:
        """The error for a value of the wrong kind."""
        return StudentError(f"the probe's reply is malformed: '{self.path}' is not {expected}")

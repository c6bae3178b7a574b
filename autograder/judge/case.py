"""One Record under judgement: what the hidden tests are given of it, and what is told of what they say."""

import functools
import traceback
from dataclasses import dataclass
from pathlib import Path

from autograder.assignment import Declaration, load_assignment
from autograder.errors import GraderError, StudentError, Unobserved
from autograder.judge import redact
from autograder.models import FaultKind, Observation, Outcome, OutcomeKind, Record
from autograder.observe import record as records


@dataclass(frozen=True)
class HiddenTest:
    """What is known of a hidden test before it is run."""

    name: str
    grade_id: str
    points: float


class Case:
    """A Record, read once for all hidden tests."""

    def __init__(self, path: Path, homework: Path) -> None:
        self.path, self.homework = path, homework

    @property
    def student(self) -> str:
        """Whose it is."""
        return records.student_of(self.path)

    @functools.cached_property
    def saved(self) -> records.SavedRecord:
        """The Record as it was saved."""
        return records.saved_at(self.path)

    @functools.cached_property
    def record(self) -> Record:
        """The Record; its exceptions are told as feedback may tell them."""
        return redact.redacted(self.saved.record, lambda: self.public)

    @functools.cached_property
    def public(self) -> redact.Public:
        """What may be repeated to the student."""
        declared, texts = homework(self.homework)
        return redact.public_texts(self.saved.notebook, *declared.public_names, *texts, declared=declared.public)

    def observed(self, grade_id: str) -> Observation:
        """The observation of a grade cell; StudentError or Unobserved when there is none to judge."""
        record = self.record
        if grade_id not in record.observations:
            raise Unobserved(why_unobserved(record, grade_id))
        observation = record.observations[grade_id]
        if "error" in observation and observation["error"].values is not None and not observation.values.keys() - ERROR:
            if observation["error"].control:
                raise Unobserved("could not be graded: the probe failed where nothing of the student's was involved")
            raise StudentError("; ".join(faults(record, grade_id, "stopped")) or probe_error(observation["error"]))
        return observation

    def outcome(self, test: HiddenTest, error: BaseException | None) -> Outcome:
        """What became of a test, as an Outcome. Only an assertion or a StudentError is the student's fault."""
        try:
            return self.told_outcome(test, error)
        except GraderError as damaged:
            # Of the executed notebook, which is read when there is something to tell.
            return Outcome(self.student, test.grade_id, test.name, test.points, "error", str(damaged))

    def told_outcome(self, test: HiddenTest, error: BaseException | None) -> Outcome:
        """The same; GraderError when a part of the Record that it needs is damaged."""
        kind = outcome_kind(error)
        message = "" if error is None else self.message(test, kind, error)
        if kind == "failed" and faults(self.record, test.grade_id, "not_run"):
            # Not run is not wrong: what failed may be right where the student ran it.
            kind, message = "unobserved", why_unobserved(self.record, test.grade_id)
        return Outcome(self.student, test.grade_id, test.name, test.points, kind, message)

    def message(self, test: HiddenTest, kind: OutcomeKind, error: BaseException) -> str:
        """What is told of an error: without what the student's process may have put into it."""
        if isinstance(error, GraderError):
            return str(error)
        if kind == "error":
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(place.filename).name}:{place.lineno}"
            return f"the hidden test {test.name} is broken: {type(error).__name__} ({where})"
        told = with_first_cause(self.record, str(error), test.grade_id)
        return redact.told_outcome(told, self.record.observations.get(test.grade_id), self.public)


def outcome_kind(error: BaseException | None) -> OutcomeKind:
    """pytest's word for what a test raised."""
    if error is None:
        return "passed"
    if isinstance(error, AssertionError | StudentError):
        return "failed"
    return "unobserved" if isinstance(error, Unobserved) else "error"


@functools.cache
def homework(folder: Path) -> tuple[Declaration, tuple[str, ...]]:
    """What the assignment declares, and what it says in its own words."""
    return load_assignment(folder).declaration, tuple(redact.texts_of_homework(folder))


ERROR = {"error", "replaced", "left_on"}
"""All that a probe reports when it was stopped."""
WHY_NOT_REACHED = ("kernel_lost", "deadline", "starved", "limit")


def why_unobserved(record: Record, grade_id: str) -> str:
    """The likeliest reason, from the run's faults."""
    if record.not_run:
        return f"could not be graded: {record.not_run}"
    unclear = faults(record, grade_id, "ambiguous") or faults(record, grade_id, "not_run")
    lost = list(dict.fromkeys(fault.message for fault in record.faults if fault.kind in WHY_NOT_REACHED))
    reasons = unclear or lost
    return f"could not be graded: {'; '.join(reasons) or 'the grade cell was never reached'}"


def faults(record: Record, grade_id: str, kind: FaultKind) -> list[str]:
    """What the run noted of this kind about a grade cell."""
    return [fault.message for fault in record.faults if (fault.kind, fault.where) == (kind, grade_id)]


def probe_error(error: Observation) -> str:
    """What stopped the whole probe, in the student's words."""
    kind = error["type"].text()
    if kind == "Interrupted":
        return "your function did not finish in time: is there an endless loop?"
    if (message := error["message"].text()).startswith("the notebook defines no function"):
        return message
    frames = "".join(f"\n  {frame}" for frame in error["frames"].names())
    return f"{kind}: {error['message'].text()[:300]}{frames}"


def with_first_cause(record: Record, message: str, grade_id: str) -> str:
    """The message; where a name is missing, also the error that kept a cell from defining it."""
    new = [words for words in faults(record, grade_id, "stopped") if words not in message]
    return "\n".join([message, *new]) if "NameError" in message else message

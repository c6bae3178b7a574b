"""Run hidden tests over saved Records: every test once per Record, outcomes into a JSON file.

pytest -p autograder.judge.pytest_plugin --records FILE --outcomes FILE grading/NAME

``--records`` names a JSON list of Records' files. A test says what it is worth with
``@pytest.mark.points(grade_id, points)`` and asks for the fixtures ``observed`` (its grade cell's
observation), ``observations`` (all of them), ``record`` and ``seed``.
"""

import dataclasses
import functools
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from autograder.assignment import Declaration, load_assignment
from autograder.errors import AuthorError, StudentError, Unobserved
from autograder.judge import redact
from autograder.models import FaultKind, Observation, Outcome, OutcomeKind, Record
from autograder.observe import record as records


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("autograder")
    group.addoption("--records", help="JSON file with a list of Records' files")
    group.addoption("--outcomes", help="JSON file that the outcomes are written to")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "points(grade_id, points): what a hidden test is worth, and where")
    config.stash[OUTCOMES] = []


OUTCOMES = pytest.StashKey[list[Outcome]]()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    paths = json.loads(Path(metafunc.config.getoption("--records")).read_text(encoding="utf-8"))
    metafunc.fixturenames.append("record")
    metafunc.parametrize("record", paths, indirect=True)


@functools.cache
def redacted_record(path: str, config: pytest.Config) -> Record:
    """The Record, read once for all hidden tests; its exceptions are told as feedback may tell them."""
    return redact.redacted(records.load(Path(path)), functools.partial(public, path, config))


@functools.cache
def public(path: str, config: pytest.Config) -> redact.Public:
    """What may be repeated to the student."""
    declared, texts = homework(config.rootpath)
    return redact.public_texts(records.read(Path(path))[1], *declared.public_names, *texts, declared=declared.public)


@functools.cache
def homework(folder: Path) -> tuple[Declaration, tuple[str, ...]]:
    """What the assignment declares, and what it says in its own words."""
    return load_assignment(folder).declaration, tuple(redact.texts_of_homework(folder))


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Record:
    """The Record under judgement."""
    return redacted_record(request.param, request.config)


@pytest.fixture
def observations(record: Record) -> dict[str, Observation]:
    """Everything that was observed, by grade id."""
    return record.observations


@pytest.fixture
def seed(record: Record) -> int:
    """The seed that the probes drew their inputs from."""
    return record.seed


ERROR = {"error", "replaced", "left_on"}
"""All that a probe reports when it was stopped."""


@pytest.fixture
def observed(request: pytest.FixtureRequest, record: Record) -> Observation:
    """The observation of the test's own grade cell; StudentError or Unobserved when there is none to judge."""
    grade_id, _ = points_of(request.node)
    if grade_id not in record.observations:
        raise Unobserved(why_unobserved(record, grade_id))
    observation = record.observations[grade_id]
    if "error" in observation and observation["error"].values is not None and not observation.values.keys() - ERROR:
        if observation["error"].control:
            raise Unobserved("could not be graded: the probe failed where nothing of the student's was involved")
        raise StudentError("; ".join(faults(record, grade_id, "stopped")) or probe_error(observation["error"]))
    return observation


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


def points_of(item: Any) -> tuple[str, float]:
    """(grade id, points) of a hidden test."""
    marker = item.get_closest_marker("points")
    if marker is None or len(marker.args) != 2:
        raise AuthorError(f"hidden test {item.nodeid} has no @pytest.mark.points(grade_id, points)")
    return str(marker.args[0]), float(marker.args[1])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    report = yield
    if call.when == "call" or (call.when == "setup" and call.excinfo is not None):
        item.config.stash[OUTCOMES].append(outcome(item, call))
    return report


def outcome(item: Any, call: pytest.CallInfo[None]) -> Outcome:
    """pytest's result as an Outcome. Only an assertion or a StudentError is the student's fault."""
    grade_id, points = points_of(item)
    path: str = item.callspec.params["record"]
    error = call.excinfo.value if call.excinfo else None
    kind: OutcomeKind = "error"
    if error is None:
        kind = "passed"
    elif isinstance(error, AssertionError | StudentError):
        kind = "failed"
    elif isinstance(error, Unobserved):
        kind = "unobserved"
    message = "" if error is None else repeatable(item, with_first_cause(item, str(error), grade_id), grade_id)
    if kind == "failed" and faults(record := redacted_record(path, item.config), grade_id, "not_run"):
        # Not run is not wrong: what failed may be right where the student ran it.
        kind, message = "unobserved", why_unobserved(record, grade_id)
    if kind == "error" and call.excinfo is not None:
        entry = call.excinfo.traceback[-1]
        where = f"{Path(entry.path).name}:{entry.lineno + 1}"
        message = f"the hidden test {item.originalname} is broken: {call.excinfo.typename} ({where})"
    return Outcome(records.student_of(Path(path)), grade_id, item.originalname, points, kind, message)


def with_first_cause(item: Any, message: str, grade_id: str) -> str:
    """The message; where a name is missing, also the error that kept a cell from defining it."""
    told = faults(redacted_record(item.callspec.params["record"], item.config), grade_id, "stopped")
    new = [words for words in told if words not in message]
    return "\n".join([message, *new]) if "NameError" in message else message


def repeatable(item: Any, message: str, grade_id: str) -> str:
    """The message without what the student's process may have put into it."""
    path, config = item.callspec.params["record"], item.config
    observation = redacted_record(path, config).observations.get(grade_id)
    return redact.told_outcome(message, observation, public(path, config))


def pytest_sessionfinish(session: pytest.Session) -> None:
    outcomes = [dataclasses.asdict(o) for o in session.config.stash[OUTCOMES]]
    Path(session.config.getoption("--outcomes")).write_text(json.dumps(outcomes), encoding="utf-8")

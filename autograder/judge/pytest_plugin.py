"""Run hidden tests over saved Records and write an outcome for each pair of a test and a Record.

pytest -p autograder.judge.pytest_plugin --records FILE --outcomes FILE grading/NAME

``--records`` names a JSON list of Records' files. A test says what it is worth with
``@pytest.mark.points(grade_id, points)`` and asks for the fixtures ``observed`` (its grade cell's
observation), ``observations`` (all of them), ``record`` and ``seed``. Plain tests are called by ``direct``, one Record
after the other; the others are pytest's items, one for each Record.
"""

import functools
import json
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from autograder.errors import AuthorError
from autograder.garbage import look_for_cycles_seldom
from autograder.judge.case import Case, HiddenTest
from autograder.judge.direct import Call, is_plain
from autograder.judge.journal import Journal
from autograder.models import Observation, Record

GIVEN = frozenset({"record", "observations", "seed", "observed"})
"""The fixtures below."""
ENDS = (KeyboardInterrupt, pytest.exit.Exception)
"""What a test may raise to end everything, as in pytest."""

PATHS = pytest.StashKey[list[Path]]()
JOURNAL = pytest.StashKey[Journal]()
CALLS = pytest.StashKey[list[tuple[str, HiddenTest, Call]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("autograder")
    group.addoption("--records", help="JSON file with a list of Records' files")
    group.addoption("--outcomes", help="file that the outcomes are written to, and that says what was judged before")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "points(grade_id, points): what a hidden test is worth, and where")
    rows = json.loads(Path(config.getoption("--records")).read_text(encoding="utf-8"))
    config.stash[PATHS] = [Path(row) for row in rows]
    config.stash[JOURNAL] = Journal(Path(config.getoption("--outcomes")))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make an item for each Record of those that only pytest can run."""
    if not is_plain(metafunc.definition, GIVEN):
        metafunc.fixturenames.append("record")
        paths = [str(path) for path in metafunc.config.stash[PATHS]]
        metafunc.parametrize("record", paths, indirect=True)


@functools.lru_cache(maxsize=1)
def case_of(path: str, homework: Path) -> Case:
    """The Record under judgement; only one is kept."""
    return Case(Path(path), homework)


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Record:
    """The Record under judgement."""
    return case_of(request.param, request.config.rootpath).record


@pytest.fixture
def observations(record: Record) -> dict[str, Observation]:
    """Everything that was observed, by grade id."""
    return record.observations


@pytest.fixture
def seed(record: Record) -> int:
    """The seed that the probes drew their inputs from."""
    return record.seed


@pytest.fixture
def observed(request: pytest.FixtureRequest, record: Record) -> Observation:
    """The observation of the test's own grade cell; StudentError or Unobserved when there is none to judge."""
    return case_of(record_path(request.node), request.config.rootpath).observed(hidden_test(request.node).grade_id)


def record_path(item: Any) -> str:
    """The file of the Record that an item of pytest's is for."""
    return str(item.callspec.params["record"])


def hidden_test(item: Any) -> HiddenTest:
    """What an item's marker says."""
    marker = item.get_closest_marker("points")
    if marker is None or len(marker.args) != 2:
        raise AuthorError(f"hidden test {item.nodeid} has no @pytest.mark.points(grade_id, points)")
    return HiddenTest(item.originalname, str(marker.args[0]), float(marker.args[1]))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave to pytest what only it can run and was not judged before, one Record after the other."""
    plain = [item for item in items if not is_for_one_record(item)]
    others = [item for item in items if is_for_one_record(item)]
    config.stash[CALLS] = [(item.nodeid, hidden_test(item), Call(item, GIVEN)) for item in plain]
    items[:] = [item for item in sorted(others, key=record_path) if is_open(item)]


def is_open(item: pytest.Item) -> bool:
    """Whether an item for one Record is still to be run."""
    case = case_of(record_path(item), item.config.rootpath)
    return item.config.stash[JOURNAL].is_open(item.nodeid, case, hidden_test(item))


def is_for_one_record(item: Any) -> bool:
    """Whether it is an item of pytest's for one Record."""
    return "record" in getattr(getattr(item, "callspec", None), "params", {})


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Call the plain tests; pytest's own loop runs the others afterwards."""
    config = session.config
    look_for_cycles_seldom()
    for path in config.stash[PATHS]:
        case = case_of(str(path), config.rootpath)
        for name, test, call in config.stash[CALLS]:
            config.stash[JOURNAL].keep(f"{name} {path}", case, test, functools.partial(raised_by, case, test, call))
        config.stash[JOURNAL].flush()


def raised_by(case: Case, test: HiddenTest, call: Call) -> BaseException | None:
    """What a plain test raised."""
    given: dict[str, Callable[[], Any]] = {
        "record": lambda: case.record,
        "observations": lambda: case.record.observations,
        "seed": lambda: case.record.seed,
        "observed": lambda: case.observed(test.grade_id),
    }
    try:
        call(given)
    except ENDS:
        raise
    except BaseException as error:
        return error
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    test = hidden_test(item)
    case = case_of(record_path(item), item.config.rootpath)
    item.config.stash[JOURNAL].begin(item.nodeid, case, test)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    report = yield
    if call.when == "call" or (call.when == "setup" and call.excinfo is not None):
        case = case_of(record_path(item), item.config.rootpath)
        error = call.excinfo.value if call.excinfo else None
        item.config.stash[JOURNAL].end(item.nodeid, case.outcome(hidden_test(item), error))
    return report

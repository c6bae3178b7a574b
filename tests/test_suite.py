"""The suite itself: what it is divided into, and that CI runs all of it."""

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests import cases, conftest
from tests.builders import GRADING, ROOT
from tests.scenarios import damaged, hostile
from tests.test_architecture import LINES_MAX, PACKAGE, modules


def targets(text: str) -> set[str]:
    """The targets that a script or a page has `make` run."""
    return set(re.findall(r"\bmake ([\w-]+)", text))


def test_ci_runs_the_checks_and_every_target_with_tests() -> None:
    defined = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    tests = {target for target in defined if target.split("-")[0] in ("test", "check")}
    assert targets((ROOT / ".ci" / "run").read_text()) == tests
    assert "- run: .ci/run" in (ROOT / ".github" / "workflows" / "test.yml").read_text()


def test_the_readme_names_every_target_with_tests() -> None:
    assert targets((ROOT / ".ci" / "run").read_text()) <= targets((ROOT / "README.md").read_text())


@pytest.mark.parametrize("kind", damaged.KINDS, ids=lambda kind: kind.__name__.rpartition(".")[2])
def test_every_damage_is_in_the_table_of_its_module(kind: ModuleType) -> None:
    tree = ast.parse(Path(kind.__file__).read_text(encoding="utf-8"))
    made = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert [
        node.name for node in made if [arg.arg for arg in node.args.args + node.args.kwonlyargs] == ["notebook"]
    ] == [*kind.CASES]


@pytest.mark.parametrize("bank", [damaged, hostile])
def test_every_module_with_a_table_is_in_its_bank(bank: ModuleType) -> None:
    files = {path.stem for path in Path(bank.__file__).parent.glob("*.py") if "CASES = " in path.read_text()}
    assert {kind.__name__.rpartition(".")[2] for kind in bank.KINDS} == files - {"__init__"}


def test_of_two_cases_with_one_name_none_is_lost_in_silence() -> None:
    assert cases.joined({"a": 1}, {"b": 2}) == {"a": 1, "b": 2}
    with pytest.raises(ValueError, match="two cases are named 'a'"):
        cases.joined({"a": 1}, {"a": 2})


def test_no_file_of_the_tests_holds_several_ideas() -> None:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / "tests").rglob("*.py")}
    assert [path for path, count in lines.items() if count > LINES_MAX] == []


COVERS = re.compile(r"^Covers ((?:.|\n)+)\.$", re.MULTILINE)
"""How a test file names, in its docstring, the modules that it tests besides the one that it is named after."""


def said_to_be_covered() -> Iterator[Path]:
    """What the test files say that they cover; a place that is none is an error."""
    for path in (ROOT / "tests").rglob("test_*.py"):
        said = COVERS.search(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "")
        for place in re.findall(r"[\w/*]+\.py", said[1]) if said else ():
            found = [*ROOT.glob(place)]
            assert found, f"{path} covers {place}, which is not there"
            yield from found


def namesake(module: Path) -> Path:
    """The test file of a module, by its name."""
    folder = module.relative_to(PACKAGE).parent if module.is_relative_to(PACKAGE) else Path("assignments")
    return ROOT / "tests" / folder / f"test_{module.stem}.py"


def test_every_module_has_a_test_file_or_is_named_in_the_one_that_covers_it() -> None:
    covered = {*said_to_be_covered()}
    ours = [path for path in modules() if "template" not in path.parts] + [*GRADING.glob("[!_]*.py")]
    assert [path for path in ours if path not in covered and not namesake(path).is_file()] == []
    assert [path for path in covered if namesake(path).is_file()] == []


def test_the_files_that_workers_take_first_exist() -> None:
    assert [name for name in conftest.LONGEST_FIRST if not (ROOT / "tests" / name).is_file()] == []


@pytest.mark.parametrize(("processors", "workers"), [(1, 2), (2, 2), (6, 6), (64, 8)])
def test_there_are_at_least_two_workers_and_no_more_than_help(
    monkeypatch: pytest.MonkeyPatch, processors: int, workers: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(processors)))
    assert conftest.pytest_xdist_auto_num_workers() == workers


class Factory:
    """The part of pytest's that hands out folders to the workers of one run."""

    def __init__(self, folder: Path, worker: str) -> None:
        self.base = folder / worker
        self.base.mkdir()

    def getbasetemp(self) -> Path:
        return self.base


def test_what_one_worker_has_built_the_others_find(tmp_path: Path) -> None:
    built: list[Path] = []
    found = {conftest.built_once(Factory(tmp_path, name), name, "it", built.append) for name in ("gw0", "gw1")}
    assert found == {tmp_path / "it"} == set(built)
    assert len(built) == 1


def test_what_a_worker_failed_to_build_another_one_tries_again(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        conftest.built_once(Factory(tmp_path, "gw0"), "gw0", "it", lambda folder: 1 / 0)
    found = conftest.built_once(Factory(tmp_path, "gw1"), "gw1", "it", lambda folder: (folder / "x").touch())
    assert (found / "x").is_file()

"""docs/architecture.md says what the code is: imports go one way, and every place that it names is there."""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from autograder.inside import runner, warm
from autograder.kernel import forked
from autograder.observe import wire
from tests.builders import GRADING, NAME, ROOT, assignment

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").replace("<name>", NAME)
PACKAGE = ROOT / "autograder"
INSIDE = "inside"
LINES_MAX = 300
ORDER = [line.strip() for line in PAGE.splitlines() if line.startswith("    cli -> ")]
ROWS = [line for line in PAGE.partition("## Where does X go?")[2].splitlines() if line.startswith("| a")]
PLACE = re.compile(r"`([\w./*-]+\.(?:py|md|ipynb))`")
PART_OF_PLACE = re.compile(r"`(\w+)`(?: (?:and|or) `(\w+)`)? in `([\w./]+\.py)`")


def levels() -> dict[str, int]:
    """Part of the package -> its place in the line that the page draws; the lowest may be imported by all."""
    places = reversed(ORDER[0].split(" -> "))
    return {part: level for level, parts in enumerate(places) for part in parts.split(", ")}


def imported(path: Path) -> Iterator[str]:
    """Dotted names of what a module imports, in full."""
    here = path.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = [*here[: -node.level], node.module] if node.level else [node.module]
            start = ".".join(part for part in base if part)
            yield from (f"{start}.{alias.name}" for alias in node.names)


def part(name: str) -> str:
    """The part of the package that a dotted name lies in, or an empty text."""
    first, _, rest = name.partition(".")
    return rest.split(".")[0] if first == PACKAGE.name else ""


def modules() -> list[Path]:
    """Every module of the package that stands in a part of it."""
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path.stem not in ("__init__", "__main__")]


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def upwards(path: Path) -> list[str]:
    """What a module imports from its own level or above, its own part aside."""
    level, own = levels(), part(module_name(path))
    others = {part(name) for name in imported(path)} - {"", own}
    return sorted(other for other in others if level[other] >= level[own])


@pytest.mark.parametrize("path", modules(), ids=module_name)
def test_a_module_imports_only_from_below(path: Path) -> None:
    assert upwards(path) == []


def test_an_import_from_above_would_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.test_architecture.ROOT", tmp_path)
    path = tmp_path / "autograder" / "kernel" / "new.py"
    path.parent.mkdir(parents=True)
    path.write_text("from autograder.judge import score\nfrom ..models import Record\n")
    assert upwards(path) == ["judge"]


@pytest.mark.parametrize("path", sorted((PACKAGE / INSIDE).glob("*.py")), ids=lambda path: path.stem)
def test_what_runs_with_the_student_imports_nothing_of_the_rest(path: Path) -> None:
    assert {part(name) for name in imported(path)} <= {"", INSIDE}


def test_nobody_outside_imports_what_runs_with_the_student_but_the_shipper() -> None:
    outside = [path for path in modules() if INSIDE not in path.parts and "template" not in path.parts]
    assert [path.stem for path in outside if INSIDE in {part(name) for name in imported(path)}] == ["shipping"]


@pytest.mark.parametrize("path", modules(), ids=module_name)
def test_no_module_holds_several_ideas(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LINES_MAX


SAME = {
    **dict.fromkeys(("collect", "grade", "new", "rejudge", "release"), "the command and what it calls"),
    "MESSAGE_MAX_BYTES": "of the warm parent and of whoever reads from it, on both sides of the wall",
    "FAILURES_MAX": "of one cell, as the runner sends and as the decoder takes them",
}
"""Names of modules' own that occur in several modules since they mean the same there."""


def own_names(path: Path) -> Iterator[str]:
    """What a module defines at its top."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        yield from (name.id for target in targets if target for name in ast.walk(target) if isinstance(name, ast.Name))


def recurring(paths: Iterable[Path]) -> set[str]:
    """Names that more than one of these modules defines."""
    found = Counter(name for path in paths for name in set(own_names(path)))
    return {name for name, count in found.items() if count > 1}


def test_a_name_of_a_module_means_one_thing_in_the_package() -> None:
    assert recurring(path for path in modules() if "template" not in path.parts) == SAME.keys()


def test_a_recurring_name_would_be_found(tmp_path: Path) -> None:
    for name, text in (("a", "X, Y = 1, 2\n"), ("b", "def Y(): ...\n"), ("c", "import X\n")):
        (tmp_path / f"{name}.py").write_text(text)
    assert recurring(tmp_path.glob("*.py")) == {"Y"}


def test_both_sides_of_the_wall_have_the_same_limits() -> None:
    assert forked.MESSAGE_MAX_BYTES == warm.MESSAGE_MAX_BYTES
    assert wire.FAILURES_MAX == runner.FAILURES_MAX


SHIPPED = sorted(assignment().shipped)


@pytest.mark.parametrize("name", SHIPPED)
def test_what_an_assignment_ships_imports_nothing_that_stays(name: str) -> None:
    found = [*imported(GRADING / f"{name}.py")]
    assert {part(one) for one in found} <= {"", INSIDE}
    package = ".".join(GRADING.relative_to(ROOT).parts)
    own = {one.removeprefix(f"{package}.").partition(".")[0] for one in found if one.startswith(package)}
    assert own <= set(SHIPPED)


@pytest.mark.parametrize("path", sorted(GRADING.glob("*.py")), ids=lambda path: path.stem)
def test_no_file_of_the_homework_holds_several_ideas(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LINES_MAX


def test_the_page_has_a_row_for_every_kind_of_change() -> None:
    assert len(ROWS) >= 10


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip())
def test_every_place_that_a_row_names_is_there(row: str) -> None:
    places = PLACE.findall(row)
    assert places
    assert [place for place in places if not list(ROOT.glob(place))] == []
    for first, second, place in PART_OF_PLACE.findall(row):
        text = (ROOT / place).read_text(encoding="utf-8")
        assert all(re.search(rf"\b{name}\b", text) for name in (first, second) if name)

"""A new assignment: its name, where it is written, what is never overwritten."""

import re
from pathlib import Path

import pytest

from autograder.assignment import load_assignment
from autograder.authoring.mutants import mutants
from autograder.authoring.new import TEMPLATE, new
from autograder.course import Course
from autograder.errors import UsageError
from tests.builders import ROOT
from tests.conftest import run


def contents(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_an_empty_folder_becomes_a_course(tmp_path: Path) -> None:
    written = new(tmp_path, "warmup")
    assert {str(path.relative_to(tmp_path)) for path in written} == contents(tmp_path).keys()
    course = Course.find(tmp_path)
    assert course.assignments() == ["warmup"]
    assert "# warmup" in course.source("warmup").read_text()
    assert mutants(load_assignment(course.grading("warmup")))


def test_a_second_assignment_leaves_the_course_as_it_is(tmp_path: Path) -> None:
    new(tmp_path, "first")
    before = contents(tmp_path)
    (tmp_path / "source" / "first").mkdir(exist_ok=True)
    new(tmp_path / "source", "second")
    after = contents(tmp_path)
    assert before.items() <= after.items()
    assert {"source/second/second.ipynb", "grading/second/probes.py"} <= after.keys() - before.keys()


def test_the_places_that_the_course_chose_are_used(tmp_path: Path) -> None:
    (tmp_path / "nbgrader_config.py").write_text(
        "c = get_config()\nc.Grading.directory = 'checks'\nc.CourseDirectory.source_directory = 'notebooks'\n"
    )
    new(tmp_path, "warmup")
    assert {"notebooks/warmup/warmup.ipynb", "checks/warmup/probes.py"} <= contents(tmp_path).keys()


@pytest.mark.parametrize("folder", ["source", "grading"])
def test_nothing_is_overwritten(tmp_path: Path, folder: str) -> None:
    new(tmp_path, "first")
    (tmp_path / folder / "second").mkdir()
    before = contents(tmp_path)
    with pytest.raises(UsageError, match=rf"{folder}/second is there already"):
        new(tmp_path, "second")
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["hw-1", "1st", "a b", "../up", "", "class", "übung", "hw.1"])
def test_a_name_that_python_cannot_import_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot name an assignment"):
        new(tmp_path, name)
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("name", ["numpy", "json", "time", "autograder"])
def test_a_name_that_would_hide_a_module_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="the name of a Python module"):
        new(tmp_path, name)


def test_a_folder_with_other_work_is_no_place_for_a_course(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(UsageError, match="To begin a course, change into an empty folder"):
        new(tmp_path, "warmup")


def test_a_virtual_environment_and_hidden_files_do_not_count(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "pyvenv.cfg").write_text("")
    assert new(tmp_path, "warmup")


def test_the_command_says_what_it_wrote_and_what_comes_next(tmp_path: Path) -> None:
    done = run(tmp_path, "new", "warmup")
    assert done["status"] == 0
    assert f"wrote {tmp_path}/source/warmup/warmup.ipynb" in str(done["output"])
    assert "Next: autograder release warmup" in str(done["output"])
    again = run(tmp_path, "new", "warmup")
    assert (again["status"], "is there already" in str(again["output"])) == (2, True)


def test_a_new_course_is_configured_like_this_one() -> None:
    ours, theirs = ((folder / "nbgrader_config.py").read_text() for folder in (ROOT, TEMPLATE))
    lines = [re.sub(r'course_id = ".*"', "course_id", text) for text in (ours, theirs)]
    assert set(lines[0].splitlines()) <= set(lines[1].splitlines())


def test_the_tool_names_no_homework() -> None:
    word = re.compile(r"hw8|gpt2|peft|lora|\btodo\b", re.IGNORECASE)
    files = [path for path in (ROOT / "autograder").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert [path.name for path in files if word.search(path.read_text(encoding="utf-8"))] == []

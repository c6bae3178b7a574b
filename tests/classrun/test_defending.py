"""A small course graded with kernels: its pages in a browser, and a grade defended after a hidden test has changed.

Covers autograder/classrun/explaining.py, autograder/classrun/appealing.py, autograder/classrun/similar.py,
autograder/classrun/reporting.py, autograder/publish/appeal_page.py and autograder/publish/feedback_files.py.
"""

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from nbgrader.api import Gradebook
from playwright.sync_api import Browser

from autograder.authoring.answers import fill
from autograder.course import Course
from autograder.observe import record as records
from autograder.publish.database import quiet_sqlalchemy
from tests.scenarios.browser import chromium, visit
from tests.scenarios.hostile.showing import SCRIPT
from tests.small_course import NAME, WRONG, autograder

RIGHT = {
    "solution_1": "def standardize(x):\n    s = x.std(axis=0)\n    return (x - x.mean(axis=0)) / np.where(s > 0, s, 1)",
    "solution_2": "def softmax(x):\n    e = np.exp(x - x.max(axis=1, keepdims=True))\n    return e / e.sum(1)[:, None]",
}
HOSTILE = (
    f"from IPython.display import HTML, display\ndisplay(HTML({SCRIPT!r}))\nprint({SCRIPT!r} + 'w' * 3000)\n"
    f"def standardize(x):\n    raise ValueError({SCRIPT!r})  # {'long' * 99}"
)
CLASS = {"perfect": RIGHT, "partial": RIGHT | {"solution_1": WRONG}, "empty": {}, "hostile": {"solution_1": HOSTILE}}
FINITE = "assert np.isfinite(found).all()"
"""What a hidden test of the course asks for, and what is turned round below."""


def said(root: Path, *arguments: str, status: int = 0) -> str:
    """What a command says; it must end with this status."""
    done = autograder(root, *arguments)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Graded once; its feedback is written."""
    root = tmp_path_factory.mktemp("defended")
    said(root, "new", NAME)
    said(root, "release", NAME)
    release = nbformat.read(root / "release" / NAME / f"{NAME}.ipynb", as_version=4)
    for student, answers in CLASS.items():
        path = root / "submitted" / student / NAME / f"{NAME}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(fill(release, answers), path)
    said(root, "grade", NAME)
    said(root, "feedback", NAME)
    return root


@pytest.fixture
def copied(course: Path, tmp_path: Path) -> Path:
    """A course that a test may change."""
    return Path(shutil.copytree(course, tmp_path / "course"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


def page_of(root: Path, student: str) -> Path:
    return root / "feedback" / student / NAME / f"{NAME}.html"


def change_a_hidden_test(root: Path) -> None:
    """Turn one of its assertions round."""
    path = root / "grading" / NAME / "test_exercise_1.py"
    text = path.read_text()
    assert FINITE in text
    path.write_text(text.replace(FINITE, FINITE.replace("assert", "assert not")))


def serious(browser: Browser, path: Path, *, width: int, scheme: str) -> tuple[list[str], int]:
    """What axe finds serious with everything unfolded, and how far the page is wider than the window."""
    context = browser.new_context(viewport={"width": width, "height": 1000}, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    found = [one["id"] for one in Axe().run(page).response["violations"] if one["impact"] in ("serious", "critical")]
    wider = page.evaluate("document.documentElement.scrollWidth") - width
    context.close()
    return found, wider


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light")])
@pytest.mark.parametrize("student", CLASS)
def test_a_students_page_is_accessible_and_fits(
    course: Path, browser: Browser, student: str, width: int, scheme: str
) -> None:
    assert serious(browser, page_of(course, student), width=width, scheme=scheme) == ([], 0)


@pytest.mark.parametrize("student", CLASS)
def test_SECURITY_a_students_page_runs_nothing_and_fetches_nothing(
    course: Path, browser: Browser, student: str
) -> None:
    seen = visit(browser, page_of(course, student))
    assert (seen.acts, seen.requests) == ([], [])


def test_one_mistake_takes_at_most_four_screens(course: Path, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.goto(page_of(course, "partial").as_uri())
    assert page.evaluate("document.documentElement.scrollHeight") <= 4_000
    page.close()


def test_SECURITY_no_hidden_input_is_on_a_page(course: Path) -> None:
    record = records.load(records.path_of(course / "records" / NAME, "partial"))
    observed = record.observations["exercise_1"]
    page = page_of(course, "partial").read_text()
    assert str(record.seed) not in page
    numbers = [value for array in observed.tensors.values() for value in np.ravel(array) if value % 1]
    assert numbers
    assert [value for value in numbers if f"{abs(value):.6f}"[:-1] in page] == []


def test_the_page_names_the_mistake_and_what_passed(course: Path) -> None:
    told = json.loads(page_of(course, "partial").with_suffix(".json").read_text())
    exercise = told["exercises"][0]
    assert (told["points"], exercise["title"], exercise["points"]) == (7, "Exercise 1: standardize", 2)
    assert exercise["causes"][0]["message"] == "the columns are not divided by their standard deviation"
    assert exercise["passed"] == ["a column that does not vary becomes zero"]


def test_feedback_writes_only_what_a_persons_score_or_comment_has_changed(copied: Path) -> None:
    assert "0 written" in said(copied, "feedback", NAME)
    with quiet_sqlalchemy(), Gradebook(Course(copied).gradebook_url) as gradebook:
        gradebook.find_grade("exercise_1", NAME, NAME, "partial").manual_score = 4
        gradebook.find_comment("solution_1", NAME, NAME, "partial").manual_comment = "Nearly there."
        gradebook.db.commit()
    assert "1 written" in said(copied, "feedback", NAME)
    page = page_of(copied, "partial").read_text()
    for words in ("9 of 10 points", "Nearly there.", "not divided by their standard deviation"):
        assert words in page


def test_nbgraders_own_command_writes_the_same_page(copied: Path) -> None:
    before = page_of(copied, "partial").read_bytes()
    shutil.rmtree(copied / "feedback")
    done = subprocess.run([sys.executable, "-m", "nbgrader", "generate_feedback", NAME], cwd=copied, check=False)
    assert done.returncode == 0
    assert page_of(copied, "partial").read_bytes() == before


def test_the_report_is_accessible_and_its_points_are_the_gradebooks(copied: Path, browser: Browser) -> None:
    with quiet_sqlalchemy(), Gradebook(Course(copied).gradebook_url) as gradebook:
        gradebook.find_grade("exercise_1", NAME, NAME, "partial").manual_score = 4.5
        gradebook.db.commit()
    said(copied, "report", NAME, "-o", "report.html")
    with (copied / "report.students.csv").open(newline="") as file:
        totals = {row["student"]: row["total"] for row in csv.DictReader(file)}
    assert totals == {"perfect": "10", "partial": "9.5", "empty": "0", "hostile": "0"}
    for width, scheme in ((1280, "light"), (1280, "dark"), (390, "light")):
        assert serious(browser, copied / "report.html", width=width, scheme=scheme) == ([], 0)


def test_a_table_of_the_report_is_sorted_by_a_button(copied: Path, browser: Browser) -> None:
    said(copied, "report", NAME, "-o", "report.html")
    page = browser.new_page()
    page.goto((copied / "report.html").as_uri())
    totals = "[...document.querySelector('section:last-of-type tbody').rows].map(row => row.cells[4].textContent)"
    page.click("section:last-of-type th:nth-child(5) button")
    assert page.evaluate(totals) == ["0", "0", "7", "10"]
    page.click("section:last-of-type th:nth-child(5) button")
    assert page.evaluate(totals) == ["10", "7", "0", "0"]
    page.close()


def test_without_names_the_report_names_nobody(copied: Path) -> None:
    said(copied, "report", NAME, "--anonymous", "-o", "report.html")
    text = "".join(path.read_text() for path in copied.glob("report.*"))
    assert [student for student in CLASS if f">{student}<" in text or f"\n{student}," in text] == []
    assert "student 4" in text


def test_explain_says_what_produced_a_grade(course: Path) -> None:
    text = said(course, "explain", "partial", NAME, "exercise_1")
    record = records.load(records.path_of(course / "records" / NAME, "partial"))
    for words in (
        "by run 1 (autograder grade)", "as they are now", f"seed {record.seed}", record.submission_sha256[:12],
        f"numpy {np.__version__}", "seccomp", "memory_bytes", "as it was run with", "exercise_1: 2 of 5",
        "passed     2 points  test_a_column_that_does_not_vary_becomes_zero",
    ):  # fmt: skip
        assert words in text
    assert "exercise_2" not in text


def test_explain_names_what_there_is_when_it_is_asked_for_something_else(course: Path) -> None:
    assert "it has: exercise_1, exercise_2" in " ".join(
        autograder(course, "explain", "partial", NAME, "x").stderr.split()
    )
    assert "no run that is kept has decided on 'nobody'" in autograder(course, "explain", "nobody", NAME).stderr


@pytest.mark.slow
def test_diff_names_the_hidden_test_that_changed_a_score(copied: Path) -> None:
    change_a_hidden_test(copied)
    assert "changed since: rejudge" in said(copied, "explain", "perfect", NAME)
    said(copied, "rejudge", NAME)
    assert [line.split()[0] for line in said(copied, "diff", NAME).splitlines()] == ["1", "2"]
    text = said(copied, "diff", NAME, "1", "2")
    assert "perfect: exercise_1 5 of 5 -> 3 of 5" in text
    assert "test_a_column_that_does_not_vary_becomes_zero: passed (2 points) -> failed (2 points)" in text
    assert "empty" not in text
    assert "no score differs" in said(copied, "diff", NAME, "1", "1")
    assert "has no run 9 (it has: 1, 2)" in autograder(copied, "diff", NAME, "1", "9").stderr


def test_an_appeal_shows_the_decision_the_old_record_and_fresh_runs(copied: Path, browser: Browser) -> None:
    change_a_hidden_test(copied)
    before = (copied / "gradebook.db").read_bytes()
    text = said(copied, "appeal", "perfect", NAME, "exercise_1", "-o", "appeal.html")
    points = [line.rpartition(": ")[2] for line in text.splitlines()[:4]]
    assert points == ["5 of 5", "3 of 5", "3 of 5", "3 of 5"]
    assert (copied / "gradebook.db").read_bytes() == before
    assert serious(browser, copied / "appeal.html", width=390, scheme="light") == ([], 0)
    assert (
        str(records.load(records.path_of(copied / "records" / NAME, "perfect")).seed)
        not in (copied / "appeal.html").read_text()
    )


def test_similarity_exports_what_students_wrote_without_the_given_code(copied: Path) -> None:
    said(copied, "similarity", NAME, "-o", "similar")
    files = {path.stem: path.read_text() for path in (copied / "similar" / "submissions").iterdir()}
    assert files.keys() == {"perfect", "partial", "hostile"}
    assert "return x - x.mean(axis=0)" in files["partial"]
    assert not [text for text in files.values() if "def softmax(x):" in text or "NotImplementedError" in text]
    with (copied / "similar" / "info.csv").open(newline="") as file:
        assert {row["filename"]: row["full_name"] for row in csv.DictReader(file)} == {
            f"submissions/{name}.py": name for name in files
        }
    assert "is not empty" in autograder(copied, "similarity", NAME, "-o", "similar").stderr


@pytest.mark.slow
def test_a_cell_with_the_instructors_markers_is_not_exported(copied: Path) -> None:
    source = nbformat.read(copied / "source" / NAME / f"{NAME}.ipynb", as_version=4)
    nbformat.write(source, copied / "submitted" / "partial" / NAME / f"{NAME}.ipynb")
    said(copied, "grade", NAME)
    assert "left out: partial: solution_1 holds markers of a solution" in said(copied, "similarity", NAME, "-o", "new")
    assert not (copied / "new" / "submissions" / "partial.py").exists()

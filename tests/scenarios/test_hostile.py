"""A class with hostile and damaged submissions among honest ones, graded in one run.

BANKS=all, as in `make test-slow`, takes every act of tests/scenarios/hostile and every damage of damaged; otherwise
the first of each kind is taken, and fewer honest ones.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import secrets
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbgrader.api import Gradebook

from autograder import cli
from autograder.assignment import load_assignment
from autograder.authoring.answers import fill, read_answers
from autograder.classrun.grade import grade as grade_class
from autograder.classrun.report import report_class
from autograder.classrun.resume import ClassRun, course_ledger
from autograder.classrun.settings import Settings, settings_of
from autograder.course import Course
from autograder.models import Graded, Submission
from autograder.observe import record as records
from autograder.observe.observed import Deadlines
from autograder.observe.stop import Stop
from tests import builders
from tests.builders import NAME, ROOT, TODOS
from tests.cases import WHOLE, joined, sampled
from tests.conftest import GradedCourse
from tests.scenarios import damaged, hostile
from tests.scenarios.browser import chromium, visit
from tests.scenarios.damaged.notebooks import Damage, hand_in
from tests.scenarios.hostile import limits, showing
from tests.scenarios.hostile.making import Make, before

pytestmark = [pytest.mark.slow] if WHOLE else []
OFTEN = {"floods its output": limits.CASES["floods its output"]}
"""Of the acts that run into limits, one that ends without a deadline."""
PARTLY = ("first_part_only", "layers_9_and_10", "no_scaling", "syntax_error", "wrong_start") if WHOLE else ()
EXAMPLES = ("perfect", "untouched", *PARTLY)
DEADLINES = Deadlines(block_s=5.0, cell_s=3.0, probe_s=3.0, submission_s=60.0, interrupt_s=1.0, waiting_s=600.0)
"""Of the submission's own time: many acts go on until they are stopped."""


HARMLESS = before("""
import builtins, functools, gc, logging, warnings
import numpy as np, torch
warnings.filterwarnings("ignore"); warnings.warn = lambda *a, **k: None
logging.disable(logging.CRITICAL)
builtins.print = functools.partial(print, flush=True)
np.set_printoptions(precision=3); torch.set_printoptions(sci_mode=False)
torch.nn.Module.count = lambda self: sum(p.numel() for p in self.parameters())
torch.Tensor.__repr__ = lambda self: f"tensor{tuple(self.shape)}"
honest_seed = torch.manual_seed
torch.manual_seed = lambda seed: honest_seed(seed)
gc.collect(); torch.set_num_threads(1)
import sklearn_is_not_here
""")
"""What honest notebooks replace; none of it may cost a point."""


@dataclass(frozen=True)
class GradedClass:
    """A class after its run."""

    root: Path
    status: int
    graded: dict[str, Graded]
    alone: dict[str, Graded]
    """The honest ones, graded without the others and with the same seed."""
    printed: str
    canaries: tuple[str, ...]
    before: dict[str, str]
    after: dict[str, str]


def acts() -> dict[str, Make]:
    """Name of the student -> what they hand in."""
    others = [kind.CASES for kind in hostile.KINDS if kind not in (limits, showing)]
    chosen = joined(sampled(*others), limits.CASES if WHOLE else OFTEN, showing.CASES)
    return {
        f"{'show' if act in showing.CASES else 'h'}_{re.sub('[^a-z]+', '_', act.lower())}": make
        for act, make in chosen.items()
    }


def damages() -> dict[str, Damage]:
    """Name of the student -> what became of the perfect submission."""
    return {f"d_{name}": make for name, make in sampled(damaged.DAMAGED).items()}


def half_done(release: NotebookNode) -> NotebookNode:
    """What is honest in every hostile submission: TODO 2, 3 and 7."""
    answers = builders.perfect_answers()
    return fill(release, {name: answers[name] for name in ("solution_todo2_3", "solution_todo7")})


def honest(release: NotebookNode) -> dict[str, NotebookNode]:
    """Honest submissions: what is right, half done, untouched, wrong, handed in twice, and odd but harmless."""
    made = {name: fill(release, read_answers(ROOT / "examples" / "class" / f"{name}.py")) for name in EXAMPLES}
    return made | {"half_done": half_done(release), "again": made["perfect"], "patches": HARMLESS(made["perfect"])}


@pytest.fixture(scope="module")
def class_(graded_course: GradedCourse, tmp_path_factory: pytest.TempPathFactory) -> GradedClass:
    root = tmp_path_factory.mktemp("hostile") / "course"
    shutil.copytree(
        graded_course.root, root, ignore=shutil.ignore_patterns("autograded", "records", "reports", "feedback")
    )
    shutil.rmtree(root / "submitted")
    release = nbformat.read(root / "release" / NAME / f"{NAME}.ipynb", as_version=4)
    canaries = tuple(f"canary-{secrets.token_hex(12)}" for _ in range(4))
    settings = replace(with_canaries(root, canaries), seed=secrets.randbelow(2**31))
    for student, notebook in honest(release).items():
        builders.hand_in(root, student, notebook)
    alone = grade(root, settings)
    for student, make in acts().items():
        builders.hand_in(root, student, make(half_done(release)))
    perfect = nbformat.writes(honest(release)["perfect"])
    for student, damage in damages().items():
        hand_in(root / "submitted" / student, damage(json.loads(perfect)))
    before = contents(root)
    with cli.console.capture() as captured:
        graded = grade(root, settings)
        status = published(Course(root), settings)
    return GradedClass(root, status, graded, alone, captured.get(), canaries, before, contents(root))


def published(course: Course, settings: Settings) -> int:
    """Judge and publish everybody's Records, as the command line does; its exit status."""
    stop = Stop()
    with course_ledger(course, stop) as ledger:
        class_ = ClassRun(course, settings, ledger, stop)
        class_.rejudge([Submission(s, NAME, course.submitted(s, NAME)) for s in course.students(NAME)])
        return report_class(course, [class_], stop, cli.console)


def with_canaries(root: Path, canaries: tuple[str, ...]) -> Settings:
    """Settings for a course that has a canary in its hidden tests, its answers, its gradebook and an old Record."""
    tests, answers, gradebook, record = canaries
    folder = root / "grading" / NAME
    for file in load_assignment(folder).hidden_test_files():
        file.write_text(f"{file.read_text()}\nCANARY = {tests!r}\n")
    source = root / "source" / NAME / f"{NAME}.ipynb"
    source.write_text(source.read_text().replace("### END SOLUTION", f"# {answers} ### END SOLUTION"))
    with Gradebook(Course(root).gradebook_url) as book:
        book.update_or_create_student("earlier", first_name=gradebook)
    old = root / "records" / NAME / "earlier.zip"
    old.parent.mkdir(parents=True)
    old.write_text(f'"{record}"')
    limits = {"memory_bytes": 3 << 29, "processes": 64}
    return replace(settings_of(load_assignment(folder), source), deadlines=DEADLINES, jobs=2, limits=limits)


def grade(root: Path, settings: Settings) -> dict[str, Graded]:
    """Everybody who has handed in."""
    course = Course(root)
    submissions = [Submission(s, NAME, course.submitted(s, NAME)) for s in course.students(NAME)]
    return {one.submission.student: one for one in grade_class(submissions, settings, course.records(NAME))}


def contents(root: Path) -> dict[str, str]:
    """Digests of all files that grading may not change, in the course and in this package."""
    files = [p for p in (*root.parent.rglob("*"), *(ROOT / "autograder").rglob("*")) if p.is_file()]
    free = {"autograded", "records", "reports", "feedback", "gradebook.db", "ledger.db", "__pycache__"}
    kept = [p for p in files if not free & {*p.parts}]
    planted = [str(p) for p in Path("/tmp").glob("planted-*")]
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in kept} | dict.fromkeys(planted, "")


def test_SECURITY_nobody_earns_more_than_the_honest_part_of_their_work(class_: GradedClass) -> None:
    earned = {score.grade_id: score.points for score in class_.alone["half_done"].scores}
    assert sum(points or 0 for points in earned.values()) == 35
    unearned = {
        (student, score.grade_id, score.points)
        for student in acts()
        for score in class_.graded[student].scores
        if score.points is not None and score.points > (earned[score.grade_id] or 0)
    }
    assert unearned == set()


def test_honest_submissions_score_what_they_score_alone(class_: GradedClass) -> None:
    assert len(class_.alone) == len(EXAMPLES) + 3
    for student, one in class_.alone.items():
        assert [s.points for s in class_.graded[student].scores] == [s.points for s in one.scores]
    assert class_.alone["perfect"].total == class_.alone["patches"].total == 100
    assert class_.alone["untouched"].total == 0


def test_damaged_submissions_keep_every_point_or_wait_for_a_person(class_: GradedClass) -> None:
    for student in damages():
        one = class_.graded[student]
        decided = [score for score in one.scores if score.points is not None]
        assert [score for score in decided if score.points != score.max_score] == []
        assert len(decided) == len(one.scores) or any(score.messages for score in one.scores)


def texts(path: Path) -> list[bytes]:
    """What a file holds; of a Record, what its members hold, which are compressed."""
    if path.suffix != records.SUFFIX:
        return [path.read_bytes()]
    with zipfile.ZipFile(path) as archive:
        return [archive.read(name) for name in archive.namelist()]


def test_SECURITY_no_canary_is_in_anything_that_students_see_or_wrote(class_: GradedClass) -> None:
    outputs = [class_.printed.encode()]
    for folder in ("autograded", "reports", "feedback", f"records/{NAME}"):
        files = [p for p in (class_.root / folder).rglob("*") if p.is_file() and p.stem != "earlier"]
        outputs += [text for path in files for text in texts(path)]
    assert len(outputs) > len(acts())
    assert [canary for canary in class_.canaries if any(canary.encode() in output for output in outputs)] == []


def test_SECURITY_nothing_outside_the_output_folders_has_changed(class_: GradedClass) -> None:
    assert class_.after == class_.before


def test_exit_status_table_and_csv_are_those_of_any_class(class_: GradedClass) -> None:
    undecided = {student for student, one in class_.graded.items() if one.undecided}
    assert class_.status == (1 if undecided else 0)
    with (class_.root / "reports" / f"{NAME}.csv").open() as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert rows.keys() == class_.graded.keys()
    for student, one in class_.graded.items():
        shown = ["" if score.points is None else f"{score.points:g}" for score in one.scores]
        assert [rows[student][todo] for todo in TODOS] == shown
        assert student[:12] in class_.printed


def test_SECURITY_the_feedback_of_whoever_shows_scripts_is_only_text(class_: GradedClass) -> None:
    command = [sys.executable, "-m", "nbgrader", "generate_feedback", NAME, "--student", "show*"]
    subprocess.run(command, cwd=class_.root, check=True, capture_output=True)
    pages = sorted((class_.root / "feedback").rglob("*.html"))
    assert pages
    with chromium() as browser:
        for page in pages:
            seen = visit(browser, page)
            assert (page.parent.parent.name, seen.acts, seen.requests) == (page.parent.parent.name, [], [])
            assert re.search(r"TODO 1: [^\n]*\s0 of 10", seen.text)


def told(class_: GradedClass, act: str) -> list[str]:
    """What the feedback says to whoever did this."""
    (student,) = (student for student in acts() if student.startswith(f"show_{act}"))
    return [message for score in class_.graded[student].scores for message in score.messages]


def test_SECURITY_an_exception_never_carries_a_hidden_input_to_the_student(class_: GradedClass) -> None:
    assert any("its text is not repeated" in message for message in told(class_, "hides"))
    # What the visible check raised as well may be told, without its numbers.
    repeated = [message.partition("argument-canary")[2].partition("\n  in ")[0] for message in told(class_, "repeats")]
    assert not [text for text in repeated if re.search(r"\d", text)]

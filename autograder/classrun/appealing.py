"""One exercise of one student looked at once more: what was decided, the old Record judged today, and fresh runs."""

from collections.abc import Sequence
from dataclasses import replace

from autograder.classrun.explaining import nothing_decided
from autograder.classrun.grade import grade
from autograder.classrun.history import History
from autograder.classrun.judging import judged, with_notebook
from autograder.classrun.reporting import read_ledger
from autograder.classrun.settings import Settings, new_seed, settings_in
from autograder.course import Course
from autograder.errors import UsageError
from autograder.kernel.folders import own_folder
from autograder.models import Graded, Record, Score, Submission
from autograder.publish.appeal_page import AppealColumn, AppealPage, student_code
from autograder.publish.exercises import exercise_places
from autograder.text import plain_name

FRESH_RUNS = 2


def reconsidered(course: Course, student: str, assignment: str, exercise: str, *, sandboxed: bool = True) -> AppealPage:
    """What is on the page of an appeal; UsageError when no run has decided on the exercise. Nothing is published."""
    student = plain_name(student)
    settings = replace(settings_with(course, assignment, exercise, student), sandboxed=sandboxed)
    submission = Submission(student, assignment, course.submitted(student, assignment, settings.notebook))
    with read_ledger(course) as ledger:
        history = History(ledger, settings)
        decision = history.decision(student)
        runs = {run.id: run for run in history.runs()}
    if decision is None:
        raise UsageError(nothing_decided(course, assignment, student, exercise))
    folder = course.records(assignment, settings.notebook)
    (old,) = [with_notebook(one, settings, folder) for one in judged([submission], settings, folder)]
    run = runs[decision.run]
    columns = [
        AppealColumn(f"As decided, {run.began} UTC", score_of_exercise(decision.scores, exercise), {}),
        AppealColumn("The same run, judged today", score_of_exercise(old.scores, exercise), facts(old.record)),
    ]
    for number, fresh in enumerate(fresh_runs(submission, settings, {old.record.seed}), 1):
        columns.append(
            AppealColumn(f"Fresh run {number}", score_of_exercise(fresh.scores, exercise), facts(fresh.record))
        )
    titles = {place.grade_id: place.title for place in exercise_places(settings.source.cells)}
    code = student_code(old.executed, exercise)
    return AppealPage(student, settings.notebook, titles[exercise], tuple(columns), code)


def settings_with(course: Course, assignment: str, exercise: str, student: str) -> Settings:
    """The settings of the notebook that has the exercise."""
    for name in course.notebooks(assignment):
        settings = settings_in(course, assignment, name)
        if exercise in settings.max_scores:
            return settings
    raise UsageError(nothing_decided(course, assignment, student, exercise))


def fresh_runs(submission: Submission, settings: Settings, used: set[int]) -> list[Graded]:
    """The submission run anew, each time with a seed that was not used before."""
    fresh = []
    for _ in range(FRESH_RUNS):
        seed = next(seed for seed in iter(new_seed, None) if seed not in used)
        used.add(seed)
        with own_folder("appeal-") as folder:
            fresh += grade([submission], replace(settings, seed=seed, second_seed=None, jobs=1), folder)
    return fresh


def score_of_exercise(scores: Sequence[Score], exercise: str) -> Score | None:
    """The score of one exercise."""
    return next((score for score in scores if score.grade_id == exercise), None)


def facts(record: Record) -> dict[str, str]:
    """What tells one run from another. No seed: the page may be sent, and inputs could be drawn from it."""
    versions = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    return {
        "submission": record.submission_sha256[:16],
        "profile": record.profile,
        "versions": versions,
        "not run": record.not_run or "",
        "notes": "; ".join([*record.repairs, *(fault.message for fault in record.faults)]),
    }

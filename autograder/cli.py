"""The command line: arguments in, one call each, exit status out. No grading logic lives here."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from autograder.classrun import ready, resume
from autograder.classrun.grade import grade as grade_class
from autograder.classrun.report import report
from autograder.classrun.resume import ClassRun
from autograder.classrun.settings import Settings, new_seed, settings_in
from autograder.course import Course, part_name
from autograder.errors import CourseError, UsageError
from autograder.kernel import sandbox
from autograder.kernel.folders import own_folder
from autograder.kernel.resident import missing_layers
from autograder.models import Submission
from autograder.observe import record as records
from autograder.observe.stop import Stop
from autograder.publish.feedback import run_notes, verdict
from autograder.publish.register import register
from autograder.publish.table import total

app = typer.Typer(
    help="Release Jupyter homework and grade it with hidden tests that student code never meets.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    add_completion=False,
)
console = Console()
errors = Console(stderr=True)

Assignment = Annotated[str, typer.Argument(help="Name of its folder in source/ and grading/.")]
CourseDir = Annotated[
    Path | None, typer.Option("--course-dir", help="Folder with nbgrader_config.py. Default: here or above.")
]
Students = Annotated[list[str] | None, typer.Option("--student", help="Only this student; may be repeated.")]
Profile = Annotated[
    str,
    typer.Option(help="One of the sizes that the assignment declares; its first one by default.", show_default=False),
]
Jobs = Annotated[
    int | None,
    typer.Option(min=1, help="Submissions at a time. Default: two per processor.", show_default=False),
]


NoSandbox = Annotated[
    bool, typer.Option("--no-sandbox", help="Run submissions as your own user. Only if you trust every one of them.")
]

SecondSeed = Annotated[
    bool,
    typer.Option(
        "--second-seed", help="Run every submission twice, with other inputs; where they differ, a person decides."
    ),
]

Force = Annotated[bool, typer.Option("--force", help="Run everybody again, those too who are done.")]


@app.callback()
def options(context: typer.Context, course_dir: CourseDir = None) -> None:
    """Release Jupyter homework and grade it with hidden tests that student code never meets."""
    context.obj = course_dir


def course_at(context: typer.Context, course_dir: Path | None) -> Course:
    """The course that was named before or after the command, else the one around the working directory."""
    return Course.find(course_dir or context.obj or Path.cwd())


@app.command(epilog="Example: autograder new warmup")
def new(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Of the assignment: letters, digits and underscores.")],
    course_dir: CourseDir = None,
) -> None:
    """Write a small working homework to begin with; in an empty folder, a whole small course."""
    from autograder.authoring.new import new as write_new

    for path in write_new(course_dir or context.obj or Path.cwd(), name):
        console.print(f"wrote {path}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"Next: autograder release {name}", markup=False, highlight=False)


@app.command(epilog="Example: autograder release warmup")
def release(context: typer.Context, assignment: Assignment, course_dir: CourseDir = None) -> None:
    """Write the student's notebook, once it is proven: no leak, solution 100 %, untouched release 0."""
    # Imported here: nbgrader's converters take a second that `grade` need not spend.
    from autograder.authoring.release import release as write_release

    course = course_at(context, course_dir)
    with console.status(f"releasing {assignment}: grading its solution and its stubs"):
        path = write_release(course, assignment)
    console.print(f"released {path}")


@app.command(epilog="Example: autograder collect warmup submissions.zip")
def collect(
    context: typer.Context,
    assignment: Assignment,
    path: Annotated[Path, typer.Argument(help="Zip archive or folder from Canvas, Moodle, Blackboard or Gradescope.")],
    attempts: Annotated[
        Literal["latest", "first"], typer.Option(help="Which one counts of a student's several attempts.")
    ] = "latest",
    replace: Annotated[bool, typer.Option("--replace", help="Replace submissions that may be newer, too.")] = False,
    course_dir: CourseDir = None,
) -> None:
    """Take in a bulk download, each student's notebooks, into submitted/. Exit status 1 if a file was refused."""
    # Imported here: nobody else needs a parser of YAML.
    from autograder.submission.collect import collect as take_in

    collected = take_in(course_at(context, course_dir), assignment, path, attempts=attempts, replace=replace)
    for line in collected.table():
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(1 if collected.refused else 0)


@app.command(epilog="Example: autograder grade warmup --jobs 4")
def grade(
    context: typer.Context,
    assignment: Assignment,
    student: Students = None,
    jobs: Jobs = None,
    profile: Profile = "",
    no_sandbox: NoSandbox = False,
    second_seed: SecondSeed = False,
    force: Force = False,
    course_dir: CourseDir = None,
) -> None:
    """Grade submitted/*/ASSIGNMENT/ into the gradebook; what is done already is skipped.

    Exit status 1 if some could not be graded.
    """
    course, stop = course_at(context, course_dir), Stop()
    other = new_seed() if second_seed else None
    notebooks = course.notebooks(assignment)
    graded: list[ClassRun] = []
    ready.require(course, assignment, len(course.students(assignment)) * len(notebooks))
    if not no_sandbox:
        ready.require_interpreter()
        sandbox.require()
    with resume.interruptible(stop), resume.course_ledger(course, stop) as ledger:
        register(course, assignment)
        for notebook in notebooks:
            settings = settings_in(course, assignment, notebook, profile)
            settings = dataclasses.replace(
                settings,
                jobs=ready.jobs_allowed(jobs or settings.jobs),
                sandboxed=not no_sandbox,
                second_seed=other,
            )
            submissions = submissions_of(course, settings, student)
            header(settings)
            with progress("grading", len(submissions)) as done:
                graded.append(ClassRun(course, settings, ledger, stop, force, done=done, say=say))
                graded[-1].grade(submissions)
        raise typer.Exit(report(course, graded, stop, console))


@app.command(epilog="Example: autograder rejudge warmup")
def rejudge(
    context: typer.Context, assignment: Assignment, student: Students = None, course_dir: CourseDir = None
) -> None:
    """Judge the saved Records again, after a change of the hidden tests. No kernel is started."""
    course, stop = course_at(context, course_dir), Stop()
    judged: list[ClassRun] = []
    with resume.interruptible(stop), resume.course_ledger(course, stop) as ledger:
        register(course, assignment)
        for notebook in course.notebooks(assignment):
            settings = settings_in(course, assignment, notebook)
            submissions = submissions_of(course, settings, student, recorded=True)
            with console.status(f"judging {len(submissions)} Records"):
                judged.append(ClassRun(course, settings, ledger, stop, say=say))
                judged[-1].rejudge(submissions)
        raise typer.Exit(report(course, judged, stop, console))


@app.command(epilog="Example: autograder check submitted/ada/warmup/warmup.ipynb")
def check(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A notebook, under any name.", metavar="FILE.ipynb")],
    profile: Profile = "",
    no_sandbox: NoSandbox = False,
    second_seed: SecondSeed = False,
    course_dir: CourseDir = None,
) -> None:
    """Grade one notebook and print why. Nothing is written to the gradebook."""
    course = Course.find(course_dir or context.obj or nearest(file))
    assignment, notebook = meant_by(course, file)
    other = new_seed() if second_seed else None
    settings = settings_in(course, assignment, notebook, profile)
    settings = dataclasses.replace(settings, sandboxed=not no_sandbox, second_seed=other)
    header(settings)
    submission = Submission(file.stem, assignment, file)
    with own_folder("check-") as folder, console.status(f"grading {file.name}"):
        (graded,) = grade_class([submission], settings, folder)
    for line in [*run_notes(graded), *(verdict(score).rstrip() for score in graded.scores)]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    maximum = sum(score.max_score for score in graded.scores)
    console.print(f"total: {total(graded)} of {maximum:g}")
    raise typer.Exit(1 if graded.undecided else 0)


def header(settings: Settings) -> None:
    """Say how this run is isolated, and with which seed."""
    missing = f" without {' and '.join(missing_layers())}" if missing_layers() else ""
    how = f"in a sandbox{missing}" if settings.sandboxed else "WITHOUT A SANDBOX, as your own user"
    seeds = f"seed {settings.seed}" + (f" and {settings.second_seed}" if settings.second_seed is not None else "")
    errors.print(
        f"{part_name(settings.assignment.name, settings.notebook)}: profile {settings.profile}, {seeds}, {how}"
    )


def nearest(file: Path) -> Path:
    """The working directory if it lies in a course, else the file's folder."""
    try:
        return Course.find(Path.cwd()).root
    except UsageError:
        return file.resolve().parent


def meant_by(course: Course, file: Path) -> tuple[str, str]:
    """The assignment and the notebook that a file belongs to, by its own and its folder's name, or the only one."""
    known = [(assignment, name) for assignment in course.assignments() for name in course.notebooks(assignment)]
    folder = file.resolve().parent.name
    for fits in (
        lambda assignment, name: (assignment, name) == (folder, file.stem),
        lambda assignment, name: name == file.stem,
        lambda assignment, name: assignment == folder,
        lambda assignment, name: True,
    ):
        if len(found := [one for one in known if fits(*one)]) == 1:
            return found[0]
    names = ", ".join(name for _, name in known)
    raise UsageError(f"cannot tell which notebook {file.name} is; rename it to one of: {names}")


def submissions_of(
    course: Course, settings: Settings, students: Sequence[str] | None, *, recorded: bool = False
) -> list[Submission]:
    """The submissions to grade; UsageError when there is none, or a named student has none."""
    assignment, notebook = settings.assignment.name, settings.notebook
    folder = course.records(assignment, notebook)
    known = records.students(folder) if recorded else course.students(assignment)
    where = folder if recorded else course.folder("submitted", "STUDENT", assignment)
    for student in students or []:
        if student not in known:
            raise UsageError(f"nothing of student '{student}' in {where}")
    if not known:
        raise UsageError(f"there are no submissions in {where}")
    return [Submission(s, assignment, course.submitted(s, assignment, notebook)) for s in students or known]


@contextmanager
def progress(title: str, total: int) -> Iterator[Callable[[str], None]]:
    """A progress bar, and the function that moves it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors) as bar:
        task = bar.add_task(title, total=total)
        yield lambda student: bar.advance(task)


def say(message: str) -> None:
    """Tell the operator something while a run goes on."""
    errors.print(message, markup=False, highlight=False)


def main() -> None:
    """Run the command line; our own errors end it with a message instead of a traceback."""
    try:
        app()
    except UsageError as error:
        errors.print(f"autograder: {error}", markup=False, highlight=False)
        raise SystemExit(2) from None
    except CourseError as error:
        errors.print(f"autograder: {error}", markup=False, highlight=False)
        raise SystemExit(1) from None

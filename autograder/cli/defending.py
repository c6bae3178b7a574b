"""Commands with which an instructor looks at a class and defends a grade."""

from pathlib import Path
from typing import Annotated

import typer

from autograder.cli.app import AssignmentName, CourseDir, app, console, course_at
from autograder.text import plain_name, plain_text

OutputPath = Annotated[
    Path | None, typer.Option("--output", "-o", help="The page's file. Default: in reports/.", show_default=False)
]

StudentName = Annotated[str, typer.Argument(help="As in submitted/.")]
Unsandboxed = Annotated[
    bool, typer.Option("--no-sandbox", help="Run the submission as your own user. Only if you trust it.")
]


@app.command("report", epilog="Example: autograder report warmup --anonymous -o report.html")
def write_class_report(
    context: typer.Context,
    assignment: AssignmentName,
    anonymous: Annotated[bool, typer.Option("--anonymous", help="No names, and nothing in students' words.")] = False,
    output: OutputPath = None,
    course_dir: CourseDir = None,
) -> None:
    """Write a page about the class, and its tables as CSV: points, mistakes, hidden tests, who waits and why."""
    from autograder.classrun.reporting import class_summary
    from autograder.publish.class_report import report_tables
    from autograder.publish.report_page import write_report

    course = course_at(context, course_dir)
    summary = class_summary(course, assignment, anonymous=anonymous)
    path = output or course.root / "reports" / f"{assignment}.report.html"
    for file in write_report(path, f"Report: {assignment}", report_tables(summary)):
        console.print(f"wrote {file}", markup=False, highlight=False, soft_wrap=True)


@app.command(epilog="Example: autograder explain ada warmup exercise_1")
def explain(
    context: typer.Context,
    student: StudentName,
    assignment: AssignmentName,
    exercise: Annotated[str, typer.Argument(help="Grade id of one exercise. Default: all.", show_default=False)] = "",
    course_dir: CourseDir = None,
) -> None:
    """Say what produced a grade: run, hashes, versions, seed, sandbox, limits, and what each hidden test said."""
    from autograder.classrun.explaining import explained

    for line in explained(course_at(context, course_dir), student, assignment, exercise):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


@app.command(epilog="Example: autograder diff warmup 3 4")
def diff(
    context: typer.Context,
    assignment: AssignmentName,
    run_a: Annotated[int | None, typer.Argument(help="Number of a run; none lists them.", show_default=False)] = None,
    run_b: Annotated[int | None, typer.Argument(help="Number of a later run.", show_default=False)] = None,
    course_dir: CourseDir = None,
) -> None:
    """Say whose score changed between two runs, and by which hidden test; without numbers, list the runs."""
    from autograder.classrun.explaining import run_list, score_changes

    course = course_at(context, course_dir)
    if run_a is None or run_b is None:
        lines = run_list(course, assignment)
    else:
        lines = score_changes(course, assignment, run_a, run_b) or ["no score differs"]
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


@app.command(epilog="Example: autograder appeal ada warmup exercise_1 -o appeal.html")
def appeal(
    context: typer.Context,
    student: StudentName,
    assignment: AssignmentName,
    exercise: Annotated[str, typer.Argument(help="Its grade id.")],
    output: OutputPath = None,
    no_sandbox: Unsandboxed = False,
    course_dir: CourseDir = None,
) -> None:
    """Run a submission anew with other inputs and write a page: what was decided, and what the fresh runs give.

    Nothing is written to the gradebook.
    """
    from autograder.classrun.appealing import reconsidered
    from autograder.observe.whole import replace_file
    from autograder.publish.appeal_page import appeal_html, shown_score

    course = course_at(context, course_dir)
    with console.status(f"running {plain_name(student)} again"):
        page = reconsidered(course, student, assignment, exercise, sandboxed=not no_sandbox)
    path = output or course.root / "reports" / f"{assignment}.appeal.{page.student}.{exercise}.html"
    replace_file(path, appeal_html(page).encode("utf-8", "backslashreplace"))
    for column in page.columns:
        console.print(f"{column.title}: {shown_score(column.score)}", markup=False, highlight=False)
    console.print(f"wrote {path}", markup=False, highlight=False, soft_wrap=True)


@app.command(epilog="Example: autograder similarity warmup -o similarity")
def similarity(
    context: typer.Context,
    assignment: AssignmentName,
    output: Annotated[Path, typer.Option("--output", "-o", help="A new folder.")],
    course_dir: CourseDir = None,
) -> None:
    """Export what students wrote, without the given code, for Dolos or compare50. No verdict is given."""
    from autograder.classrun.similar import export_similarity

    done = export_similarity(course_at(context, course_dir), assignment, output)
    for line in done.left_out:
        console.print(plain_text(f"left out: {line}"), markup=False, highlight=False, soft_wrap=True)
    console.print(f"{len(done.files)} students in {output}", markup=False, highlight=False, soft_wrap=True)

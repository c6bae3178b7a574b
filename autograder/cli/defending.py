"""Commands with which an instructor looks at a class and defends a grade."""

from pathlib import Path
from typing import Annotated

import typer

from autograder.cli.app import AssignmentName, CourseDir, app, console, course_at

OutputPath = Annotated[
    Path | None, typer.Option("--output", "-o", help="The page's file. Default: in reports/.", show_default=False)
]


@app.command(epilog="Example: autograder report warmup --anonymous -o report.html")
def report(
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

"""Commands that take in what students handed in."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from autograder.cli.app import AssignmentName, CourseDir, app, console, course_at


@app.command(epilog="Example: autograder collect warmup submissions.zip")
def collect(
    context: typer.Context,
    assignment: AssignmentName,
    path: Annotated[Path, typer.Argument(help="Zip archive or folder that a platform gave you.")],
    attempts: Annotated[
        Literal["latest", "first"], typer.Option(help="Which one counts of a student's several attempts.")
    ] = "latest",
    replace: Annotated[bool, typer.Option("--replace", help="Replace submissions that may be newer, too.")] = False,
    roster: Annotated[
        Path | None,
        typer.Option(help="The platform's roster or gradebook, as CSV: names, addresses, ids.", show_default=False),
    ] = None,
    course_dir: CourseDir = None,
) -> None:
    """Take in a bulk download, each student's notebooks, into submitted/. Exit status 1 if a file was refused."""
    # Imported here: nobody else needs a parser of YAML.
    from autograder.submission.collect import collect as take_in

    course = course_at(context, course_dir)
    collected = take_in(course, assignment, path, attempts=attempts, replace=replace, roster=roster)
    for line in collected.table():
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(1 if collected.refused else 0)

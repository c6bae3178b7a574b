"""Commands that give points and feedback back."""

from pathlib import Path
from typing import Annotated

import typer

from autograder.cli.app import AssignmentName, CourseDir, app, console, course_at
from autograder.publish.export import ExportOptions, export_points
from autograder.publish.hand_back import Way, give_back
from autograder.publish.platform_formats import PlatformName

Target = Annotated[Path, typer.Option("-o", "--output", help="Where to write; the platform's own file stays as it is.")]


@app.command(epilog="Example: autograder export warmup gradebook.csv -o upload.csv")
def export(
    context: typer.Context,
    assignment: AssignmentName,
    platform_file: Annotated[
        Path, typer.Argument(help="The platform's own export: Canvas, Moodle, Brightspace or Blackboard.")
    ],
    output: Target,
    platform: Annotated[
        PlatformName | None, typer.Option(help="Whose file it is. Default: told by its first line.", show_default=False)
    ] = None,
    column: Annotated[
        str, typer.Option(help="Header, title or id of the column. Default: the assignment's.", show_default=False)
    ] = "",
    scale: Annotated[
        bool | None,
        typer.Option(
            "--scale/--no-scale",
            help="Convert points, or write them as they are, where the platform allows another maximum.",
            show_default=False,
        ),
    ] = None,
    zero_missing: Annotated[
        bool, typer.Option("--zero-missing", help="Give 0 to students of the course who handed in nothing.")
    ] = False,
    course_dir: CourseDir = None,
) -> None:
    """Fill final points into a learning platform's own file. Exit status 1 if rows and students do not match."""
    options = ExportOptions(platform, column, scale, zero_missing)
    exported = export_points(course_at(context, course_dir), assignment, platform_file, output, options)
    for line in exported.told(output):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(0 if exported.complete else 1)


@app.command(name="hand-back", epilog="Example: autograder hand-back warmup --as moodle-zip -o feedback.zip")
def hand_back(
    context: typer.Context,
    assignment: AssignmentName,
    way: Annotated[
        Way, typer.Option("--as", help="Moodle's zip of feedback files, a folder for each, or a CSV file for letters.")
    ],
    output: Target,
    worksheet: Annotated[
        Path | None,
        typer.Option(
            help="Moodle's grading worksheet, for participant numbers that `collect` has not seen.", show_default=False
        ),
    ] = None,
    course_dir: CourseDir = None,
) -> None:
    """Hand the pages in feedback/ back to students. Exit status 1 if somebody is not reached."""
    done = give_back(course_at(context, course_dir), assignment, way, output, worksheet)
    for line in done.told(output):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(0 if done.complete else 1)

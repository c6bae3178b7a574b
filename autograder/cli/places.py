"""Commands about where a course is run: what this machine can do, and what platforms take and give."""

from pathlib import Path
from typing import Annotated

import typer

from autograder.cli.app import AssignmentName, CourseDir, Students, app, console, course_at, errors
from autograder.cli.grading import NoSandbox, ProfileName
from autograder.errors import UsageError
from autograder.places.export import ResultFormat

UploadFolder = Annotated[
    Path | None,
    typer.Option(help="Folder or zip with one student's files, to be graded now.", exists=True, show_default=False),
]
ResultFile = Annotated[
    Path | None, typer.Option("--output", "-o", help="File to write. Default: print it.", show_default=False)
]


@app.command(name="gradescope-zip", epilog="Example: autograder gradescope-zip warmup -o upload.zip")
def gradescope_zip(
    context: typer.Context,
    assignment: AssignmentName,
    output: Annotated[Path, typer.Option("--output", "-o", help="The archive to write.")] = Path("gradescope.zip"),
    course_dir: CourseDir = None,
) -> None:
    """Write the zip archive that Gradescope takes as an autograder for the assignment."""
    from autograder.places.bundles import write_gradescope_zip

    names = write_gradescope_zip(course_at(context, course_dir), assignment, output)
    console.print(f"wrote {output}, {len(names)} files", markup=False, highlight=False, soft_wrap=True)
    console.print("Upload it under Configure Autograder, with Ubuntu 24.04: docs/places.md", markup=False)


@app.command(name="classroom50-folder", epilog="Example: autograder classroom50-folder warmup autograders/warmup")
def classroom50_folder(
    context: typer.Context,
    assignment: AssignmentName,
    folder: Annotated[Path, typer.Argument(help="autograders/ASSIGNMENT of a Classroom 50 repository.")],
    course_dir: CourseDir = None,
) -> None:
    """Write what Classroom 50 runs. It is published: whoever finds the page reads hidden tests and solution."""
    from autograder.places.bundles import write_classroom_folder

    names = write_classroom_folder(course_at(context, course_dir), assignment, folder)
    console.print(f"wrote {len(names)} files to {folder}", markup=False, highlight=False, soft_wrap=True)
    errors.print(
        "WARNING: Classroom 50 publishes this folder, hidden tests and solution included. Central grading in a private "
        "repository does not: docs/places.md",
        markup=False,
    )


@app.command(name="export-results", epilog="Example: autograder export-results warmup --format junit -o junit.xml")
def export_results(
    context: typer.Context,
    assignment: AssignmentName,
    form: Annotated[ResultFormat, typer.Option("--format", help="What the platform reads.")],
    output: ResultFile = None,
    upload: UploadFolder = None,
    student: Students = None,
    profile: ProfileName = "",
    no_sandbox: NoSandbox = False,
    course_dir: CourseDir = None,
) -> None:
    """Write results as a platform reads them: of the class's saved Records, or of one upload that is graded now.

    Exit status 1, and no file, where the format cannot say that nobody could tell.
    """
    from autograder.places import export
    from autograder.places.upload import grade_upload

    course = course_at(context, course_dir)
    if upload is None:
        export.require_class_format(form)
        data: bytes | None = export.class_bytes(export.recorded_class(course, assignment, student), form)
    else:
        name = (student or ["student"])[0]
        graded = grade_upload(course, assignment, upload, name, profile=profile, sandboxed=not no_sandbox)
        for line in export.said_of(graded):
            errors.print(line, markup=False, highlight=False, soft_wrap=True)
        data = export.upload_bytes(graded, assignment, form)
    if text := export.write_result(output, data):
        # As it is: a console would make pictures of what stands between colons.
        typer.echo(text, nl=False)
    raise typer.Exit(1 if data is None else 0)


@app.command(epilog="Example: autograder doctor warmup")
def doctor(
    context: typer.Context,
    assignment: Annotated[str, typer.Argument(help="Look at what this one needs, too.")] = "",
    profile: ProfileName = "",
    course_dir: CourseDir = None,
) -> None:
    """Say what this machine can do, what is missing and what to do about it. Exit status 0 if grading would start."""
    from autograder.places.doctor import findings, print_page

    try:
        course = course_at(context, course_dir)
    except UsageError:
        if assignment or course_dir or context.obj:
            raise
        course = None
    if course is not None and assignment:
        # A name that is none is no matter of the machine.
        course.notebooks(assignment)
    raise typer.Exit(print_page(findings(course, assignment, profile), console))

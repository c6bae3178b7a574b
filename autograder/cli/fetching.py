"""The command that brings in what a profile needs."""

from pathlib import Path
from typing import Annotated

import typer

from autograder.cli.app import AssignmentName, CourseDir, app, console, course_at
from autograder.text import plain_text


@app.command(epilog="Example: autograder fetch warmup --profile full")
def fetch(
    context: typer.Context,
    assignment: AssignmentName,
    profile: Annotated[str, typer.Option(help="The size whose models and data are wanted.")],
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", help="A folder that holds the files, as REPOSITORY/FILE, in place of the hub.", show_default=False
        ),
    ] = None,
    course_dir: CourseDir = None,
) -> None:
    """Fetch the models and data of a profile from the Hugging Face hub, or a mirror (HF_ENDPOINT), and check them."""
    # Imported here: it brings the hub's client along.
    from autograder.assignment import load_assignment
    from autograder.classrun.fetch import fetch_pinned
    from autograder.classrun.fetched import fetched_for

    course = course_at(context, course_dir)
    fetched = fetched_for(course, assignment, profile, load_assignment(course.grading(assignment)).profile(profile))
    if fetched is None:
        console.print(f"the profile {profile} of {assignment} needs nothing", markup=False, highlight=False)
        return

    def say(line: str) -> None:
        console.print(plain_text(line), markup=False, highlight=False, soft_wrap=True)

    fetch_pinned(fetched, source, say)
    say(f"complete, and as declared: {fetched.folder}")

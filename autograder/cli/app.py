"""What all commands share: the application, where it prints, and the arguments that several take."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from autograder.course import Course

app = typer.Typer(
    help="Release Jupyter homework and grade it with hidden tests that student code never meets.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    add_completion=False,
)
console = Console()
errors = Console(stderr=True)

AssignmentName = Annotated[str, typer.Argument(help="Name of its folder in source/ and grading/.")]
CourseDir = Annotated[
    Path | None, typer.Option("--course-dir", help="Folder with nbgrader_config.py. Default: here or above.")
]
Students = Annotated[list[str] | None, typer.Option("--student", help="Only this student; may be repeated.")]


@app.callback()
def options(context: typer.Context, course_dir: CourseDir = None) -> None:
    """Release Jupyter homework and grade it with hidden tests that student code never meets."""
    context.obj = course_dir


def course_at(context: typer.Context, course_dir: Path | None) -> Course:
    """The course that was named before or after the command, else the one around the working directory."""
    return Course.find(course_dir or context.obj or Path.cwd())


def say(message: str) -> None:
    """Tell the operator something while a run goes on."""
    errors.print(message, markup=False, highlight=False)

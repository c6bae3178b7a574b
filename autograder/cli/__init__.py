"""The command line: arguments in, one call each, exit status out. No grading logic lives here.

Commands stand in modules by what they are about, in the order in which `--help` lists them.
"""

from autograder import unneeded  # noqa: F401 (what is left out is left out by importing this first)
from autograder.classrun import resume
from autograder.cli import authoring, collecting, defending, exporting, feedback, fetching, grading, places
from autograder.cli.app import app, console, errors
from autograder.errors import CourseError, Interrupted, UsageError
from autograder.text import plain_text

__all__ = [
    "app",
    "authoring",
    "collecting",
    "console",
    "defending",
    "errors",
    "exporting",
    "feedback",
    "fetching",
    "grading",
    "main",
    "places",
]


def main() -> None:
    """Run the command line; our own errors end it with a message instead of a traceback."""
    try:
        app()
    except UsageError as error:
        errors.print(f"autograder: {plain_text(error)}", markup=False, highlight=False)
        raise SystemExit(2) from None
    except Interrupted as error:
        errors.print(f"autograder: ended early ({error})", markup=False, highlight=False)
        raise SystemExit(resume.exit_status(str(error))) from None
    except CourseError as error:
        errors.print(f"autograder: {plain_text(error)}", markup=False, highlight=False)
        raise SystemExit(1) from None

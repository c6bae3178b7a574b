"""Commands of whoever writes a homework: begin one, release it."""

from pathlib import Path
from typing import Annotated

import typer

from autograder.cli.app import AssignmentName, CourseDir, app, console, course_at


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
def release(context: typer.Context, assignment: AssignmentName, course_dir: CourseDir = None) -> None:
    """Write the student's notebook, once it is proven: no leak, solution 100 %, untouched release 0."""
    # Imported here: nbgrader's converters take a second that `grade` need not spend.
    from autograder.authoring.release import release as write_release

    course = course_at(context, course_dir)
    with console.status(f"releasing {assignment}: grading its solution and its stubs"):
        path = write_release(course, assignment)
    console.print(f"released {path}")

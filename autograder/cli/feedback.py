"""The command that writes what students read."""

import typer

from autograder.cli.app import AssignmentName, CourseDir, Students, app, console, course_at
from autograder.text import plain_name


@app.command(epilog="Example: autograder feedback warmup")
def feedback(
    context: typer.Context, assignment: AssignmentName, student: Students = None, course_dir: CourseDir = None
) -> None:
    """Write each student's feedback page, also as Markdown and JSON, where something has changed.

    Exit status 1 if somebody's could not be written.
    """
    # Imported here: nbconvert takes a second that `grade` need not spend.
    from autograder.publish.feedback_files import write_feedback

    changed = same = failed = 0
    for one in write_feedback(course_at(context, course_dir), assignment, student or []):
        if one.problem:
            console.print(f"{plain_name(one.student)}: {one.problem}", markup=False, highlight=False, soft_wrap=True)
        elif one.changed:
            console.print(f"wrote {plain_name(str(one.path))}", markup=False, highlight=False, soft_wrap=True)
        changed, same, failed = changed + one.changed, same + (not one.changed), failed + bool(one.problem)
    console.print(f"{changed} written, {same - failed} as they were", markup=False, highlight=False)
    raise typer.Exit(1 if failed else 0)

"""What an instructor hands to a platform, of a course and templates: Gradescope's zip, Classroom 50's folder."""

from pathlib import Path

from autograder.assignment import load_assignment
from autograder.course import Course
from autograder.errors import UsageError
from autograder.observe.whole import replace_file
from autograder.places.needed import course_files, requirements_text
from autograder.places.wheel import wheel, wheel_name, zip_of

TEMPLATES_FOLDER = Path(__file__).parent / "templates"
GRADESCOPE_PROGRAMS = ("setup.sh", "run_autograder")
CLASSROOM_PROGRAM = "autograder.py"
NAME_OF_ASSIGNMENT = "ASSIGNMENT_NAME"
"""In a template, what stands for it."""


def filled_template(template: str, assignment: str) -> bytes:
    """A template's text for this assignment."""
    text = (TEMPLATES_FOLDER / template).read_text(encoding="utf-8")
    return text.replace(NAME_OF_ASSIGNMENT, assignment).encode()


def grading_files(course: Course, name: str) -> dict[str, bytes]:
    """Name -> content of all that grades one assignment somewhere else: course, list of libraries, the tool."""
    # First, so that a name that is none is told as one.
    course.notebooks(name)
    assignment = load_assignment(course.grading(name))
    try:
        inside = {f"course/{path}": data for path, data in course_files(course, assignment).items()}
    except ValueError as error:
        raise UsageError(
            f"a folder of the course lies outside of it ({error}). Put source and grading into {course.root}."
        ) from error
    return {
        "requirements.txt": requirements_text(course, assignment).encode(),
        wheel_name(): wheel(),
        **inside,
    }


def write_gradescope_zip(course: Course, assignment: str, path: Path) -> list[str]:
    """Write the upload for Gradescope; the names in it. UsageError when the course has no such assignment."""
    programs = {name: filled_template(f"gradescope/{name}", assignment) for name in GRADESCOPE_PROGRAMS}
    content = programs | grading_files(course, assignment)
    replace_file(path, zip_of(content, GRADESCOPE_PROGRAMS))
    return list(content)


def write_classroom_folder(course: Course, assignment: str, folder: Path) -> list[str]:
    """Write what lies under autograders/ASSIGNMENT/ of a Classroom 50 repository; the names of the files."""
    content = {CLASSROOM_PROGRAM: filled_template("classroom50/autograder.py.txt", assignment)} | grading_files(
        course, assignment
    )
    for name, data in content.items():
        replace_file(folder / name, data)
    return list(content)

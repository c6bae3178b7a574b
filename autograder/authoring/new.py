"""A small working homework to begin with: two exercises on NumPy, their probes, hidden tests, mistakes and mutants."""

import importlib.util
import re
from keyword import iskeyword
from pathlib import Path

from autograder.course import CONFIG_FILE, Course
from autograder.errors import UsageError

TEMPLATE = Path(__file__).parent / "template"
NAME_PLACEHOLDER = "NAME"


def new(start: Path, name: str) -> list[Path]:
    """Write the homework into the course around ``start``, or a whole small course into an empty folder.

    Returns the files in the order in which to read them; UsageError, and nothing written, when the name cannot be used
    or something of that name is there already.
    """
    refuse_name(name)
    files = {} if is_in_course(start) else {start / CONFIG_FILE: TEMPLATE / CONFIG_FILE}
    course = Course.find(start) if not files else Course(start.resolve())
    source, grading = places(course, name) if not files else (start / "source" / name, start / "grading" / name)
    for folder in (source, grading):
        if folder.exists():
            raise UsageError(f"{folder} is there already, and nothing was written. Choose another name, or remove it.")
    refuse_module(name)
    files[source / f"{name}.ipynb"] = TEMPLATE / f"{NAME_PLACEHOLDER}.ipynb"
    files |= {grading / file.name: file for file in sorted((TEMPLATE / "grading").glob("*.py"))}
    for path, original in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(original.read_text(encoding="utf-8").replace(NAME_PLACEHOLDER, name), encoding="utf-8")
    return list(files)


def places(course: Course, name: str) -> tuple[Path, Path]:
    """Where a course keeps the notebook, and where what grades it."""
    return course.folder("source", ".", name), course.grading(name)


def refuse_name(name: str) -> None:
    """UsageError for a name that cannot be a folder of hidden tests, which Python imports by it."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or iskeyword(name):
        raise UsageError(
            f"'{name}' cannot name an assignment. Take letters, digits and underscores, with no digit first: hw_1."
        )


def refuse_module(name: str) -> None:
    """UsageError for a name that Python imports already."""
    if is_importable(name):
        raise UsageError(
            f"'{name}' is the name of a Python module, which hidden tests in a folder of this name would hide. "
            "Choose another one."
        )


def is_importable(name: str) -> bool:
    """Whether ``import NAME`` finds a module here; a folder without an ``__init__.py`` is none."""
    spec = importlib.util.find_spec(name)
    return spec is not None and spec.origin is not None


def is_in_course(start: Path) -> bool:
    """Whether there is a course here or above; UsageError when there is none and the folder holds something else."""
    try:
        Course.find(start)
    except UsageError as error:
        if start.is_dir() and any(is_content(path) for path in start.iterdir()):
            raise UsageError(f"{error} To begin a course, change into an empty folder.") from None
        return False
    return True


def is_content(path: Path) -> bool:
    """Whether a file belongs to somebody's work: no hidden one, and no virtual environment."""
    return not path.name.startswith(".") and not (path / "pyvenv.cfg").is_file()

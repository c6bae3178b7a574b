"""`autograder doctor`: one page on what this machine can do, what is missing, and the remedy."""

import importlib.util
import shutil
from collections.abc import Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from autograder.classrun import ready
from autograder.classrun.run import kernel
from autograder.classrun.settings import Settings, settings_in
from autograder.course import Course
from autograder.errors import UsageError
from autograder.kernel.limits import MIB
from autograder.places.finding import Finding, tried
from autograder.places.machine import kernel_starts, machine_findings
from autograder.text import plain_text

COLOURS = {"ok": "green", "without": "yellow", "stops": "red"}


def findings(course: Course | None, assignment: str = "", profile: str = "") -> Iterator[Finding]:
    """All rows: of the machine, of the course where there is one, and of a kernel that is started at the end."""
    rows = []
    for row in machine_findings():
        rows.append(row)
        yield row
    if course is not None:
        yield from course_findings(course, assignment)
    if any(row.state == "stops" for row in rows):
        return
    if course is None or not assignment:
        yield tried("kernel", kernel_starts)
    else:
        yield tried("kernel", lambda: kernel_starts(kernel(settings_for(course, assignment, profile), Path())))


def settings_for(course: Course, assignment: str, profile: str) -> Settings:
    """How the assignment's first notebook would be graded."""
    return settings_in(course, assignment, course.notebooks(assignment)[0], profile)


def course_findings(course: Course, assignment: str) -> Iterator[Finding]:
    """What a run needs of the course: its libraries, room, and that the gradebook can be written."""
    names = [assignment] if assignment else course.assignments()
    for name in names:
        yield tried(f"libraries of {name}", partial(libraries_here, course, name))
    for name in names:
        yield tried(f"gradebook, for {name}", partial(writable_here, course, name))


def libraries_here(course: Course, name: str) -> str:
    """The versions that Records would name; UsageError when one is missing, or what the warm parent imports."""
    assignment = settings_for(course, name, "").assignment
    missing = [name for name in assignment.declaration.packages if not installed(name)]
    modules = dict.fromkeys(name.partition(".")[0] for name in assignment.declaration.imports)
    missing += [name for name in modules if importlib.util.find_spec(name) is None and name not in missing]
    if missing:
        raise UsageError(
            f"not installed: {', '.join(missing)}. Install what this course needs: pip install -r requirements.txt"
        )
    return ", ".join(f"{name} {installed(name)}" for name in assignment.declaration.packages) or "nothing of its own"


def installed(distribution: str) -> str:
    """Its version; empty when it is not there."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def writable_here(course: Course, assignment: str) -> str:
    """Where scores go; UsageError when the end of a run is known to fail."""
    students = len(course.students(assignment))
    ready.require_ready(course, assignment, students)
    free = shutil.disk_usage(course.root).free // MIB
    return f"{course.gradebook_url} can be written; {free:,} MiB of disk are free, enough for {students} students"


def print_page(rows: Iterator[Finding], console: Console) -> int:
    """Print the table and whether grading would start; the exit status: 0 if it would."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in ("what", "state", "here", "remedy"):
        table.add_column(name, overflow="fold")
    stops = []
    for row in rows:
        texts = [escape(plain_text(text)) for text in (row.what, row.said, row.remedy)]
        table.add_row(texts[0], f"[{COLOURS[row.state]}]{row.state}[/]", *texts[1:])
        stops += [row.what] if row.state == "stops" else []
    console.print(table)
    verdict = f"grading would not start: {', '.join(stops)}" if stops else "grading would start"
    console.print(verdict, markup=False, highlight=False)
    return 1 if stops else 0

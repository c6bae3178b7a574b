"""Export of what students wrote in solution cells, as files that Dolos and compare50 take. No verdict is ours.

Functions of three lines with one right answer look alike by nature.
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.cells import SOLUTION_REGION, grade_id, is_code_solution
from autograder.classrun.settings import settings_in
from autograder.course import Course, part_name
from autograder.errors import GraderError, UsageError
from autograder.observe import record as records
from autograder.observe.whole import replace_file
from autograder.text import encodable

MARKERS = ("### BEGIN SOLUTION", "### END SOLUTION")
STUB_LINE = re.compile(r"\s*(raise NotImplementedError\b.*|# YOUR CODE HERE)\s*")
FILE_NAME = re.compile(r"\w[\w.@+-]{0,100}")


@dataclass(frozen=True)
class SimilarityExport:
    """What was written, and who was left out and why."""

    files: tuple[Path, ...]
    left_out: tuple[str, ...]


def export_similarity(course: Course, assignment: str, folder: Path) -> SimilarityExport:
    """Write FOLDER/submissions/STUDENT.py and FOLDER/info.csv; UsageError when something lies there already."""
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty; name a new folder, so that no old export is mixed in")
    written: dict[str, list[str]] = {}
    left_out: list[str] = []
    for name in course.notebooks(assignment):
        source = settings_in(course, assignment, name).source
        place = course.records(assignment, name)
        for student in records.students(place):
            try:
                found = own_cells(records.path_of(place, student), source.cells)
            except GraderError as error:
                left_out.append(f"{student}: {error}")
                continue
            marked = [cell for cell, text in found.items() if text is None]
            left_out += [f"{student}: {cell} holds markers of a solution" for cell in marked]
            kept = [f"# {part_name(assignment, name)} {cell}\n{text}\n" for cell, text in found.items() if text]
            written.setdefault(student, []).extend(kept)
    written = {student: texts for student, texts in written.items() if texts}
    if not written:
        raise UsageError(f"no Record of {assignment} holds anything to export. Next: autograder grade {assignment}")
    files = [*student_files(folder / "submissions", written)]
    replace_file(folder / "info.csv", info_csv(folder, files))
    return SimilarityExport(tuple(path for _, path in files), tuple(left_out))


def own_cells(path: Path, source: Sequence[NotebookNode]) -> dict[str, str | None]:
    """Solution cell -> what the student wrote there; None where it may be the instructor's.

    GraderError when there are no cells.
    """
    executed = records.saved_at(path).notebook
    if executed is None:
        raise GraderError("nothing was run, so that there are no cells")
    given = {grade_id(cell): given_lines(cell.source) for cell in source if is_code_solution(cell)}
    cells = [cell for cell in nbformat.from_dict(json.loads(executed)).cells if grade_id(cell) in given]
    return {
        grade_id(cell): None
        if any(marker in cell.source for marker in MARKERS)
        else without_given(cell.source, given[grade_id(cell)])
        for cell in cells
    }


def given_lines(source: str) -> list[str]:
    """The lines of a solution cell that each student gets."""
    return SOLUTION_REGION.sub("", source).splitlines()


def without_given(text: str, given: Sequence[str]) -> str:
    """A student's cell without the lines that it was given, and without the stub."""
    lines = text.splitlines()
    matcher = SequenceMatcher(None, [line.strip() for line in given], [line.strip() for line in lines], autojunk=False)
    known = {i for block in matcher.get_matching_blocks() for i in range(block.b, block.b + block.size)}
    kept = [line for i, line in enumerate(lines) if i not in known and not STUB_LINE.fullmatch(line)]
    return "\n".join(kept).strip("\n")


def student_files(folder: Path, written: dict[str, list[str]]) -> Iterator[tuple[str, Path]]:
    """Write one file for each student; student and path."""
    for number, (student, texts) in enumerate(sorted(written.items()), 1):
        name = student if FILE_NAME.fullmatch(student) else f"student_{number}"
        path = folder / f"{name}.py"
        replace_file(path, encodable("\n".join(texts)).encode())
        yield student, path


def info_csv(folder: Path, files: Sequence[tuple[str, Path]]) -> bytes:
    """Dolos' list of files: which one is whose."""
    file = io.StringIO(newline="")
    rows = [(path.relative_to(folder).as_posix(), student) for student, path in files]
    csv.writer(file).writerows([("filename", "full_name"), *rows])
    return encodable(file.getvalue()).encode()

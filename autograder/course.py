"""A course on disk: where nbgrader's configuration puts each thing."""

import os
import re
import sys
from dataclasses import dataclass
from functools import cached_property
from glob import escape, glob
from pathlib import Path
from typing import Any

from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from autograder.errors import UsageError

CONFIG_FILE = "nbgrader_config.py"

# nbgrader calls `alembic` by name when it opens a gradebook; without an activated environment it would not
# be on the PATH.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])


@dataclass(frozen=True)
class Course:
    """The folder with ``nbgrader_config.py`` and the directories that this file names."""

    root: Path

    @classmethod
    def find(cls, start: Path) -> "Course":
        """The course in ``start`` or the nearest folder above it; UsageError when there is none."""
        start = start.resolve()
        for folder in (start, *start.parents):
            if (folder / CONFIG_FILE).is_file():
                return cls(folder)
        raise UsageError(
            f"no {CONFIG_FILE} in {start} or above. Change into the course folder or name it with --course-dir."
        )

    @cached_property
    def config(self) -> Config:
        """The course's nbgrader configuration."""
        config: Config = PyFileConfigLoader(CONFIG_FILE, path=str(self.root)).load_config()
        config.CourseDirectory.root = str(self.root)
        return config

    @cached_property
    def directory(self) -> Any:
        """nbgrader's own view of the course."""
        return CourseDirectory(config=self.config)

    def folder(self, step: str, student: str, assignment: str) -> Path:
        """Folder of one step ("source", "release", "submitted", "autograded", "feedback")."""
        return Path(self.directory.format_path(getattr(self.directory, f"{step}_directory"), student, assignment))

    def source(self, assignment: str, notebook: str = "") -> Path:
        """The instructor's notebook, the one named like the assignment unless another is meant; UsageError if none."""
        names = self.notebooks(assignment)
        if (notebook or assignment) not in names:
            raise UsageError(f"'{assignment}' has no notebook '{notebook or assignment}' (it has: {', '.join(names)})")
        return self.folder("source", ".", assignment) / f"{notebook or assignment}.ipynb"

    def notebooks(self, assignment: str) -> list[str]:
        """Names of the assignment's notebooks; UsageError when the course has no such assignment."""
        folder = self.folder("source", ".", assignment)
        found = sorted(path.stem for path in folder.glob("*.ipynb"))
        if not found:
            known = ", ".join(self.assignments()) or "none"
            raise UsageError(f"there is no assignment '{assignment}' in {folder.parent} (found: {known})")
        return found

    def assignments(self) -> list[str]:
        """Names of the folders in ``source/`` that hold a notebook."""
        found = self.matching("source", ".", "*").items()
        return sorted(assignment for (_, assignment), folder in found if any(folder.glob("*.ipynb")))

    def matching(self, step: str, student: str, assignment: str) -> dict[tuple[str, str], Path]:
        """Student and assignment -> folder of a step, as nbgrader finds them: in any order of folders, none hidden."""
        directory = self.directory
        name = getattr(directory, f"{step}_directory")
        pattern = escape(directory.directory_structure).format(
            nbgrader_step=escape(name),
            student_id=student,
            assignment_id=assignment if assignment == "*" else escape(assignment),
        )
        either = {"student_id": "(?P<student>[^/]+)", "assignment_id": "(?P<assignment>[^/]+)"}
        parts = [
            re.escape(part).replace(r"\{", "{").replace(r"\}", "}") for part in directory.directory_structure.split("/")
        ]
        shape = re.compile("/".join(parts).format(nbgrader_step=re.escape(name), **either))
        root = Path(directory.root)
        matches = ((shape.fullmatch(found), root / found) for found in glob(pattern, root_dir=root))
        return {(match["student"], match["assignment"]): path for match, path in matches if match}

    def grading(self, assignment: str) -> Path:
        """Folder of the assignment's probes and hidden tests: ``c.Grading.directory``, else ``grading/``."""
        directory: str = self.config.get("Grading", {}).get("directory", "grading")
        return self.root / directory / assignment

    def submitted(self, student: str, assignment: str, notebook: str = "") -> Path:
        """Where this student's notebook belongs; it may be missing."""
        return self.folder("submitted", student, assignment) / f"{notebook or assignment}.ipynb"

    def students(self, assignment: str) -> list[str]:
        """Everybody with a folder for this assignment in ``submitted/``, but for those whom the course excludes."""
        excluded = self.directory.student_id_exclude.split(",")
        found = {student for student, _ in self.matching("submitted", "*", assignment)}
        return sorted(found.difference(excluded))

    def records(self, assignment: str, notebook: str = "") -> Path:
        """Folder of a notebook's saved Records, one folder per student."""
        return self.root / "records" / part_name(assignment, notebook)

    @property
    def gradebook_url(self) -> str:
        """SQLAlchemy URL of the gradebook."""
        url: str = self.directory.db_url
        return url


def part_name(assignment: str, notebook: str = "") -> str:
    """What files about one notebook of an assignment are called: after it alone where it has one of its own name."""
    return assignment if notebook in ("", assignment) else f"{assignment}.{notebook}"

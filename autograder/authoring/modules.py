"""The preprocessor that puts an assignment's modules into its released notebook."""

from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.assignment import load_assignment
from autograder.course import Course
from autograder.embedded import marked_cells, with_modules


class EmbedModules(NbGraderPreprocessor):
    """Fill each cell that is marked with ``### MODULES``; a notebook without one stays as it is."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> Any:
        if marked_cells(nb):
            # nbgrader changes into the course root before it converts.
            assignment = load_assignment(Course.find(Path.cwd()).grading(resources["nbgrader"]["assignment"]))
            nb = with_modules(nb, assignment.folder, assignment.declaration.modules)
        return nb, resources

"""The step that stands in for Execute in plain ``nbgrader autograde`` (nbgrader_config.py puts it there)."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.classrun.run import grade
from autograder.classrun.settings import settings_in
from autograder.course import Course
from autograder.models import Submission
from autograder.observe import record as records


class ObserveAndJudge(NbGraderPreprocessor):
    """Grade the submitted file as ``autograder grade`` does and hand the verdict on to SaveScores."""

    def preprocess(self, nb: Any, resources: Any) -> Any:
        names = resources["nbgrader"]
        # nbgrader changes into the course root before it converts.
        course = Course.find(Path.cwd())
        assignment, student = names["assignment"], names["student"]
        notebook = names["notebook"]
        submission = Submission(student, assignment, course.submitted(student, assignment, notebook))
        folder = course.records(assignment, notebook)
        chosen = replace(settings_in(course, assignment, notebook), jobs=1)
        (resources["autograder"],) = grade([submission], chosen, folder)
        executed = folder / student / records.NOTEBOOK
        return nbformat.read(executed, as_version=4) if executed.is_file() else nb, resources

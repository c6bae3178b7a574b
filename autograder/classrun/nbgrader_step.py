"""The step that stands in for Execute in plain ``nbgrader autograde`` (nbgrader_config.py puts it there)."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.classrun.grade import grade
from autograder.classrun.history import History
from autograder.classrun.keys import Keys
from autograder.classrun.resume import course_ledger
from autograder.classrun.settings import settings_in
from autograder.course import Course
from autograder.models import Submission
from autograder.observe.stop import Stop
from autograder.publish.gradebook import executed_notebook


class ObserveAndJudge(NbGraderPreprocessor):
    """Grade the submitted file as ``autograder grade`` does and hand the verdict on to SaveScores."""

    def preprocess(self, nb: Any, resources: Any) -> Any:
        names = resources["nbgrader"]
        # nbgrader changes into the course root before it converts.
        course = Course.find(Path.cwd())
        assignment, student = names["assignment"], names["student"]
        notebook = names["notebook"]
        submission = Submission(student, assignment, course.submitted(student, assignment, notebook))
        chosen = replace(settings_in(course, assignment, notebook), jobs=1)
        stop = Stop()
        with course_ledger(course, stop) as ledger:
            (graded,) = grade([submission], chosen, course.records(assignment, notebook), stop=stop)
            history = History(ledger, chosen)
            history.keep(history.continued("nbgrader autograde", Keys.of(chosen), student), [graded])
        resources["autograder"] = graded
        return executed_notebook(graded) or nb, resources

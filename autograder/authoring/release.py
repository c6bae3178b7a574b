"""From the source notebook to the student's: nbgrader's generate_assignment, then proof that it may go out."""

from collections.abc import Sequence
from pathlib import Path

from nbformat import NotebookNode

from autograder.assignment import Assignment, load_assignment
from autograder.authoring import lint, mutants
from autograder.authoring.prove import prove
from autograder.classrun.settings import settings_in
from autograder.course import Course
from autograder.errors import AuthorError
from autograder.kernel.folders import own_folder
from autograder.publish.register import generate


def release(course: Course, name: str) -> Path:
    """Write the release folder and return what to hand out; AuthorError, and nothing written, if a proof fails."""
    notebooks = course.notebooks(name)
    parts = {notebook: settings_in(course, name, notebook) for notebook in notebooks}
    assignment = load_assignment(course.grading(name))
    with own_folder("release-") as folder:
        draft = generate(course, name, release=folder / "release", gradebook=f"sqlite:///{folder}/gradebook.db")
        found = defects([chosen.source for chosen in parts.values()], assignment, draft)
        for notebook, chosen in parts.items() if not found else ():
            found += prove(chosen, course.source(name, notebook), draft / f"{notebook}.ipynb")
    if found:
        raise AuthorError(f"{name} is not released:\n" + "\n".join(f"- {problem}" for problem in found))
    released = generate(course, name)
    return released / f"{name}.ipynb" if notebooks == [name] else released


def defects(sources: Sequence[NotebookNode], assignment: Assignment, draft: Path) -> list[str]:
    """What is wrong without running anything: the notebooks' form, their points, leaks, mutants of other cells."""
    files = [path for path in draft.rglob("*") if path.is_file()]
    return [
        *lint.problems(sources, assignment),
        *lint.leaks(sources, assignment, files),
        *mutants.strangers(mutants.mutants(assignment), sources),
    ]

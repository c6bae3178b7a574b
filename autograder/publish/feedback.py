"""The autograded notebook: what the student wrote, what it printed, and per grade cell why it got its points."""

import re
from collections.abc import Mapping, Sequence

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from nbgrader.utils import is_grade

from autograder.cells import grade_id
from autograder.models import Graded, Record, Score
from autograder.observe.record import LEFT_ON, REPLACED
from autograder.submission.beside import first_few
from autograder.submission.sanitize import sanitized
from autograder.text import plain_text

LIBRARY_NAME = re.compile(r"[a-z]{2,12}(\.\w{1,40}){1,6}")

SETTING = re.compile(r"[A-Za-z' ]{3,60}")


TOLD = "autograder"
"""Of the autograded notebook's metadata: scores, outcomes and notes, for the feedback page."""


def autograded_notebook(graded: Graded, executed: NotebookNode) -> NotebookNode:
    """A copy of the executed notebook that is safe to open, with each verdict as output of its grade cell."""
    notebook = sanitized(executed)
    scores = {score.grade_id: score for score in graded.scores}
    for cell in notebook.cells:
        if is_grade(cell) and grade_id(cell) in scores:
            text = verdict(scores[grade_id(cell)])
            # Not new_output, which validates each by itself: the notebook is validated as a whole.
            cell.outputs = [*cell.outputs, NotebookNode(output_type="stream", name="stdout", text=text)]
    notes = run_notes(graded)
    if notes:
        notebook.cells.insert(0, new_markdown_cell("```text\n" + "\n".join(notes).replace("`", "'") + "\n```"))
    notebook.metadata[TOLD] = told_metadata(graded.scores, notes)
    return notebook


def told_metadata(scores: Sequence[Score], notes: Sequence[str]) -> dict[str, object]:
    """What the feedback page is made of: no student can write it, since it replaces whatever lies under its key."""
    return {"scores": [told_score(score) for score in scores], "notes": [*notes]}


def told_score(score: Score) -> dict[str, object]:
    """A score and what each of its hidden tests said, as plain values."""
    tests = [
        {"test": one.test, "kind": one.kind, "points": one.points, "message": plain_text(one.message)}
        for one in score.outcomes
    ]
    messages = [plain_text(message) for message in score.messages]
    plain = {"grade_id": score.grade_id, "max_score": score.max_score, "points": score.points}
    return plain | {"messages": messages, "tests": tests}


def verdict(score: Score) -> str:
    """Points and reasons of one grade cell, as lines of plain text."""
    points = "waits for a person" if score.points is None else f"{score.points:g} of {score.max_score:g} points"
    return "\n".join([f"--- {score.grade_id}: {points} ---", *reasons(score)]) + "\n"


def reasons(score: Score) -> list[str]:
    """One bullet per reason, free of control characters."""
    return [f"- {plain_text(message)}" for message in score.messages]


def run_notes(graded: Graded) -> Sequence[str]:
    """What happened to the submission as a whole: repairs, limits that were hit, the missing sandbox."""
    record = graded.record
    notes = [f"not graded: {record.not_run}"] if record.not_run else []
    notes += [] if record.sandbox or record.not_run else ["graded without a sandbox"]
    notes += [f"repaired: {repair}" for repair in record.repairs]
    notes += [f"beside the notebook: {first_few([file.name for file in record.files])}"] if record.files else []
    notes += [f"not taken: {sentence}" for sentence in record.not_taken]
    # What kept an exercise's own cell from defining it is told there.
    notes += [f"{fault.where}: {fault.message}" for fault in record.faults if fault.kind != "stopped"]
    notes += [f"measured: {told_measured(record.measured)}"] if record.measured else []
    notes += [f"graphics card: {told_use(record.gpu)}"] if record.gpu else []
    left_on = listed_under(record, LEFT_ON, SETTING)
    if left_on:
        notes.append(f"the notebook had changed {', '.join(left_on[:5])}; the graded calls ran with the defaults")
    replaced = listed_under(record, REPLACED, LIBRARY_NAME)
    if replaced:
        notes.append(f"the notebook replaced {', '.join(replaced[:5])}; the graded calls ran with the original")
    return [plain_text(note) for note in notes]


def told_measured(measured: Mapping[str, Sequence[float]]) -> str:
    """What the notebook says that it has measured, in one line."""
    return "; ".join(f"{name} {' '.join(f'{value:.4g}' for value in values)}" for name, values in measured.items())


def told_use(use: Mapping[str, float]) -> str:
    """What a run took of a graphics card."""
    busy = f", which was busy {use['busy_percent']:.0f} % of that time" if "busy_percent" in use else ""
    return f"{use['peak_bytes'] / 1e9:.1f} GB at most, for {use['used_s']:.0f} s{busy}"


def listed_under(record: Record, key: str, form: re.Pattern[str]) -> list[str]:
    """What the probes listed under a key: names of this form; others are left out, since a student may write there."""
    lists = [o.values.get(key) for o in record.observations.values() if isinstance(o.values, dict)]
    names = {name for found in lists if isinstance(found, list) for name in found if isinstance(name, str)}
    return sorted(name for name in names if form.fullmatch(name))

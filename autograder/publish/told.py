"""What a student is told of each exercise, before it becomes a page, Markdown or JSON.

It is read off the autograded notebook and the gradebook, so that a person's score or comment changes it at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nbformat import NotebookNode

from autograder.cells import grade_id, judged_by
from autograder.publish.exercises import ExercisePlace, Hint, exercise_places, fitting_hint
from autograder.publish.feedback import TOLD
from autograder.publish.points import CellPoints, FinalPoints
from autograder.submission.sanitize import BITMAPS, safe_output
from autograder.text import inert, plain_text

SENTENCE_MAX_CHARS = 200
OUTPUT_MAX_CHARS = 4_000
FIGURES_MAX = 4

ExerciseState = Literal["full", "partial", "none", "waiting"]


@dataclass(frozen=True)
class LostPoints:
    """One reason for lost points, and what failed for it."""

    message: str
    properties: tuple[str, ...] = ()


@dataclass(frozen=True)
class ShownOutput:
    """Something that a cell printed or drew."""

    text: str = ""
    mime: str = ""
    data: str = ""
    """A bitmap in base64."""


@dataclass(frozen=True)
class ToldExercise:
    """All that is told of one graded cell."""

    grade_id: str
    title: str
    maximum: float
    points: float | None
    state: ExerciseState
    sentence: str
    """For the overview."""
    passed: tuple[str, ...]
    causes: tuple[LostPoints, ...]
    code: str
    outputs: tuple[ShownOutput, ...]
    hint: Hint | None
    """The one that fits; none where nothing is lost."""
    hints: tuple[Hint, ...]
    """The others."""
    texts: tuple[str, ...]
    comment: str
    """A person's own words."""
    changed: str
    """What a person has made of the automatic points."""
    in_words: bool = False
    """Whether the student answers in words, which are in ``code``."""


@dataclass(frozen=True)
class ToldSubmission:
    """What one submitted notebook gets back."""

    student: str
    assignment: str
    notebook: str
    points: float
    maximum: float
    penalty: float
    undecided: int
    """Exercises that wait for a person."""
    notes: tuple[str, ...]
    exercises: tuple[ToldExercise, ...]


def told_submission(
    notebook: NotebookNode, held: FinalPoints, comments: Mapping[str, str], names: Mapping[str, str]
) -> ToldSubmission:
    """What is told of an autograded notebook; ``names`` says whose it is, of which assignment, under which name.

    ``held`` are the gradebook's points of the notebook; ``comments`` are people's, by the cell that each is about.
    """
    said = notebook.metadata.get(TOLD, {})
    scores = {score["grade_id"]: score for score in said.get("scores", ())}
    judges = {judged: solution for solution, all_of in judged_by(notebook.cells).items() for judged in all_of}
    held = held if held.cells else without_gradebook(notebook, scores)
    cells = {cell.grade_id: cell for cell in held.cells}
    exercises = [
        told_exercise(
            notebook.cells,
            place,
            scores.get(place.grade_id, {}),
            cells[place.grade_id],
            comments.get(judges.get(place.grade_id, place.grade_id), ""),
        )
        for place in exercise_places(notebook.cells)
        if place.grade_id in cells
    ]
    return ToldSubmission(
        student=plain_text(names.get("student", "")),
        assignment=names.get("assignment", ""),
        notebook=names.get("notebook", ""),
        points=held.decided,
        maximum=held.maximum,
        penalty=held.penalty,
        undecided=len(held.undecided),
        notes=tuple(plain_text(note) for note in said.get("notes", ())),
        exercises=tuple(exercises),
    )


def without_gradebook(notebook: NotebookNode, scores: Mapping[str, Mapping[str, Any]]) -> FinalPoints:
    """The same of a notebook that the gradebook does not know: what the notebook itself says."""
    cells = {place.grade_id: notebook.cells[place.grade] for place in exercise_places(notebook.cells)}
    most = {name: float(cell.metadata.get("nbgrader", {}).get("points") or 0) for name, cell in cells.items()}
    return FinalPoints(
        "", tuple(CellPoints("", name, most[name], scores.get(name, {}).get("points"), None) for name in cells)
    )


def told_exercise(
    cells: Sequence[NotebookNode], place: ExercisePlace, score: Mapping[str, Any], held: CellPoints, comment: str
) -> ToldExercise:
    """What is told of one graded cell."""
    points, reasons = held.points, [str(message) for message in score.get("messages", ())]
    causes = causes_of(score, reasons)
    lost = points is None or points < held.max_score
    hint = fitting_hint(place.hints, reasons) if lost and reasons else None
    solution = cells[place.solution] if place.solution is not None else None
    return ToldExercise(
        grade_id=place.grade_id,
        title=place.title,
        maximum=held.max_score,
        points=points,
        state=state_of(points, held.max_score),
        sentence=sentence_of(held, score, causes),
        passed=tuple(property_of(test["test"]) for test in score.get("tests", ()) if test["kind"] == "passed"),
        causes=tuple(causes),
        code=inert(solution.source) if solution is not None else "",
        outputs=tuple(shown_outputs(cells, place, judged=bool(score))),
        hint=hint,
        hints=tuple(one for one in place.hints if one != hint),
        texts=place.texts,
        comment=inert(comment).strip(),
        changed=changed_by_hand(held),
        in_words=solution is not None and solution.cell_type == "markdown",
    )


def state_of(points: float | None, maximum: float) -> ExerciseState:
    """How an exercise stands."""
    if points is None:
        return "waiting"
    return "full" if points >= maximum else "partial" if points > 0 else "none"


def causes_of(score: Mapping[str, Any], reasons: Sequence[str]) -> list[LostPoints]:
    """Each reason once, with the hidden tests that gave it."""
    tests = [test for test in score.get("tests", ()) if test["kind"] != "passed"]
    return [
        LostPoints(reason, tuple(property_of(test["test"]) for test in tests if test["message"] == reason))
        for reason in reasons
    ]


def property_of(test: str) -> str:
    """What a hidden test asks for, in the words of its name."""
    return test.partition("[")[0].removeprefix("test_").replace("_", " ")


def sentence_of(held: CellPoints, score: Mapping[str, Any], causes: Sequence[LostPoints]) -> str:
    """One sentence for the overview."""
    if held.points is None:
        return first_sentence(causes[0].message) if causes else "A person reads this and gives the points."
    if held.manual is not None:
        return "A person gave these points."
    if causes:
        return first_sentence(causes[0].message)
    tests = len(score.get("tests", ()))
    if tests:
        return f"Everything that was tried works: {tests} of {tests} hidden tests passed."
    return "Nothing is missing." if held.points >= held.max_score else "There is no answer."


def first_sentence(text: str) -> str:
    """The beginning of a text, up to its first full stop or line."""
    line = text.strip().split("\n", 1)[0]
    short = line.split(". ", 1)[0]
    return short if len(short) <= SENTENCE_MAX_CHARS else f"{short[:SENTENCE_MAX_CHARS].rstrip()} …"


def changed_by_hand(held: CellPoints) -> str:
    """What a person has changed, in words."""
    parts = []
    if held.manual is not None and held.automatic is not None:
        parts.append(f"The automatic score was {held.automatic:g}; a person made it {held.manual:g}.")
    if held.extra:
        parts.append(f"{held.extra:+g} points of extra credit are in it.")
    return " ".join(parts)


def shown_outputs(cells: Sequence[NotebookNode], place: ExercisePlace, *, judged: bool) -> list[ShownOutput]:
    """What the student's cell and the check below it printed and drew, without our own verdict."""
    positions = sorted({place.grade} | ({place.solution} if place.solution is not None else set()))
    found: list[ShownOutput] = []
    for position in positions:
        outputs = cells[position].get("outputs", [])
        if position == place.grade and judged:
            outputs = [one for one in outputs if not is_verdict(one, grade_id(cells[position]))]
        found += [shown for output in outputs if (shown := shown_output(output)) is not None]
    figures = [one for one in found if one.data]
    return [one for one in found if not one.data or one in figures[:FIGURES_MAX]]


def is_verdict(output: NotebookNode, name: str) -> bool:
    """Whether an output is what we wrote below a graded cell; the page says the same in its own form."""
    return bool(output.output_type == "stream") and str(output.text).startswith(f"--- {name}: ")


def shown_output(output: NotebookNode) -> ShownOutput | None:
    """The part of an output that a page shows."""
    safe = safe_output(output)
    if safe is None:
        return None
    if safe.output_type == "stream":
        return ShownOutput(shortened(safe.text))
    if safe.output_type == "error":
        return ShownOutput(shortened("\n".join(safe.traceback) or f"{safe.ename}: {safe.evalue}"))
    for mime in BITMAPS:
        if mime in safe.data:
            return ShownOutput(mime=mime, data="".join(str(safe.data[mime]).split()))
    return ShownOutput(shortened(str(safe.data.get("text/plain", ""))))


def shortened(text: str) -> str:
    """A long text without its middle."""
    if len(text) <= OUTPUT_MAX_CHARS:
        return text
    half = OUTPUT_MAX_CHARS // 2
    return f"{text[:half]}\n… {len(text) - 2 * half:,} characters left out …\n{text[-half:]}"

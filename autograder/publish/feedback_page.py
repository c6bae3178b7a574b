"""The feedback that a student reads: a page, and the same as Markdown and JSON."""

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from autograder.publish.database import quiet_sqlalchemy
from autograder.publish.exercises import Hint
from autograder.publish.feedback import TOLD
from autograder.publish.page import POLICY, QuietPage
from autograder.publish.points import notebook_points
from autograder.publish.prose import prose
from autograder.publish.told import ShownOutput, ToldExercise, ToldSubmission, told_submission

PAGE_TEMPLATES = Path(__file__).parent / "templates"
STATES = {"full": "full points", "partial": "some points", "none": "no points", "waiting": "waits for a person"}
STATE_MARKS = {"full": "✓", "partial": "◐", "none": "✗", "waiting": "?"}
"""Beside the words, so that colour alone says nothing."""
LINES_UNFOLDED = 12
"""Of what a cell printed; more is folded."""


class FeedbackPage(QuietPage):
    """nbconvert's exporter for ``c.GenerateFeedback.exporter_class``: what nbgrader writes as a student's feedback."""

    def from_notebook_node(self, nb: Any, resources: Any = None, **kw: Any) -> Any:
        """The page and the resources; of a notebook that was not graded here, nbgrader's page without its scripts."""
        names = (resources or {}).get("nbgrader", {})
        if TOLD not in nb.metadata or "db_url" not in names:
            return super().from_notebook_node(nb, resources, **kw)
        with quiet_sqlalchemy(), Gradebook(names["db_url"]) as gradebook:
            told = submission_told(nb, gradebook, *(names[one] for one in ("student", "assignment", "notebook")))
        return feedback_html(told), {**resources, "output_extension": self.file_extension}


@cache
def page_environment() -> jinja2.Environment:
    """Jinja's, which escapes whatever it is not told to be HTML."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(PAGE_TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    filters: dict[str, Callable[..., str]] = {"prose": prose_markup, "code": highlighted, "points": points_shown}
    made.filters |= filters
    made.globals |= {
        "policy": POLICY,
        "states": STATES,
        "state_marks": STATE_MARKS,
        "is_long": is_long,
        "image": image_source,
    }
    return made


def feedback_html(told: ToldSubmission) -> str:
    """The page: one file that runs nothing and fetches nothing."""
    return page_environment().get_template("feedback.html.j2").render(told=told)


def prose_markup(source: str) -> Markup:
    """The homework's Markdown as HTML that Jinja leaves as it is."""
    return Markup(prose(source))


def highlighted(source: str) -> Markup:
    """Python as HTML; pygments escapes what it marks."""
    return Markup(highlight(source, PythonLexer(), HtmlFormatter(nowrap=True)))


def points_shown(value: float | None) -> str:
    """Points, or a question mark."""
    return "?" if value is None else f"{value:g}"


def is_long(text: str) -> bool:
    """Whether an output is folded."""
    return text.count("\n") > LINES_UNFOLDED or len(text) > 80 * LINES_UNFOLDED


def image_source(output: ShownOutput) -> str:
    """A data address of a bitmap; an empty one of what is no base64."""
    try:
        base64.b64decode(output.data, validate=True)
    except ValueError:
        return ""
    return f"data:{output.mime};base64,{output.data}"


def feedback_json(told: ToldSubmission) -> str:
    """The same as JSON, the homework's own texts left out."""
    plain = asdict(told)
    for exercise in plain["exercises"]:
        for name in ("texts", "hints", "outputs"):
            del exercise[name]
    return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"


def feedback_markdown(told: ToldSubmission) -> str:
    """The same as Markdown: what a student wrote is fenced, what we say is one line each."""
    lines = [f"# Feedback: {told.notebook}", "", f"Student: {fenced_word(told.student)}", ""]
    lines += [f"**{told.points:g} of {told.maximum:g} points**{waiting_words(told)}", ""]
    lines += [f"A penalty of {told.penalty:g} points for handing in late is taken off.", ""] if told.penalty else []
    lines += ["| exercise | points | state |", "|---|---|---|"]
    lines += [
        f"| {table_cell(one.title)} | {points_shown(one.points)} of {one.maximum:g} | {STATES[one.state]} |"
        for one in told.exercises
    ]
    for one in told.exercises:
        lines += exercise_markdown(one)
    lines += ["", "## What happened in the run", "", *bullets(told.notes)] if told.notes else []
    return "\n".join(lines) + "\n"


def exercise_markdown(one: ToldExercise) -> list[str]:
    """One exercise."""
    lines = ["", f"## {one.title}", "", f"{points_shown(one.points)} of {one.maximum:g} points. {one.changed}".strip()]
    for title, rows in (
        ("What failed", [cause.message for cause in one.causes]),
        ("What passed", list(one.passed)),
        ("Comment", [one.comment] if one.comment else []),
        ("Hint", [hint_text(one.hint)] if one.hint else []),
    ):
        lines += ["", f"**{title}**", "", *bullets(rows)] if rows else []
    return lines + (["", "**Your cell**", "", *fenced(one.code)] if one.code else [])


def bullets(rows: Sequence[str]) -> list[str]:
    """A list whose entries stay text, on a line each."""
    return [f"- {escaped_markdown(row)}" for row in rows]


def escaped_markdown(text: str) -> str:
    """A text that Markdown takes for nothing else, its lines one below the other."""
    return re.sub(r"([\\`*_{}\[\]<>#|$~])", r"\\\1", text).replace("\n", "  \n  ")


def hint_text(hint: Hint) -> str:
    """A hint on one line."""
    return " ".join(f"{hint.summary} {hint.body}".split())


def table_cell(text: str) -> str:
    """A text for a cell of a table."""
    return escaped_markdown(" ".join(text.split()))


def fenced(code: str) -> list[str]:
    """Code in a fence that is longer than any in it."""
    ticks = max([2, *map(len, re.findall(r"`+", code))]) + 1
    return ["`" * ticks + "python", code, "`" * ticks]


def fenced_word(text: str) -> str:
    """A name as code."""
    return f"`{text.replace('`', chr(39))}`"


def waiting_words(told: ToldSubmission) -> str:
    """How many exercises wait for a person, if any."""
    return f" so far; {told.undecided} waiting for a person" if told.undecided else ""


def written_forms(told: ToldSubmission) -> Mapping[str, str]:
    """Suffix -> text of every form of a submission's feedback."""
    return {".html": feedback_html(told), ".md": feedback_markdown(told), ".json": feedback_json(told)}


def submission_told(
    notebook: NotebookNode, gradebook: Gradebook, student: str, assignment: str, name: str
) -> ToldSubmission:
    """What is told of an autograded notebook, with the points and comments of an open gradebook."""
    names = {"student": student, "assignment": assignment, "notebook": name}
    held = notebook_points(gradebook, student, assignment, name)
    return told_submission(notebook, held, persons_comments(gradebook, student, assignment, name), names)


def persons_comments(gradebook: Gradebook, student: str, assignment: str, name: str) -> dict[str, str]:
    """What people wrote, by the cell that it is about; nothing where the gradebook knows no such submission."""
    try:
        submitted = gradebook.find_submission_notebook(name, assignment, student)
    except MissingEntry:
        return {}
    return {one.name: one.manual_comment for one in submitted.comments if (one.manual_comment or "").strip()}

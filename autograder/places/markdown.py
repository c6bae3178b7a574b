"""Verdicts in Markdown, for pages of platforms: what a student wrote is shown there and acts nowhere."""

import re
from collections.abc import Iterable, Sequence

from autograder.models import Graded, Score
from autograder.publish.feedback import run_notes
from autograder.publish.table import UNDECIDED, total
from autograder.submission.sanitize import literal
from autograder.text import plain_text

CODE_SPAN = re.compile(r"(`[^`\n]+`)")


def as_markdown(text: str) -> str:
    """Text as Markdown that shows it as it is, with no link, image or formula; between backticks it stays code."""
    parts = CODE_SPAN.split(plain_text(text))
    return "".join(part if at % 2 else without_links(literal(part)) for at, part in enumerate(parts))


def without_links(text: str) -> str:
    """The same without formulas, and without addresses that a page would make links of."""
    return text.replace("$", "&#36;").replace("://", "&#58;//")


def bullet_list(lines: Iterable[str]) -> str:
    """A list of these texts, each with its line ends."""
    return "\n".join("- " + as_markdown(line).replace("\n", "  \n  ") for line in lines)


def why_scored(score: Score) -> str:
    """Why a grade cell got its points, as Markdown; a sentence in any case."""
    if score.messages:
        return bullet_list(score.messages)
    return "All points." if score.points == score.max_score else "No reason was noted."


def cell_names(parts: Sequence[tuple[str, Graded]]) -> list[tuple[str, Score]]:
    """Every grade cell with the name that it is shown under: the notebook's before it where there are several."""
    several = len(parts) > 1
    return [
        (f"{notebook}: {score.grade_id}" if several else score.grade_id, score)
        for notebook, graded in parts
        for score in graded.scores
    ]


def job_summary(title: str, class_: Sequence[Graded]) -> str:
    """A class as a page of Markdown, for the summary of a job: who has which points, and what happened to whom."""
    names = [score.grade_id for score in class_[0].scores] if class_ else []
    head = ["student", *(as_markdown(name) for name in names), "total"]
    under = ["---", *("---:" for _ in head[1:])]
    rows = [table_row(one) for one in (head, under, *map(class_cells, class_))]
    notes = [f"{one.submission.student}: {note}" for one in class_ for note in run_notes(one)]
    waiting = [one.submission.student for one in class_ if one.undecided]
    said = [f"{len(waiting)} wait for a person: {', '.join(waiting)}"] if waiting else []
    return "\n".join([f"## {as_markdown(title)}", "", *rows, "", bullet_list([*said, *notes])]).rstrip() + "\n"


def class_cells(graded: Graded) -> list[str]:
    """One student's row."""
    points = (UNDECIDED if score.points is None else f"{score.points:g}" for score in graded.scores)
    return [as_markdown(graded.submission.student), *points, total(graded)]


def table_row(texts: Iterable[str]) -> str:
    """A row of a table."""
    return "| " + " | ".join(text.replace("\n", " ") for text in texts) + " |"

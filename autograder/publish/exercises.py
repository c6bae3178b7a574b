"""Where a notebook speaks of each graded cell: its title, its text, its hints and the cell that the student writes."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nbformat import NotebookNode

from autograder.cells import grade_id, is_answer, is_judged, is_solution, is_task, solution_before

HEADING = re.compile(r"^#{1,6}[ \t]++(\S.*)$", re.MULTILINE)
HINT = re.compile(
    r"<details>\s*+<summary>(?P<summary>(?:(?!<details>).)*?)</summary>(?P<body>(?:(?!<details>).)*?)</details>",
    re.DOTALL,
)
BULLET = re.compile(r"^[-*][ \t]+(.+(?:\n[ \t]+.+)*)", re.MULTILINE)
MARKUP = re.compile(r"[*_`]+")
HINT_WORD = re.compile(r"[A-Za-z_]{3,}|\d[\d,.]*\d|\d")


@dataclass(frozen=True)
class Hint:
    """One of the homework's own hints, as Markdown."""

    summary: str
    body: str


@dataclass(frozen=True)
class ExercisePlace:
    """What belongs to one graded cell."""

    grade_id: str
    title: str
    """The heading above it, without markup."""
    grade: int
    """Position of the graded cell."""
    solution: int | None
    """Position of the cell that the student writes."""
    texts: tuple[str, ...]
    """What the homework says of it, as Markdown, hints left out."""
    hints: tuple[Hint, ...]


def exercise_places(cells: Sequence[NotebookNode]) -> list[ExercisePlace]:
    """One for each cell with points, in order."""
    found = [i for i, cell in enumerate(cells) if is_judged(cell) or is_answer(cell) or is_task(cell)]
    headings = {i: title for i, cell in enumerate(cells) if (title := heading_of(cell))}
    starts = {grade: heading_for(grade_id(cells[grade]), grade, headings) for grade in found}
    places = []
    for grade, start in starts.items():
        # A heading that is another one's says nothing of this cell, which then is called what nbgrader calls it.
        others = [other for other in found if starts[other] == start and other < grade]
        shared = bool(others) and not names_it(headings.get(start, ""), grade_id(cells[grade]))
        places.append(exercise_place(cells, grade, -1 if shared else start, headings))
    return places


def exercise_place(cells: Sequence[NotebookNode], grade: int, start: int, headings: dict[int, str]) -> ExercisePlace:
    """What belongs to the graded cell at this position, below the heading at ``start``; -1 for none."""
    name = grade_id(cells[grade])
    following = [i for i in headings if i > start]
    texts_end = min([i for i in following if i < grade] or [grade])
    end = min([i for i in following if i > grade] or [len(cells)])
    texts = [cells[i].source for i in range(max(start, 0), texts_end) if is_told(cells[i])] if start >= 0 else []
    texts += [cells[grade].source] if is_task(cells[grade]) else []
    own = is_solution(cells[grade])
    return ExercisePlace(
        grade_id=name,
        title=headings.get(start) or name.replace("_", " "),
        grade=grade,
        solution=grade if own else None if is_task(cells[grade]) else solution_before(cells, grade),
        texts=tuple(text for text in (HINT.sub("", text).strip() for text in texts) if text),
        hints=tuple(hints_in(cells, start, grade, end)) if start >= 0 else (),
    )


def heading_for(name: str, grade: int, headings: dict[int, str]) -> int:
    """Position of the heading that names a graded cell, else of the nearest one above it; -1 without any."""
    above = [i for i in headings if i <= grade]
    named = [i for i in above if names_it(headings[i], name)]
    return max(named or above or [-1])


def names_it(title: str, name: str) -> bool:
    """Whether a heading begins with a grade id, however it is spelt: "Exercise 1: softmax" and exercise_1."""
    words = re.findall(r"[^\W\d_]+|\d+", title.lower())
    wanted = "".join(re.findall(r"[^\W_]+", name.lower()))
    return any("".join(words[:count]) == wanted for count in range(1, len(words) + 1))


def heading_of(cell: NotebookNode) -> str:
    """The first heading of a cell of the homework's own text, without markup."""
    found = HEADING.search(cell.source) if is_told(cell) else None
    return MARKUP.sub("", found[1].rstrip(" \t#")).strip() if found else ""


def is_told(cell: NotebookNode) -> bool:
    """Whether a cell is text of the homework's own."""
    return cell.cell_type == "markdown" and not is_solution(cell) and not is_task(cell)


def hints_in(cells: Sequence[NotebookNode], start: int, grade: int, end: int) -> Iterator[Hint]:
    """The hints of an exercise: what is folded in its texts, and the lists below its graded cell."""
    for position in range(start, end):
        cell = cells[position]
        if not is_told(cell):
            continue
        yield from (Hint(found["summary"].strip(), found["body"].strip()) for found in HINT.finditer(cell.source))
        if position > grade:
            yield from (Hint("", bullet) for bullet in BULLET.findall(HINT.sub("", cell.source)))


def fitting_hint(hints: Sequence[Hint], reasons: Sequence[str]) -> Hint | None:
    """The hint that shares most with the reasons, a rare word counting more; the first one when none shares any."""
    said = set(telling_words(" ".join(reasons)))
    held = [set(telling_words(f"{hint.summary} {hint.body}")) for hint in hints]
    seen = Counter(word for words in held for word in words)
    weights = [sum(weight(word, seen[word], len(hints)) for word in words & said) for words in held]
    return hints[max(range(len(hints)), key=lambda i: weights[i])] if hints else None


def weight(word: str, seen: int, hints: int) -> float:
    """How much a shared word says: the rarer, the more, and a number most."""
    return math.log((1 + hints) / seen) * (2 if word[0].isdigit() else 1)


def telling_words(text: str) -> list[str]:
    """The words and numbers of a text that can tell hints apart."""
    return [word.lower() for word in HINT_WORD.findall(text)]

"""What an instructor is told of a class: tables, which become a page and CSV files alike.

A submission is taken in and forgotten: what is kept of it is a row of points and a bit for each hidden test.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from statistics import correlation, mean, median, quantiles

from autograder.models import Fault, Score
from autograder.publish.points import FinalPoints
from autograder.publish.told import first_sentence, property_of
from autograder.text import plain_text

SUBMISSIONS_MIN = 30
"""Below this many, how well a hidden test tells students apart is chance."""
MISTAKES_MAX = 8
"""Of one exercise, the commonest first."""
BARS = 10
QUOTED_TEXT = re.compile(r"'[^']*'")
MEBIBYTE = 1024 * 1024

CellValue = str | float | int | None


@dataclass(frozen=True)
class ReportTable:
    """One table of the report."""

    name: str
    """Of its CSV file."""
    title: str
    note: str
    header: tuple[str, ...]
    rows: tuple[tuple[CellValue, ...], ...]


@dataclass(frozen=True)
class RunSeen:
    """What is kept of a run."""

    wall_s: float | None = None
    memory_mib: float | None = None
    note: str = ""


@dataclass(frozen=True)
class TakenIn:
    """What is kept of one student."""

    held: FinalPoints
    """Of all notebooks, with grade ids as the report names them."""
    run: RunSeen

    @cached_property
    def points(self) -> dict[str, float | None]:
        """By exercise."""
        return {cell.grade_id: cell.points for cell in self.held.cells}


@dataclass
class ClassSummary:
    """A class, as far as it was taken in."""

    assignment: str
    anonymous: bool = False
    titles: dict[str, str] = field(default_factory=dict)
    """Exercise -> its title, in the order of the notebook."""
    maxima: dict[str, float] = field(default_factory=dict)
    students: dict[str, TakenIn] = field(default_factory=dict)
    mistakes: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    passed: dict[tuple[str, str], dict[str, bool]] = field(default_factory=lambda: defaultdict(dict))
    """(Exercise, hidden test) -> student -> whether it passed, where it said so."""
    waiting: list[tuple[str, str, str]] = field(default_factory=list)
    """Student, exercise, reason."""
    repairs: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    def take_scores(self, student: str, scores: Sequence[Score]) -> dict[str, str]:
        """Count what the hidden tests said; why each undecided exercise is so."""
        reasons = {}
        for score in scores:
            for outcome in score.outcomes:
                if outcome.kind in ("passed", "failed"):
                    self.passed[score.grade_id, outcome.test][student] = outcome.kind == "passed"
            if score.points is None:
                # The others of its hidden tests may have said something.
                reasons[score.grade_id] = first_sentence("; ".join(score.messages))
            else:
                self.mistakes[score.grade_id].update({first_sentence(message) for message in score.messages})
        return reasons

    def take_run(self, repairs: Sequence[str], faults: Sequence[Fault]) -> None:
        """Count what happened to a submission, names left out."""
        self.repairs.update({without_names(repair) for repair in repairs})
        self.faults.update({fault.kind for fault in faults})

    def take_points(self, student: str, points: FinalPoints, reasons: Mapping[str, str], run: RunSeen) -> None:
        """Add a student's points in one notebook; ``run`` says what the run took."""
        before = self.students.get(student)
        self.maxima.update({cell.grade_id: cell.max_score for cell in points.cells})
        self.students[student] = joined_notebooks(before, points, run) if before else TakenIn(points, run)
        for name in points.undecided:
            self.waiting.append((student, name, reasons.get(name, "a person gives the points")))

    def title(self, name: str) -> str:
        """An exercise's title."""
        return self.titles.get(name, name)


def joined_notebooks(before: TakenIn, points: FinalPoints, run: RunSeen) -> TakenIn:
    """A student's row with one more notebook in it."""
    old = before.held
    held = replace(old, cells=old.cells + points.cells, penalties=old.penalties + points.penalties)
    both = RunSeen(
        wall_s=added(before.run.wall_s, run.wall_s),
        memory_mib=max([m for m in (before.run.memory_mib, run.memory_mib) if m is not None], default=None),
        note="; ".join(filter(None, (before.run.note, run.note))),
    )
    return TakenIn(held, both)


def added(first: float | None, second: float | None) -> float | None:
    """The sum of what is known."""
    known = [value for value in (first, second) if value is not None]
    return sum(known) if known else None


def without_names(sentence: str) -> str:
    """A sentence as it is said of many: file names and other particulars left out."""
    return plain_text(QUOTED_TEXT.sub("'…'", sentence.split(": ", 1)[0]))


def report_tables(summary: ClassSummary) -> list[ReportTable]:
    """All tables, in the order of the page."""
    return [
        distribution(summary),
        exercises_table(summary),
        mistakes_table(summary),
        hidden_tests_table(summary),
        waiting_table(summary),
        events_table(summary),
        costs_table(summary),
        students_table(summary),
    ]


def maximum_of(summary: ClassSummary) -> float:
    """Points that can be had."""
    return sum(summary.maxima.values())


def distribution(summary: ClassSummary) -> ReportTable:
    """How many students have how many points."""
    step = (maximum_of(summary) or BARS) / BARS
    counts = [0] * BARS
    for one in summary.students.values():
        counts[min(BARS - 1, int(one.held.decided / step))] += 1
    rows = tuple((f"{i * step:g} to {(i + 1) * step:g}", count) for i, count in enumerate(counts))
    return ReportTable("distribution", "Distribution", spread(summary), ("points", "students"), rows)


def spread(summary: ClassSummary) -> str:
    """Mean and median, in words."""
    totals = [one.held.decided for one in summary.students.values()]
    if not totals:
        return "Nobody's points are in the gradebook."
    undecided = len({student for student, _, _ in summary.waiting})
    waits = f" {undecided} of them wait for a person in part; what waits counts as 0 here." if undecided else ""
    return (
        f"{len(totals)} students, of {maximum_of(summary):g} points: mean {mean(totals):.1f}, "
        f"median {median(totals):.1f}.{waits}"
    )


def exercises_table(summary: ClassSummary) -> ReportTable:
    """Per exercise: how many have all points, some, none."""
    rows = []
    for name, maximum in summary.maxima.items():
        values = [one.points[name] for one in summary.students.values() if name in one.points]
        known = [value for value in values if value is not None]
        full = sum(value >= maximum for value in known)
        rows.append(
            (
                summary.title(name), maximum, mean(known) if known else None, share(full, len(known)), full,
                sum(0 < value < maximum for value in known), sum(value <= 0 for value in known),
                len(values) - len(known),
            )
        )  # fmt: skip
    header = ("exercise", "points", "mean", "pass rate %", "full", "some", "none", "waiting")
    note = "The pass rate is of those who are decided: who has all points."
    return ReportTable("exercises", "Exercises", note, header, tuple(rows))


def share(part: int, whole: int) -> float | None:
    """Per cent; None of nothing."""
    return 100 * part / whole if whole else None


def mistakes_table(summary: ClassSummary) -> ReportTable:
    """The commonest reasons for lost points."""
    rows = [
        (summary.title(name), text, count)
        for name in summary.maxima
        for text, count in told_mistakes(summary.mistakes.get(name, Counter()), summary.anonymous)
    ]
    note = "Each reason counts once per student and exercise."
    return ReportTable("mistakes", "Commonest mistakes", note, ("exercise", "reason", "students"), tuple(rows))


def told_mistakes(found: Counter[str], anonymous: bool) -> list[tuple[str, int]]:
    """The commonest; without names, what only one student did is not quoted, since it may hold their words."""
    told = found.most_common(MISTAKES_MAX)
    if not anonymous:
        return told
    single = sum(count for _, count in found.items() if count == 1)
    return [row for row in told if row[1] > 1] + ([("other reasons, of one student each", single)] if single else [])


def hidden_tests_table(summary: ClassSummary) -> ReportTable:
    """Difficulty and discrimination of every hidden test."""
    totals = hidden_totals(summary)
    rows = []
    for (name, test), passed in summary.passed.items():
        enough = len(passed) >= SUBMISSIONS_MIN
        told = discrimination(passed, totals) if enough else None
        difficulty = share(sum(passed.values()), len(passed)) if enough else None
        rows.append((summary.title(name), property_of(test), len(passed), difficulty, told))
    note = (
        f"Passed, in per cent, and how far passing goes with passing the other hidden tests (-1 to 1; below 0.2 a test "
        f"tells little about a student). Both are left out below {SUBMISSIONS_MIN} submissions, where they are chance."
        if rows
        else "No run is kept yet: `autograder rejudge` writes one down."
    )
    header = ("exercise", "hidden test", "submissions", "passed %", "discrimination")
    return ReportTable("hidden_tests", "Hidden tests", note, header, tuple(rows))


def hidden_totals(summary: ClassSummary) -> Counter[str]:
    """Student -> hidden tests passed."""
    return Counter(s for passed in summary.passed.values() for s, yes in passed.items() if yes)


def discrimination(passed: Mapping[str, bool], totals: Mapping[str, int]) -> float | None:
    """Correlation of passing with the number of other hidden tests passed; None where one of the two is constant."""
    here = [float(yes) for yes in passed.values()]
    rest = [float(totals[student] - yes) for student, yes in passed.items()]
    return correlation(here, rest) if len(set(here)) > 1 and len(set(rest)) > 1 else None


def waiting_table(summary: ClassSummary) -> ReportTable:
    """Who waits for a person, and why."""
    rows = [
        (name, summary.title(exercise), "" if summary.anonymous else reason)
        for name, exercise, reason in summary.waiting
    ]
    header = ("student", "exercise", "reason")
    return ReportTable("waiting", "Waiting for a person", "" if rows else "Nobody.", header, tuple(rows))


def events_table(summary: ClassSummary) -> ReportTable:
    """Repairs and faults, with counts."""
    rows = [("repair", text, count) for text, count in summary.repairs.most_common()]
    rows += [("fault", text.replace("_", " "), count) for text, count in summary.faults.most_common()]
    header = ("kind", "what", "submissions")
    return ReportTable("events", "Repairs and faults", "" if rows else "None.", header, tuple(rows))


def costs_table(summary: ClassSummary) -> ReportTable:
    """Time and memory of a submission."""
    runs = [one.run for one in summary.students.values()]
    rows = []
    for what, values in (
        ("seconds of a run", [one.wall_s for one in runs if one.wall_s is not None]),
        ("MiB of memory at most", [one.memory_mib for one in runs if one.memory_mib is not None]),
    ):
        ninth = quantiles(values, n=10)[-1] if len(values) > 1 else None
        rows += [(what, median(values), ninth, max(values), len(values))] if values else []
    header = ("what", "median", "nine in ten below", "largest", "submissions")
    return ReportTable("costs", "Time and memory", "" if rows else "No Records.", header, tuple(rows))


def students_table(summary: ClassSummary) -> ReportTable:
    """A row for each student."""
    names = list(summary.maxima)
    rows = tuple(
        (
            student, *(one.points.get(name) for name in names), one.held.penalty or None, one.held.decided,
            one.run.wall_s, one.run.memory_mib, "" if summary.anonymous else one.run.note,
        )
        for student, one in summary.students.items()
    )  # fmt: skip
    header = ("student", *map(summary.title, names), "late penalty", "total", "seconds", "MiB", "notes")
    note = "An empty field waits for a person, or was not handed in."
    return ReportTable("students", "Students", note, header, rows)

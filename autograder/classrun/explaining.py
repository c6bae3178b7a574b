"""What produced a grade, and what changed between two runs: read from history, Record and gradebook, in plain lines."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict

from autograder.classrun.history import Decision, History, KnownRun
from autograder.classrun.judging import SECOND
from autograder.classrun.keys import Keys, tree_digest
from autograder.classrun.reporting import read_ledger
from autograder.classrun.settings import Settings, settings_in
from autograder.course import Course
from autograder.errors import GraderError, UsageError
from autograder.kernel.limits import Limits
from autograder.models import Outcome, Record, Score
from autograder.observe import record as records
from autograder.publish.database import reading
from autograder.publish.points import CellPoints, notebook_points
from autograder.text import plain_name, plain_text

SHOWN_DIGITS = 12
"""Of a digest."""


def explained(course: Course, student: str, assignment: str, exercise: str = "") -> Iterator[str]:
    """Lines about a student's grade, or one exercise of it; UsageError when no run has decided on it."""
    student, found = plain_name(student), False
    with read_ledger(course) as ledger:
        for settings in [settings_in(course, assignment, name) for name in course.notebooks(assignment)]:
            if exercise and exercise not in settings.max_scores:
                continue
            history = History(ledger, settings)
            decision = history.decision(student)
            if decision is None:
                continue
            found = True
            runs = {run.id: run for run in history.runs()}
            yield from run_lines(settings, decision, runs[decision.run])
            yield from record_lines(course, settings, decision)
            yield from points_lines(course, settings, decision, exercise)
    if not found:
        raise UsageError(nothing_decided(course, assignment, student, exercise))


def nothing_decided(course: Course, assignment: str, student: str, exercise: str) -> str:
    """Why there is nothing to be told."""
    names = [name for n in course.notebooks(assignment) for name in settings_in(course, assignment, n).max_scores]
    if exercise and exercise not in names:
        return f"{assignment} has no exercise '{exercise}' that hidden tests judge (it has: {', '.join(names)})"
    return (
        f"no run that is kept has decided on '{student}' in {assignment}. Grade or rejudge it: autograder rejudge "
        f"{assignment} --student {student}"
    )


def short_digest(digest: str) -> str:
    """The beginning of a digest, for people."""
    return digest[:SHOWN_DIGITS] or "none"


def run_lines(settings: Settings, decision: Decision, run: KnownRun) -> Iterator[str]:
    """Which run it was, with which hidden tests, and whether they are those of today."""
    today = tree_digest(settings.assignment.folder) == run.tests
    yield f"{settings.notebook}, {decision.student}"
    yield f"  decided      by run {run.id} (autograder {run.command}), {run.began} UTC"
    yield f"  hidden tests {short_digest(run.tests)}, {'as they are now' if today else 'changed since: rejudge'}"
    yield f"  submission   sha256 {short_digest(decision.submission)}"


def record_lines(course: Course, settings: Settings, decision: Decision) -> Iterator[str]:
    """What the Record says of the run."""
    folder = course.records(settings.assignment.name, settings.notebook)
    for name, place in (("record", folder), ("second run", folder / SECOND)):
        path = records.path_of(place, decision.student)
        if name != "record" and not path.is_file():
            continue
        try:
            record = records.saved_at(path).summary
        except GraderError as error:
            yield f"  {name:12} {error}"
            continue
        yield f"  {name:12} {path.relative_to(course.root)}, seed {record.seed}, profile {record.profile or 'none'}"
        yield from provenance(settings, record, decision)


def provenance(settings: Settings, record: Record, decision: Decision) -> Iterator[str]:
    """Hashes, versions, layers and limits of one run."""
    if (record.seed, record.submission_sha256) != (decision.seed, decision.submission) and record.seed:
        yield "               this Record is of another run than the decision"
    yield f"    submission {short_digest(record.submission_sha256)}, source {short_digest(record.source_sha256)}, " + (
        f"probes {short_digest(record.probes_sha256)}"
    )
    yield f"    versions   {', '.join(f'{name} {version}' for name, version in record.versions.items())}"
    yield f"    sandbox    {layers_text(record)}"
    same = record.key.partition(":")[2] == Keys.of(settings).how
    limits = asdict(Limits.from_overrides(settings.limits)) | asdict(settings.deadlines)
    when = "as it was run with" if same else "of today; something of what it was run with has changed since"
    yield f"    limits     {', '.join(f'{name} {value:,}' for name, value in limits.items())} ({when})"
    memory = record.peak_memory_bytes / 2**20
    yield f"    took       {record.wall_s:.2f} s, {record.cpu_s:.2f} s of processor time, {memory:.0f} MiB"
    yield from (f"    repaired   {plain_text(repair)}" for repair in record.repairs)
    yield from (f"    fault      {fault.kind} at {fault.where}: {plain_text(fault.message)}" for fault in record.faults)


def layers_text(record: Record) -> str:
    """The isolation layers of a run."""
    if record.not_run:
        return f"not run: {plain_text(record.not_run)}"
    if not record.sandbox:
        return "none (--no-sandbox)"
    missing = [f"{name}: {state}" for name, state in record.sandbox.items() if state != "applied"]
    applied = ", ".join(name for name, state in record.sandbox.items() if state == "applied")
    return applied + (f"; not applied: {'; '.join(missing)}" if missing else "")


def points_lines(course: Course, settings: Settings, decision: Decision, exercise: str) -> Iterator[str]:
    """Points of each exercise, from the hidden tests to the gradebook."""
    with reading(course) as gradebook:
        held = notebook_points(gradebook, decision.student, settings.assignment.name, settings.notebook)
    cells = {cell.grade_id: cell for cell in held.cells}
    for score in decision.scores:
        if exercise in ("", score.grade_id):
            yield f"  {score.grade_id}: {points_text(score)}{by_person(cells.get(score.grade_id))}"
            yield from (f"    {line}" for outcome in score.outcomes for line in outcome_lines(outcome))
            if not score.outcomes:
                yield from (f"    {plain_text(message)}" for message in score.messages)
    if not exercise and held.penalty:
        yield f"  late penalty: {held.penalty:g} points"


def points_text(score: Score | None) -> str:
    """Points of a score, or that nobody has decided."""
    if score is None:
        return "not there"
    return f"? of {score.max_score:g}" if score.points is None else f"{score.points:g} of {score.max_score:g}"


def by_person(cell: CellPoints | None) -> str:
    """What a person has made of it."""
    if cell is None:
        return "; not in the gradebook"
    told = f"; {cell.manual:g} by a person" if cell.manual is not None else ""
    return told + (f"; {cell.extra:+g} extra credit" if cell.extra else "")


def outcome_lines(outcome: Outcome) -> list[str]:
    """A hidden test, what it is worth, and what it said."""
    first = f"{outcome.kind:10} {outcome.points:g} points  {outcome.test}"
    return [first, *(f"           {line}" for line in plain_text(outcome.message).splitlines())]


def run_list(course: Course, assignment: str) -> list[str]:
    """A line for each run of an assignment; UsageError when none is kept."""
    with read_ledger(course) as ledger:
        lines = [
            f"{run.id:>4}  {run.began} UTC  {run.command:18} {name:20} {run.students} students, "
            f"hidden tests {short_digest(run.tests)}"
            for name in course.notebooks(assignment)
            for run in History(ledger, settings_in(course, assignment, name)).runs()
        ]
    if not lines:
        raise UsageError(f"no run of {assignment} is kept yet. Next: autograder grade {assignment}")
    return sorted(lines)


def score_changes(course: Course, assignment: str, before: int, after: int) -> list[str]:
    """Whose score counted differently after the second run than after the first, and by which hidden test."""
    lines = []
    with read_ledger(course) as ledger:
        histories = [History(ledger, settings_in(course, assignment, name)) for name in course.notebooks(assignment)]
        known = {run.id for history in histories for run in history.runs()}
        if missing := sorted({before, after} - known):
            raise UsageError(f"{assignment} has no run {missing[0]} (it has: {', '.join(map(str, sorted(known)))})")
        for history in histories:
            for student in history.students():
                pair = [history.decision(student, run) for run in (before, after)]
                lines += [f"{student}: {line}" for line in changes_of(*pair)]
    return lines


def changes_of(before: Decision | None, after: Decision | None) -> list[str]:
    """Lines about the exercises of one student whose points differ."""
    old, new = (scores_by_cell(decision.scores if decision else ()) for decision in (before, after))
    lines = []
    for name in {**old, **new}:
        first, second = old.get(name), new.get(name)
        if first is not None and second is not None and first.points == second.points:
            continue
        lines.append(f"{name} {points_text(first)} -> {points_text(second)}")
        lines += [f"  {line}" for line in changed_tests(first, second)]
    return lines


def scores_by_cell(scores: Iterable[Score]) -> dict[str, Score]:
    """Scores by their grade cell."""
    return {score.grade_id: score for score in scores}


def changed_tests(before: Score | None, after: Score | None) -> list[str]:
    """The hidden tests that say something else than before."""
    old, new = ({o.test: o for o in score.outcomes} if score else {} for score in (before, after))
    lines = []
    for test in {**old, **new}:
        first, second = old.get(test), new.get(test)
        if first is not None and second is not None and (first.kind, first.points) == (second.kind, second.points):
            continue
        lines.append(f"{test}: {outcome_text(first)} -> {outcome_text(second)}")
        lines += [f"  {plain_text(second.message).splitlines()[0]}"] if second and second.message else []
    return lines


def outcome_text(outcome: Outcome | None) -> str:
    """What a hidden test said and is worth."""
    return f"{outcome.kind} ({outcome.points:g} points)" if outcome else "not there"

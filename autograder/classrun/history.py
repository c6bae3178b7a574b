"""What each run of `grade` and `rejudge` has decided, in the ledger's file: so that a grade can be explained later.

What hidden tests said is kept once for all students and runs of whom they said the same. Nothing needs it to grade: a
removed ledger takes it away, and the next run begins a new one.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from autograder.classrun.keys import Keys, tree_digest
from autograder.classrun.ledger import Ledger
from autograder.classrun.settings import Settings
from autograder.models import Graded, Outcome, Score

TABLES_OF_RUNS = (
    "CREATE TABLE IF NOT EXISTS runs (id INTEGER PRIMARY KEY, assignment TEXT NOT NULL, notebook TEXT NOT NULL,"
    " command TEXT NOT NULL, began TEXT NOT NULL, how TEXT NOT NULL, verdict TEXT NOT NULL, tests TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS said (sha256 TEXT PRIMARY KEY, scores TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS decided (run INTEGER NOT NULL, student TEXT NOT NULL, seed INTEGER NOT NULL,"
    " submission TEXT NOT NULL, said TEXT NOT NULL, PRIMARY KEY (student, run))",
)


@dataclass(frozen=True)
class KnownRun:
    """One run, as the history has it."""

    id: int
    command: str
    began: str
    """UTC."""
    tests: str
    """Digest of the hidden tests and everything beside them."""
    students: int = 0


@dataclass(frozen=True)
class Decision:
    """What one run decided on one student."""

    run: int
    student: str
    seed: int
    submission: str
    """Digest of the notebook that was handed in."""
    scores: tuple[Score, ...]
    """With what each hidden test said."""


class History:
    """The runs of one notebook of an assignment."""

    def __init__(self, ledger: Ledger, settings: Settings) -> None:
        self.ledger, self.settings = ledger, settings
        self.part = (settings.assignment.name, settings.notebook or settings.assignment.name)
        with ledger.transaction() as db:
            for table in TABLES_OF_RUNS:
                db.execute(table)

    def begin(self, command: str, keys: Keys) -> int:
        """The number of a new run."""
        began = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
        tests = tree_digest(self.settings.assignment.folder)
        with self.ledger.transaction() as db:
            return int(
                db.execute(
                    "INSERT INTO runs (assignment, notebook, command, began, how, verdict, tests)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (*self.part, command, began, keys.how, keys.verdict, tests),
                ).lastrowid
                or 0
            )

    def continued(self, command: str, keys: Keys, student: str) -> int:
        """The last run if it was of this command and is the same but for the student, else a new one.

        nbgrader grades one student after the other, which an operator takes for one run.
        """
        with self.ledger.transaction() as db:
            last = db.execute(
                "SELECT id, command, how, verdict FROM runs WHERE assignment = ? AND notebook = ? ORDER BY id DESC",
                self.part,
            ).fetchone()
            if last is not None and last[1:] == (command, keys.how, keys.verdict):
                seen = db.execute("SELECT 1 FROM decided WHERE run = ? AND student = ?", (last[0], student))
                if seen.fetchone() is None:
                    return int(last[0])
        return self.begin(command, keys)

    def keep(self, run: int, graded: Iterable[Graded]) -> None:
        """Write down what this run decided on these."""
        with self.ledger.transaction() as db:
            for one in graded:
                text = scores_text(one.scores)
                digest = hashlib.sha256(text.encode()).hexdigest()
                db.execute("INSERT OR IGNORE INTO said VALUES (?, ?)", (digest, text))
                row = (run, one.submission.student, one.record.seed, one.record.submission_sha256, digest)
                db.execute("INSERT OR REPLACE INTO decided VALUES (?, ?, ?, ?, ?)", row)

    def runs(self) -> list[KnownRun]:
        """All runs, the first one first."""
        with self.ledger.transaction() as db:
            rows = db.execute(
                "SELECT id, command, began, tests, (SELECT COUNT(*) FROM decided WHERE run = runs.id) FROM runs"
                " WHERE assignment = ? AND notebook = ? ORDER BY id",
                self.part,
            ).fetchall()
        return [KnownRun(*row) for row in rows]

    def students(self) -> list[str]:
        """Everybody on whom a run has decided."""
        with self.ledger.transaction() as db:
            rows = db.execute(f"SELECT DISTINCT student {FROM} ORDER BY student", self.part).fetchall()
        return [row[0] for row in rows]

    def decision(self, student: str, run: int | None = None) -> Decision | None:
        """What counted of a student after a run, else what counts now; None when nobody had decided."""
        until = "" if run is None else f" AND run <= {int(run)}"
        with self.ledger.transaction() as db:
            found = db.execute(
                f"SELECT run, student, seed, submission, scores {FROM} AND student = ?{until} ORDER BY run DESC",
                (*self.part, student),
            ).fetchone()
        return decision_from(found) if found else None

    def decisions(self) -> Iterator[Decision]:
        """What counts now, one student after the other."""
        for student in self.students():
            found = self.decision(student)
            if found is not None:
                yield found


FROM = (
    "FROM decided JOIN runs ON runs.id = decided.run JOIN said ON said.sha256 = decided.said"
    " WHERE assignment = ? AND notebook = ?"
)


def decision_from(row: Sequence[Any]) -> Decision:
    """A decision from its row."""
    run, student, seed, submission, text = row
    return Decision(run, student, seed, submission, scores_from(text, student))


def scores_text(scores: Iterable[Score]) -> str:
    """Scores and outcomes as JSON that names no student."""
    rows = [
        [
            score.grade_id, score.max_score, score.points, list(score.messages),
            [[one.test, one.points, one.kind, one.message] for one in score.outcomes],
        ]
        for score in scores
    ]  # fmt: skip
    return json.dumps(rows)


def scores_from(text: str, student: str) -> tuple[Score, ...]:
    """Scores and outcomes from their JSON."""
    return tuple(
        Score(
            name,
            maximum,
            points,
            tuple(messages),
            tuple(Outcome(student, name, test, worth, kind, said) for test, worth, kind, said in outcomes),
        )
        for name, maximum, points, messages, outcomes in json.loads(text)
    )

"""What has become of every submission, beside the gradebook: so that a run that was ended goes on where it was.

The Records themselves say what they are of; without the ledger they are judged and published again, and nothing runs
twice. It is SQLite's with a journal that is deleted, since a write-ahead log needs memory that machines do not share.
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from autograder.errors import Unwritable, UsageError
from autograder.models import ClassRow
from autograder.publish.table import bare_score

FILE = "ledger.db"
VERSION = 1
"""Of the tables. Raise it when they change."""
PATIENCE_S = 60.0
"""For another process that writes; the locks are held for milliseconds."""
TABLES = """
BEGIN;
CREATE TABLE IF NOT EXISTS attempts (
    assignment TEXT NOT NULL,
    notebook TEXT NOT NULL,
    student TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    published TEXT NOT NULL DEFAULT '',
    verdict TEXT NOT NULL DEFAULT '',
    row TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (assignment, notebook, student)
);
CREATE TABLE IF NOT EXISTS lease (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    token TEXT NOT NULL,
    host TEXT NOT NULL,
    machine TEXT NOT NULL,
    pid INTEGER NOT NULL,
    started TEXT NOT NULL,
    since TEXT NOT NULL,
    beat INTEGER NOT NULL
);
PRAGMA user_version = 1;
COMMIT;
"""

AttemptState = Literal["queued", "running", "observed", "judged", "published", "failed"]


@dataclass(frozen=True)
class KnownAttempt:
    """What the ledger says of one student and notebook."""

    state: AttemptState
    reason: str
    """Why it failed, if it did."""
    published: str
    """The key of what the gradebook holds; empty when that may not stand for a whole run."""
    verdict: str
    """How it was judged."""
    row: ClassRow | None
    """What the class table says of what the gradebook holds."""


class Ledger:
    """The file, open. Any thread may call it; each call is written to the disk when it returns."""

    def __init__(self, path: Path) -> None:
        """UsageError when it cannot be written, or is no ledger."""
        self.path = path
        self._lock = threading.RLock()
        with self._explained():
            self._open(path)

    def _open(self, path: Path) -> None:
        self._db = sqlite3.connect(path, timeout=PATIENCE_S, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = DELETE")
        self._db.execute("PRAGMA synchronous = FULL")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, VERSION):
            raise UsageError(f"{path} is of version {version}, and this is {VERSION}; {REMOVE}")
        self._db.executescript(TABLES)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise UsageError(
                f"{self.path} cannot be written ({error}); look at its folder's rights and space"
            ) from error
        except sqlite3.DatabaseError as error:
            raise UsageError(f"{self.path} is damaged ({error}); {REMOVE}") from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything in here is written, or nothing; Unwritable when the disk refuses."""
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                raise Unwritable(f"{self.path} cannot be written ({error}); grade again, and it goes on") from error
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")


REMOVE = "remove it: Records are then judged and published again, and nothing has to run"


class Attempts:
    """The ledger's rows of one notebook of an assignment."""

    def __init__(self, ledger: Ledger, assignment: str, notebook: str) -> None:
        self._ledger = ledger
        self._part = (assignment, notebook)

    def of(self, student: str) -> KnownAttempt | None:
        """What is known of a student."""
        with self._ledger.transaction() as db:
            found = db.execute(
                "SELECT state, reason, published, verdict, row FROM attempts"
                " WHERE assignment = ? AND notebook = ? AND student = ?",
                (*self._part, student),
            ).fetchone()
        return KnownAttempt(found[0], found[1], found[2], found[3], row_from(found[4])) if found else None

    def queue(self, students: Iterable[str]) -> None:
        """Note those that are new."""
        with self._ledger.transaction() as db:
            db.executemany(
                "INSERT OR IGNORE INTO attempts (assignment, notebook, student, state) VALUES (?, ?, ?, 'queued')",
                ((*self._part, student) for student in students),
            )

    def mark(self, students: Iterable[str], state: AttemptState, reason: str = "") -> None:
        """Note how far these have come; what the gradebook holds of them is as it was."""
        with self._ledger.transaction() as db:
            db.executemany(
                "UPDATE attempts SET state = ?, reason = ? WHERE assignment = ? AND notebook = ? AND student = ?",
                ((state, reason, *self._part, student) for student in students),
            )

    def publish(self, rows: Sequence[tuple[str, str, ClassRow]]) -> None:
        """Note what the gradebook now holds: key, verdict and row of each."""
        with self._ledger.transaction() as db:
            db.executemany(
                "UPDATE attempts SET state = 'published', reason = '', published = ?, verdict = ?, row = ?"
                " WHERE assignment = ? AND notebook = ? AND student = ?",
                ((key, verdict, row_text(row), *self._part, row.student) for key, verdict, row in rows),
            )


def row_text(row: ClassRow) -> str:
    """A row as JSON."""
    return json.dumps(asdict(row))


def row_from(text: str) -> ClassRow | None:
    """A row from its JSON; None when there is none that can be read."""
    try:
        fields: dict[str, Any] = json.loads(text)
        scores = [bare_score(one["grade_id"], one["max_score"], one["points"]) for one in fields["scores"]]
        return ClassRow(fields["student"], tuple(scores), tuple(fields["notes"]))
    except (ValueError, TypeError, LookupError):
        return None

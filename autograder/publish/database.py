"""nbgrader's gradebook as a file that others open too: waited for, written in one transaction, or refused to all."""

import errno
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from nbgrader.api import Gradebook, InvalidEntry
from sqlalchemy.exc import DatabaseError, OperationalError, SAWarning
from sqlalchemy.orm import Session

from autograder.course import Course
from autograder.errors import GraderError, Locked, Unwritable

TRIES = 60
"""Of five seconds each, as SQLite waits for a lock by itself."""
LOCKED = "database is locked"
REFUSALS = ("disk is full", "disk I/O", "readonly", "unable to open", "malformed", "not a database")
"""SQLite's words for what no other student's turn would change."""
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@contextmanager
def writing(course: Course, say: Callable[[str], None]) -> Iterator[Gradebook]:
    """The gradebook, ours to write in; waits while another program, such as formgrader, holds it."""
    with ExitStack() as closing:
        for tries in range(TRIES):
            try:
                gradebook = closing.enter_context(reading(course))
                if gradebook.engine.dialect.name == "sqlite":
                    # Now or not at all: nbgrader would take a lock that it cannot have later for a wrong entry.
                    gradebook.db.connection().exec_driver_sql("BEGIN IMMEDIATE")
                break
            except (Locked, OperationalError) as error:
                closing.close()
                if tries == TRIES - 1 or not isinstance(shared(error), Locked):
                    raise
                if tries == 0:
                    say("another program holds the gradebook; waiting for it")
        yield gradebook


@contextmanager
def reading(course: Course) -> Iterator[Gradebook]:
    """The gradebook; Locked or Unwritable when that is why it cannot be had."""
    with quiet_sqlalchemy():
        try:
            with Gradebook(course.gradebook_url, course.directory.course_id) as gradebook:
                yield gradebook
        except DatabaseError as error:
            if (everybodys := shared(error)) is not None:
                raise everybodys from error
            raise


def shared(error: Exception) -> GraderError | None:
    """What the operator should know of an error that is no one student's; None of any other."""
    if isinstance(error, GraderError):
        return error
    if isinstance(error, OSError):
        return Unwritable(f"nothing more can be written ({error})") if error.errno in NO_SPACE else None
    if not isinstance(error, DatabaseError | InvalidEntry):
        return None
    # Not the whole text, in which students have a hand.
    words = str(error.orig if isinstance(error, DatabaseError) else error.args[0])
    if LOCKED in words:
        return Locked("another program holds the gradebook; end it and grade again: what is done need not run again")
    refused = any(refusal in words for refusal in REFUSALS)
    return Unwritable(f"the gradebook cannot be written ({words})") if refused else None


@contextmanager
def one_transaction(session: Session) -> Iterator[None]:
    """All of these students are written, or nothing: nbgrader's own commits, three a student, only flush in here."""
    commit = session.commit
    session.commit = session.flush  # type: ignore[method-assign]
    try:
        yield
        commit()
    finally:
        del session.commit


@contextmanager
def quiet_sqlalchemy() -> Iterator[None]:
    """Without the autoflush warnings that nbgrader 0.9.6 provokes in SQLAlchemy 2 for every new submission."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=SAWarning, message="Object of type")
        yield

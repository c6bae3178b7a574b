"""A part of a class, for a job array: each part's job saves Records, and a plain ``autograder grade`` does the rest.

A part needs no lease and writes neither ledger nor gradebook: a Record is written whole, and says what it is of.
"""

import hashlib
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass

from autograder.classrun.display import Display
from autograder.classrun.observing import Observing
from autograder.classrun.stream import Turn, turns
from autograder.errors import UsageError
from autograder.models import Submission


@dataclass(frozen=True)
class Shard:
    """One of several parts of a class."""

    number: int
    """From 1."""
    of: int

    @classmethod
    def named(cls, text: str) -> "Shard":
        """That of a text like ``3/8``; UsageError when it is none."""
        number, _, of = text.partition("/")
        if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
            raise UsageError(f"'{text}' is no shard: write 1/8 for the first of eight, 8/8 for the last")
        return cls(int(number), int(of))

    def part(self, submissions: Iterable[Submission]) -> list[Submission]:
        """Those that are in it: it depends on the student's name alone."""
        return [one for one in submissions if number_of(one.student) % self.of == self.number - 1]


def number_of(student: str) -> int:
    """A number that is always the same for a student."""
    return int.from_bytes(hashlib.sha256(student.encode("utf-8", "surrogateescape")).digest())


def observe_part(submissions: Iterable[Submission], observing: Observing, display: Display) -> list[Turn]:
    """Save the Records of these submissions; the turns that left none."""
    jobs, stop = observing.settings.jobs, observing.stop
    with closing(turns(submissions, display.watched(observing.turn), jobs=jobs, stop=stop)) as batches:
        return [one for batch in batches for one in batch if one.state in ("failed", "interrupted")]

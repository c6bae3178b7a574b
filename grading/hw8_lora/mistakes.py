"""Known mistakes: what each computes from given inputs, and what its author reads. Never shipped to a kernel.

The entries stand in ``mistakes_hook`` and ``mistakes_factor`` (TODO 3 and 4), ``mistakes_start`` (TODO 4),
``mistakes_layers`` (TODO 2 and 5), ``mistakes_freezing`` (TODO 1 and 6), ``mistakes_refused`` and ``mistakes_config``
(TODO 7). They need NumPy and the inputs alone, so that the
notebook's checks can take their words from them.

A cause is named only when exactly one known mistake explains everything that was observed. Mistakes with the same
effect on every input are one entry. Otherwise the message says which property failed, and nothing of a cause.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Given = TypeVar("Given")


@dataclass(frozen=True)
class Mistake(Generic[Given]):
    """One known mistake."""

    name: str
    """Short, for tables and tests."""
    words: str
    """What the student reads."""
    gives: Callable[[Given], Any]
    """What it makes of given inputs; None where it would make nothing of them."""


def the_only(candidates: Iterable[str]) -> str | None:
    """The words, if all candidates say the same; None when there is none, or several causes are possible."""
    words = set(candidates)
    return words.pop() if len(words) == 1 else None

"""A validation set that shares no text with training: SST-2 holds phrases of the same sentences many times over."""

import random
from collections.abc import Iterable, Sequence

from . import settings

Review = tuple[str, int]
"""A sentence and its label."""


def plain(text: str) -> str:
    """The text with single blanks between its words."""
    return " ".join(text.split())


def parts_of(text: str) -> set[str]:
    """Every run of words in a text, the whole text among them."""
    words = text.split()
    return {" ".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1)}


def whole_texts(reviews: Iterable[Review]) -> list[str]:
    """The texts that are part of no other, the longest first."""
    texts, inside, whole = {plain(text) for text, _ in reviews}, set[str](), []
    for text in sorted(texts, key=lambda text: (-len(text), text)):
        if text not in inside:  # then no longer text holds it
            whole.append(text)
            inside |= parts_of(text) & texts
    return whole


def apart(reviews: Iterable[Review], held_out: Iterable[Review]) -> list[Review]:
    """The reviews whose text neither contains a held-out text nor is part of one."""
    whole = {plain(text) for text, _ in held_out}
    parts = set[str]().union(*map(parts_of, whole))
    return [review for review in reviews if plain(review[0]) not in parts and not parts_of(review[0]) & whole]


def hold_out(reviews: Sequence[Review], n: int) -> tuple[list[Review], list[Review]]:
    """Training and validation: n whole texts, drawn in the same way every time, and all reviews that are apart."""
    first = {plain(review[0]): review for review in reversed(reviews)}  # some texts are there twice
    validation = [first[text] for text in random.Random(settings.SEED).sample(whole_texts(reviews), n)]
    return apart(reviews, validation), validation

"""Bytes cut, flipped, doubled and sprinkled."""

import random

from hypothesis import strategies as st

from tests.fuzz.values import HOSTILE_BYTES

BYTE_ACTS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 10**9), st.integers(0, 10**6)), max_size=5)
SELDOM = st.one_of(st.just([]), st.just([]), BYTE_ACTS)


def mutated_bytes(data: bytes, acts: list[tuple[int, int, int]]) -> bytes:
    """The bytes cut, flipped, doubled or sprinkled with what parsers dislike."""
    for act, where, what in acts:
        at = where % (len(data) + 1)
        if act == 0:
            data = data[:at]
        elif act == 1 and data:
            flipped = bytearray(data)
            flipped[at % len(data)] ^= 1 << what % 8
            data = bytes(flipped)
        elif act == 2:
            data = data[:at] + HOSTILE_BYTES[what % len(HOSTILE_BYTES)] + data[at:]
        elif act == 3:
            data = data[:at] + data[at : at + what % 5_000] * 2 + data[at + what % 5_000 :]
        elif act == 4:
            data = data[:at] + data[at + what % 500 :]
        elif act == 5:
            old = (b'"', b"{", b"}", b"[", b",", b":", b"\\n", b"def", b"1")[what % 9]
            data = data.replace(old, HOSTILE_BYTES[where % 23], 1 + what % 3)
        elif act == 6:
            data = random.Random(where).randbytes(what % 3_000)
    return data[:5_000_000]

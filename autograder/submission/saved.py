"""Leave saved outputs out of a notebook's text before it is parsed: they can be 100 MB, and nobody needs them."""

import re

from autograder.errors import SubmissionError

SAVED = re.compile(r'"(?:outputs|attachments|widgets)"\s*+:\s*+(?=[\[{])')
"""Cannot begin inside a JSON string, where every quotation mark has a backslash before it."""
PART = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{][^"\[\]{}]*+[\]}]|[\[\]{}]', re.DOTALL)
"""A string, a list or object that holds neither, or a bracket: what decides where a value ends."""
JSON_PARTS_MAX = 6_000_000
"""100 MB of coordinate pairs have 5,500,000."""


def without_saved(text: str) -> str:
    """The JSON text with null for all saved outputs, attachments and widget states.

    Damaged text comes back damaged: what never closes is left out to the end. SubmissionError when the
    outputs hold too many values to be skipped in time.
    """
    kept, position, parts = [], 0, 0
    while found := SAVED.search(text, position):
        kept += [text[position : found.end()], "null"]
        position, passed = value_end(text, found.end(), JSON_PARTS_MAX - parts)
        parts += passed
    return "".join([*kept, text[position:]])


def value_end(text: str, start: int, parts_max: int) -> tuple[int, int]:
    """Where the list or object that begins here ends, and how many parts were passed on the way."""
    depth = 0
    for passed, part in enumerate(PART.finditer(text, start), start=1):
        if passed > parts_max:
            raise SubmissionError("the saved outputs hold too many values; clear them and submit the notebook again")
        first, last = text[part.start()], text[part.end() - 1]
        if first in "[{" and part.end() - part.start() == 1:
            depth += 1
        elif last in "]}" and first != '"':
            depth -= first in "]}"
            if depth <= 0:
                return part.end(), passed
    return len(text), 0

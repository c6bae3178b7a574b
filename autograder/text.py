"""The one door for text that strangers wrote: what leaves here can be encoded, stored and shown, and acts nowhere.

Names of files, folders, parameters and students, what code printed, messages of exceptions: whatever of it is written
to a Record, a table, the gradebook, a page or a terminal goes through one of these functions.
"""

import re

SHOWN_MAX_CHARS = 20_000
SHOWN_NAME_MAX_CHARS = 200
ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-9;?]*+[ -/]*+[@-~]|\][^\x07\x1b]*+(?:\x07|\x1b\\)?)")
"""What moves a terminal's cursor, colours it, or changes its title."""
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Control characters other than tab and newline; what turns the direction of writing, or ends a line in some places."""

FORMULA = re.compile(r"[\t\r]|[\s\x00-\x20\u200b\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]")
"""How a cell begins that a spreadsheet may take for a formula: some skip blanks, some read full-width signs."""


def encodable(text: str) -> str:
    """The text with lone surrogates, which JSON can spell and UTF-8 cannot, as Python writes them."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def inert(text: str) -> str:
    """Text without escape sequences and control characters."""
    return encodable(UNSEEN.sub("", ESCAPE_SEQUENCE.sub("", text)))


def plain_text(text: object) -> str:
    """The same of anything, cut to a readable length."""
    return inert(str(text)[:SHOWN_MAX_CHARS])


def plain_name(name: str) -> str:
    """A name on one line, with what cannot be shown as Python writes it: two names do not become one."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)


def short_name(name: str) -> str:
    """The beginning of a name, for a sentence."""
    return plain_name(name[:SHOWN_NAME_MAX_CHARS])[:SHOWN_NAME_MAX_CHARS]


def without_formula(text: str) -> str:
    """Text that a spreadsheet does not take for a formula; a sign alone is none."""
    return f"'{text}" if FORMULA.match(text) and text[1:2] else text

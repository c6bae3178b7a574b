"""What libraries say in their own words: which parts of an exception's text are theirs, and which were put into it.

Two sources. What compiled code says (the interpreter, PyTorch's kernels) stands in ``library_texts.txt``. What Python
code says stands in the file that raised it, among its text literals; the file is looked up in the judge's own
installation, so that a student's process can name a file but not its content. Whatever lies between the library's own
words was put there by the caller, and may be a hidden input: of that only single names are told that everybody can
read.
"""

import ast
import functools
import re
import sysconfig
from collections.abc import Callable
from pathlib import Path

ROOTS = tuple(dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib", "platstdlib")))
HIDDEN = "…"
SOURCE_FILE = re.compile(r"(\w+/){0,8}\w+\.py")
SOURCE_MAX_BYTES = 1_000_000
FRAGMENT_MIN_CHARS = 12
FRAGMENTS_MAX = 8
SPAN_MAX_LINES = 60
"""The literals of one message stand close together in the source."""
HOLE_NAMES_MAX = 4
NUMBER_FORM = r"[-+]?\d[\d.,e+-]*"
HOLES = {
    "{n}": NUMBER_FORM,
    "{shape}": r"[\[\](), \dx-]{1,80}",
    "{name}": r"[\w.<>]{1,60}",
    "{names}": r"[\w ,']{1,120}",
}
"""In a template: what may stand there. All of it is hidden but names that everybody can read."""
IDENTIFIER = re.compile(r"[^\W\d]\w*")

TEMPLATES = tuple(
    line
    for line in Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
)
HEADS = (
    ("received an invalid combination of arguments - got", "{name}() received an invalid combination of arguments"),
    ("CUDA out of memory.", "CUDA out of memory."),
    ("CUDA error:", "CUDA error"),
    ("Could not run", "the operation does not exist for this kind of tensor"),
)
"""(words in a long text, what is told in place of all of it)"""

Known = Callable[[str], bool]
"""Whether everybody who has the submission and the homework can read a name."""


def in_own_words(message: str, raised_in: str, known: Known, declared: tuple[str, ...] = ()) -> str | None:
    """The library's part of a text, or all of it if it is declared, all else hidden; None when it is neither."""
    templates = (*declared, *TEMPLATES)
    return by_template(message, known, templates) or by_source(message, raised_in, known) or by_head(message, known)


@functools.cache
def as_pattern(template: str) -> re.Pattern[str]:
    """A template as an expression, each hole a group."""
    parts = re.split(r"(\{\w+\})", template)
    return re.compile("".join(f"({HOLES[part]})" if part in HOLES else re.escape(part) for part in parts), re.DOTALL)


def by_template(message: str, known: Known, templates: tuple[str, ...]) -> str | None:
    """The message if a template words it."""
    for template in templates:
        found = as_pattern(template).fullmatch(message)
        if found:
            fillings = iter(found.groups())
            parts = re.split(r"(\{\w+\})", template)
            return "".join(filled(part, next(fillings), known) if part in HOLES else part for part in parts)
    return None


def filled(hole: str, text: str, known: Known) -> str:
    """What is told of a filling."""
    return told_names(text, known) if hole in ("{name}", "{names}") else HIDDEN


def told_names(text: str, known: Known) -> str:
    """Names that are known, others hidden; everything is when there are many."""
    names = IDENTIFIER.findall(text)
    if len(names) > HOLE_NAMES_MAX:
        return HIDDEN
    return re.sub(r"\w+", lambda found: found[0] if known(found[0]) else HIDDEN, text)


def by_head(message: str, known: Known) -> str | None:
    """The beginning of a long text that goes on with what it was called with."""
    for words, told in HEADS:
        if words in message[:120]:
            name = IDENTIFIER.match(message)
            return told.replace("{name}", told_names(name[0], known) if name else HIDDEN)
    return None


# --- texts in Python sources -------------------------------------------------------------------------------


def by_source(message: str, raised_in: str, known: Known) -> str | None:
    """The message with what the raising file holds as literals, in their order, and names between them."""
    spans = covered(message, fragments(raised_in))
    if not spans:
        return None
    told, end = [], 0
    for start, stop in [*spans, (len(message), len(message))]:
        told.append(told_hole(message[end:start], known))
        told.append(message[start:stop])
        end = stop
    return "".join(told)


def told_hole(text: str, known: Known) -> str:
    """What stands between two literals: punctuation, or a few known names."""
    if not re.search(r"\w", text):
        return text if len(text) < 4 else HIDDEN
    told = told_names(text, known) if len(text) <= 120 else HIDDEN
    return told if not re.search(r"[^\w\s'\"`.,:;{}()\[\]<>…/-]", told) else HIDDEN


def covered(message: str, literals: tuple[tuple[int, str], ...]) -> list[tuple[int, int]]:
    """Where literals stand in the message, in the order of the source and close together there."""
    best: list[tuple[int, int]] = []
    present = [(line, text) for line, text in literals if text in message]
    for first, (line, _) in enumerate(present):
        spans: list[tuple[int, int]] = []
        end = 0
        for other, text in present[first:]:
            start = message.find(text, end)
            if start >= 0 and other - line <= SPAN_MAX_LINES and len(spans) < FRAGMENTS_MAX:
                spans.append((start, start + len(text)))
                end = start + len(text)
        if length(spans) > length(best):
            best = spans
    return best


def length(spans: list[tuple[int, int]]) -> int:
    """How many characters the spans cover."""
    return sum(stop - start for start, stop in spans)


@functools.lru_cache(maxsize=64)
def fragments(raised_in: str) -> tuple[tuple[int, str], ...]:
    """(line, text) of the literals of several words in an installed library's file; none when there is no such file."""
    path = source_file(raised_in)
    try:
        tree = ast.parse(path.read_bytes()) if path else ast.Module([], [])
    except (SyntaxError, ValueError, OSError):
        return ()
    found = [
        (node.lineno, part)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for part in FORMAT_FIELD.split(node.value)
        if is_wording(part)
    ]
    # Parts of one f-string have the same position; the sort keeps their order.
    return tuple(sorted(dict.fromkeys(found), key=lambda place: place[0]))


FORMAT_FIELD = re.compile(r"\{[^{}]*\}|%[sdr]")
"""Where ``str.format`` or ``%`` puts something in."""


def is_wording(text: str) -> bool:
    """Whether a literal is part of a sentence, and not a name or a docstring."""
    return FRAGMENT_MIN_CHARS <= len(text) <= 600 and text.strip().count(" ") >= 1


def source_file(raised_in: str) -> Path | None:
    """The file of this name in the judge's own libraries, if it is one and not too large."""
    if not SOURCE_FILE.fullmatch(raised_in):
        return None
    for root in ROOTS:
        path = Path(root, raised_in)
        if path.is_file() and path.stat().st_size <= SOURCE_MAX_BYTES:
            return path
    return None


@functools.lru_cache(maxsize=64)
def is_installed(package: str) -> bool:
    """Whether the judge's own libraries have a package of this name."""
    return package.isidentifier() and any(Path(root, package).is_dir() for root in ROOTS)


@functools.lru_cache(maxsize=64)
def classes(raised_in: str) -> frozenset[str]:
    """Names that an installed library's file raises: its own classes of exceptions."""
    path = source_file(raised_in)
    text = path.read_text(encoding="utf-8", errors="replace") if path else ""
    return frozenset(re.findall(r"\braise (?:\w+\.)*(\w+)", text))

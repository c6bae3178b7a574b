"""What a student's process says about itself, made fit to be repeated in feedback.

A function sees the hidden inputs while it is probed, and it chooses the texts that it leaves: messages and names of
exceptions, names of parameters, modules and classes, even names in its traceback. Any of them can carry an input out.
So a text is repeated only if it cannot come from one: the message of an exception if the notebook also raised it in
the open, or as far as a library words it so (``library_texts``); a line if it stands in the notebook; any other word if
the notebook, the homework or the probes use it. Who raised an exception decides what it is called, but not what is
repeated: ``torch._assert(False, secret)`` raises inside of a library too. The Record keeps what was said, for the
person who has to look.
"""

import ast
import builtins
import functools
import json
import marshal
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autograder.judge import library_texts
from autograder.judge.library_texts import HIDDEN
from autograder.models import Observation, Record

UNTOLD = "(its text is not repeated: it might hold inputs of the hidden test)"
OWN = "an exception of its own making"
NAME = re.compile(r"[^\W\d]\w*")
WORD = re.compile(r"[^\W\d_]+|\d+")
NUMBER = re.compile(r"\d[\d.,e+-]*")
KNOWN_ERRORS = frozenset(
    name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)
) | {"Interrupted", "MalformedReply", "OutOfMemoryError", "LinAlgError"}


@dataclass(frozen=True)
class Public:
    """What everybody who has the submission and the homework can read."""

    words: frozenset[str]
    names: frozenset[str]
    """Whole identifiers, digits included."""
    lines: frozenset[str]
    errors: frozenset[str]
    """Messages of exceptions that cells of the notebook raised by themselves, with numbers masked."""
    declared: tuple[str, ...] = ()
    """Messages that the assignment declares to be public, as templates."""


def public_texts(notebook: str | None, *homework: str, declared: tuple[str, ...] = ()) -> Public:
    """What an executed notebook's JSON and these texts and names show; without a notebook, only these."""
    cells = json.loads(notebook)["cells"] if notebook is not None else []
    sources = ["".join(cell["source"]) for cell in cells]
    rows = [row for cell in cells for row in cell.get("outputs", []) if row.get("output_type") == "error"]
    known_words, known_names = words_and_names(homework)
    words = known_words.union(*map(words_of, sources))
    names = known_names.union(*map(names_of, sources))
    lines = frozenset(line.strip() for source in sources for line in source.splitlines())
    return Public(words, names, lines, frozenset(masked(str(row.get("evalue", ""))) for row in rows), declared)


@functools.lru_cache(maxsize=4)
def words_and_names(homework: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
    """All words and all identifiers of the homework's texts, put together once for a class."""
    return frozenset().union(*map(words_of, homework)), frozenset().union(*map(names_of, homework))


@functools.lru_cache(maxsize=4096)
def words_of(text: str) -> frozenset[str]:
    """The words of a text; most are the homework's, which are the same for every Record."""
    return frozenset(WORD.findall(text))


@functools.lru_cache(maxsize=4096)
def names_of(text: str) -> frozenset[str]:
    """The identifiers of a text."""
    return frozenset(NAME.findall(text))


def masked(text: str) -> str:
    """The text with its numbers hidden."""
    return NUMBER.sub(HIDDEN, text)


def redacted(record: Record, public: Callable[[], Public]) -> Record:
    """The Record with every exception told as the feedback may tell it; most have none, and nothing is looked up."""
    observations = {
        name: Observation(told(found.values, public), found.tensors) if FRAMES in marshal.dumps(found.values) else found
        for name, found in record.observations.items()
    }
    return replace(record, observations=observations)


FRAMES = b"frames"
"""Part of every exception that was described: to look for it in bytes takes a tenth of a walk through the values."""


def told(values: Any, public: Callable[[], Public]) -> Any:
    """The tree of values, with the exceptions in it redacted."""
    if isinstance(values, list):
        return [told(value, public) if isinstance(value, list | dict) else value for value in values]
    if not isinstance(values, dict):
        return values
    if values.keys() >= {"type", "message", "frames"}:
        return told_error(values, public())
    return {key: told(value, public) if isinstance(value, list | dict) else value for key, value in values.items()}


def told_error(error: dict[str, Any], public: Public) -> dict[str, Any]:
    """An exception whose type, message and frames hold nothing but public text; other kinds of values are left."""
    if not all(isinstance(text, str) for text in (error["type"], error["message"])):
        return error
    library, raised_in = (
        text if isinstance(text := error.get(key, ""), str) else "" for key in ("library", "raised_in")
    )
    frames = error["frames"] if isinstance(error["frames"], list) else []
    lines = [frame for frame in frames if isinstance(frame, str) and is_public_frame(frame, public)]
    told = {"type": told_type(error["type"], library, raised_in), "frames": lines}
    return error | told | {"message": told_message(unquoted(error["type"], error["message"]), raised_in, public)}


def told_type(kind: str, library: str, raised_in: str) -> str:
    """The class of an exception, if Python or the library that raised it has such a class; else whose it is."""
    if kind in KNOWN_ERRORS or kind in library_texts.classes(raised_in):
        return kind
    known = library in OUTSIDE_PACKAGES or library_texts.is_installed(library)
    return f"an exception of {library}" if known else OWN


def told_message(message: str, raised_in: str, public: Public) -> str:
    """The message as far as it is nobody's secret."""
    text = masked(message)
    if not message or text in public.errors:
        return text
    known = public.names | COMMON
    return library_texts.in_own_words(message, raised_in, known.__contains__, public.declared) or UNTOLD


def unquoted(kind: str, message: str) -> str:
    """The message itself: KeyError shows a sentence as Python writes a text."""
    try:
        found = ast.literal_eval(message) if kind == "KeyError" and " " in message else message
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return message
    return found if isinstance(found, str) else message


def is_public_frame(frame: str, public: Public) -> bool:
    """Whether "in NAME, line N: TEXT" names a function of the notebook and repeats a line of it."""
    found = re.fullmatch(r"in (\w+|<\w+>), line \d{1,6}: (.*)", frame)
    return found is not None and is_public(found[1], public) and found[2] in public.lines


def is_public(text: str, public: Public) -> bool:
    """Whether all its words are public; numbers are not looked at."""
    return all(word.isdecimal() or word in public.words or word in COMMON for word in WORD.findall(text))


LIBRARY_NAMES = """
Tensor Parameter Module Linear Embedding LayerNorm ModuleList ModuleDict Sequential Dropout Identity NoneType
builtin_function_or_method method generator ellipsis module torch nn Float Double Half Long Int Bool BFloat16
FloatTensor LongTensor float16 float32 float64 bfloat16 int32 int64 cpu cuda meta numpy and or of ints positional
argument arguments required T self input output weight bias dtype device size dim double half long lambda locals
__init__ __call__ forward
"""
COMMON = frozenset(NAME.findall(LIBRARY_NAMES)).union(
    vars(builtins), sys.stdlib_module_names, dir(str), dir(list), dir(dict)
)
"""Names that are no secret in any notebook."""
OUTSIDE_PACKAGES = ("python", "compiled code")
"""Whom an exception may be put down to, beside the installed packages."""


def told_outcome(message: str, observation: Observation | None, public: Public) -> str:
    """A hidden test's message, without words that the student's process brought in and that are not public.

    Numbers of up to two digits number layers; longer ones that the process brought in are hidden as well.
    """
    if observation is None or not (unknown := unknown_words(message, public)):
        return message
    # Only now, because a walk through all that was observed takes longer than most hidden tests.
    brought = unknown.intersection(WORD.findall("\n".join(texts_in(observation.values))))
    cleared = WORD.findall("\n".join(cleared_texts(observation.values))) if brought else ()
    secret = brought.difference(cleared)
    return WORD.sub(lambda found: HIDDEN if found[0] in secret else found[0], message)


def unknown_words(message: str, public: Public) -> set[str]:
    """The words of a message that nobody has read before; they may be the hidden test's own."""
    words = {w for w in WORD.findall(message) if (len(w) > 2 if w.isdecimal() else w not in public.words)}
    return words.difference(WORD.findall(OWN + UNTOLD))


def cleared_texts(values: Any) -> Iterator[str]:
    """What ``told_error`` left of the exceptions in a tree of values: it is not looked at a second time."""
    stack = [values]
    while stack:
        value = stack.pop()
        if is_described(value):
            yield from (value["type"], value["message"], *value["frames"])
        elif isinstance(value, dict):
            stack += value.values()
        elif isinstance(value, list):
            stack += value


def is_described(value: Any) -> bool:
    """Whether this is an exception as the probes describe it."""
    if not isinstance(value, dict) or not value.keys() >= {"type", "message", "frames"}:
        return False
    frames = value["frames"] if isinstance(value["frames"], list) else [None]
    return all(isinstance(text, str) for text in (value["type"], value["message"], *frames))


def texts_in(values: Any) -> Iterator[str]:
    """Every text in a tree of values, keys included."""
    stack = [values]
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            stack += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            stack += value


def texts_of_homework(assignment: Path) -> list[str]:
    """What the hidden tests and probes of an assignment may say in their own words: texts in their source."""
    found = []
    for path in assignment.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found += [
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
    return found

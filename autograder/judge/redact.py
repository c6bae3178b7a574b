"""What a student's process says about itself, made fit to be repeated in feedback.

A function sees the hidden inputs while it is probed, and it chooses the texts that it leaves: messages and names of
exceptions, names of parameters, modules and classes, even names in its traceback. Any of them can carry an input out.
So a text is repeated only if it cannot come from one: the message of an exception if the notebook also raised it in
the open, or a library words it so; a line if it stands in the notebook; any other word if the notebook, the homework
or the probes use it. The Record keeps what was said, for the person who has to look.
"""

import ast
import builtins
import functools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autograder.models import Observation, Record
from autograder.observe.record import NOTEBOOK

HIDDEN = "…"
UNTOLD = "(its text is not repeated: it might hold inputs of the hidden test)"
OWN = "an exception of its own making"
WORD = re.compile(r"[^\W\d_]+|\d+")
NUMBER = re.compile(r"\d[\d.,e+-]*")
NAME = re.compile(r"'[\w.]{1,60}'")
KNOWN_ERRORS = frozenset(
    name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)
) | {"Interrupted", "MalformedReply", "OutOfMemoryError", "LinAlgError"}
LIBRARY_TEXTS = tuple(
    re.compile(pattern)
    for pattern in (
        r"mat# and mat# shapes cannot be multiplied \(#x# and #x#\)",
        r"The size of tensor a \(#\) must match the size of tensor b \(#\) at non-singleton dimension #",
        r"expected m# and m# to have the same dtype, but got: \w+ != \w+",
        r"'N' object has no attribute 'N'",
        r"'N' object is not (callable|subscriptable|iterable)",
        r"'N' object does not support item assignment",
        r"name 'N' is not defined",
        r"cannot access local variable 'N' where it is not associated with a value",
        r"[\w.<>]{1,60}\(\) (missing|takes) [#\w ,']{1,120}",
        r"[\w.<>]{1,60}\(\) got an unexpected keyword argument 'N'",
        r"unsupported operand type\(s\) for [^\w\s]{1,3}: 'N' and 'N'",
        r"can only (concatenate|assign) [\w ()\"'.]{1,80}",
        r"(list|tuple|string) index out of range",
        r"cannot unpack non-iterable \w{1,40} object",
        r"(not enough|too many) values to unpack \([\w #,]{1,30}\)",
        r"the notebook defines no function `\w{1,40}`",
        r"the hook returned a \w{1,40}; return a tensor, or change `output` in place",
        r"a leaf Variable that requires grad is being used in an in-place operation\.",
        r"cannot assign 'N' as parameter 'N' \([\w. ]{1,60}\)",
        r"element # of tensors does not require grad and does not have a grad_fn",
        r"maximum recursion depth exceeded[\w ]{0,60}",
        r"division by zero",
        r"TODO #",
    )
)
"""With numbers as # and quoted names as N. A name is repeated only if the notebook or the homework uses it."""


@dataclass(frozen=True)
class Public:
    """What everybody who has the submission and the homework can read."""

    words: frozenset[str]
    lines: frozenset[str]
    errors: frozenset[str]
    """Messages of exceptions that cells of the notebook raised by themselves, with numbers masked."""


def public_texts(folder: Path, *homework: str) -> Public:
    """What a Record's executed notebook and these texts show; without a notebook, only the texts."""
    path = folder / NOTEBOOK
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"] if path.is_file() else []
    sources = ["".join(cell["source"]) for cell in cells]
    rows = [row for cell in cells for row in cell.get("outputs", []) if row.get("output_type") == "error"]
    words = frozenset().union(*(WORD.findall(source) for source in sources), *map(words_of, homework))
    lines = frozenset(line.strip() for source in sources for line in source.splitlines())
    return Public(words, lines, frozenset(masked(str(row.get("evalue", ""))) for row in rows))


@functools.lru_cache(maxsize=4096)
def words_of(text: str) -> frozenset[str]:
    """The words of a text of the homework, which is the same for every Record."""
    return frozenset(WORD.findall(text))


def masked(text: str) -> str:
    """The text with its numbers hidden."""
    return NUMBER.sub(HIDDEN, text)


def redacted(record: Record, public: Callable[[], Public]) -> Record:
    """The Record with every exception told as the feedback may tell it; most have none, and nothing is looked up."""
    observations = {
        name: Observation(told(observation.values, public), observation.tensors)
        for name, observation in record.observations.items()
    }
    return replace(record, observations=observations)


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
    kind = error["type"] if error["type"] in KNOWN_ERRORS else OWN
    frames = error["frames"] if isinstance(error["frames"], list) else []
    lines = [frame for frame in frames if isinstance(frame, str) and is_public_frame(frame, public)]
    return error | {"type": kind, "message": told_message(error["message"], public), "frames": lines}


def told_message(message: str, public: Public) -> str:
    """The message without its numbers, if it is nobody's secret."""
    text = masked(message)
    names = NAME.findall(message)
    template = NAME.sub("'N'", NUMBER.sub("#", message)) if not NUMBER.search("".join(names)) else ""
    worded = any(pattern.fullmatch(template) for pattern in LIBRARY_TEXTS) and is_public(message, public)
    return text if not message or text in public.errors or worded else UNTOLD


def is_public_frame(frame: str, public: Public) -> bool:
    """Whether "in NAME, line N: TEXT" names a function of the notebook and repeats a line of it."""
    found = re.fullmatch(r"in (\w+|<\w+>), line \d{1,6}: (.*)", frame)
    return found is not None and is_public(found[1], public) and found[2] in public.lines


def is_public(text: str, public: Public) -> bool:
    """Whether all its words are public; numbers are not looked at."""
    return all(word.isdecimal() or word in public.words | LIBRARY_WORDS for word in WORD.findall(text))


COMMON = """
Tensor Parameter Module Linear Embedding LayerNorm ModuleList NoneType int float str bool list tuple dict set function
method builtin torch FloatTensor LongTensor nn None Float Double Half Long Int BFloat
"""
LIBRARY_WORDS = frozenset(WORD.findall(" ".join(pattern.pattern for pattern in LIBRARY_TEXTS) + COMMON))


def told_outcome(message: str, observation: Observation | None, public: Public) -> str:
    """A hidden test's message, without words that the student's process brought in and that are not public.

    Numbers of up to two digits number layers; longer ones that the process brought in are hidden as well.
    """
    if observation is None:
        return message
    brought = {word for text in texts(observation.values) for word in WORD.findall(text)}
    secret = {word for word in brought if (len(word) > 2 if word.isdecimal() else word not in public.words)}
    ours = set(WORD.findall(OWN + UNTOLD))
    return WORD.sub(lambda found: HIDDEN if found[0] in secret - ours else found[0], message)


def texts(values: Any) -> Iterator[str]:
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

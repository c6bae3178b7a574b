"""What a check says: one message that names what was expected, what was found, and where to look."""

import re
import traceback
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

CLUES: tuple[tuple[str, frozenset[int], str], ...] = (
    # A pattern of the error -> the TODOs in which it can only mean this -> what to look at. The first that fits counts.
    (r"(?<!attach_lora)\(\) (takes|missing) .*positional argument", frozenset({3, 4}),
     "PyTorch calls a hook with three arguments: (module, input, output)"),
    (r"attach_lora\(\) .*argument", frozenset({5}),
     "compare the call with the `def` line: attach_lora(layer, r, lora_alpha, in_features, out_features)"),
    (r"mat1 and mat2 shapes", frozenset({3, 4}),
     "the matrices don't fit: write the shape of each factor beside it, x first"),
    (r"must be a matrix|expects a tensor with <= 2", frozenset({3, 4}),
     "x may have any number of dimensions before its last"),
    (r"must match the size", frozenset({3, 4}),
     "the shapes don't fit: write down the shape of each tensor in the line"),
    (r"'tuple'", frozenset({3, 4}), "`input` is a tuple that holds x; take x out of it first"),
    (r"to tuple|'Conv1D' object is not subscriptable", frozenset({3, 4}),
     "a hook's arguments are (module, input, output), in this order"),
    (r"recursion", frozenset({2, 3, 4}),
     "something calls itself without end: a layer called inside its own hook runs the hook again (use `output`), and "
     "attach_lora called inside attach_lora is the new function, not the earlier one"),
    (r"values to unpack", frozenset({1, 6, 8}),
     "named_parameters() gives pairs of name and parameter, parameters() the parameters alone"),
    (r"must be a bool", frozenset({1, 6, 8}), "requires_grad is True or False"),
    (r"Fan in and fan out", frozenset({2, 3, 4}), "the matrix to fill needs two dimensions, (r, in)"),
    (r"index out of range|out of range", frozenset({1, 5, 6}), "12 blocks are numbered from 0 to 11"),
    (r"no attribute 'in_features'", frozenset({5}), "a Conv1D has no such attribute: read the shape of its weight"),
    (r"no attribute 'weight'", frozenset({5}), "only a layer has a weight, a block or the attention module has not"),
    (r"no attribute 'h'", frozenset({1, 5, 6}), "the blocks are in model.transformer.h"),
    (r"3 positional arguments but 4", frozenset({5}),
     "with_kwargs=True gives a hook a fourth argument: leave it out"),
    (r"Invalid task type", frozenset({7}),
     "task_type is one of these words; it is also what a value without a name is taken for: write r=1, lora_alpha=4"),
    (r"'list' object has no attribute 'endswith'", frozenset({7}), "`bias` is one word, no list"),
    (r"^TypeError: modules_to_save cannot", frozenset({7}),
     "modules_to_save is a list of names of layers, [\"score\"]; of a string alone each letter counts as a name"),
    (r"not found in the base model", frozenset({7}),
     "PEFT compares target_modules with whole module names, or their ends; a string is a pattern for the whole name. "
     "Layer numbers count from 0"),
    (r"No modules were targeted", frozenset({7}),
     "a module can be adapted or saved whole (modules_to_save), not both"),
    (r"is not supported", frozenset({7}),
     "LoRA replaces single linear layers; name the layer inside the attention module"),
    (r"Requested bias", frozenset({7}), "`bias` knows three words; help(LoraConfig) lists them"),
    (r"LoraConfig.*keyword argument", frozenset({7}), "that option has another name; help(LoraConfig) lists them all"),
    (r"prepare_inputs_for_generation", frozenset({7, 8}),
     "task_type is one for writing text; this model classifies"),
    (r"'bool' object", frozenset({7}), "an option that wants a word was given True or False"),
    (r"'str' and", frozenset({7}), "write numbers without quotes"),
    (r"^NameError: name", frozenset(range(1, 9)),
     "is the name spelled as where it is defined, and has that cell been run?"),
)  # fmt: skip
ERROR_CHARS = 160


def short(error: Exception) -> Exception:
    """The error, of which Jupyter will print the message alone: the check's own code is no help.

    It asks for it by a name that is among the private parts of ipython 9.
    """
    shown = [f"{type(error).__name__}: {error}"]
    error._render_traceback_ = lambda: shown  # type: ignore[attr-defined]
    return error


def require(condition: object, message: str) -> None:
    """Stop the check with a message unless the condition holds."""
    if not condition:
        refuse(message)


def refuse(message: str) -> NoReturn:
    """Stop the check with a message."""
    raise short(AssertionError(message))


def call(todo: int, function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    """What the student's function returns; an error in it becomes a message with the line and, if one fits, a clue."""
    try:
        return function(*arguments, **keywords)
    except Exception as error:
        if isinstance(error, NotImplementedError) and str(error).startswith("TODO"):
            raise short(error) from None
        found = f"{type(error).__name__}: {' '.join(str(error).split())}"
        message = f"TODO {todo}: your code raised {found[:ERROR_CHARS]}{line_of(error)}{clue_of(todo, found)}"
        raise short(AssertionError(message)) from error


def line_of(error: Exception) -> str:
    """The student's line in which an error was raised, or nothing."""
    ours = __name__.rpartition(".")[0]
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    numbers = [number for _, number in traceback.walk_tb(error.__traceback__)]
    for place in reversed(range(len(frames))):
        code = frames[place].f_code
        module = str(frames[place].f_globals.get("__name__", ""))
        libraries = "-packages" in code.co_filename or "/lib/python" in code.co_filename.replace("\\", "/").lower()
        if not libraries and not module.startswith(ours):
            (summary,) = traceback.StackSummary.extract(iter([(frames[place], numbers[place])]))
            return f"\n  line {summary.lineno} of {summary.name}: {summary.line}" if summary.line else ""
    return ""


def clue_of(todo: int, found: str) -> str:
    """What an error of this TODO can only mean, on a line of its own, or nothing."""
    fitting = (text for pattern, todos, text in CLUES if todo in todos and re.search(pattern, found))
    return "".join(f"\n  {text}" for text in [*fitting][:1])


def first_for(names: Iterable[str], clues: dict[str, str]) -> str:
    """The first clue whose pattern is in all of the names."""
    names = list(names)
    return next((text for pattern, text in clues.items() if all(re.search(pattern, n) for n in names)), "")


def short_list(names: Iterable[str]) -> str:
    """Up to four names in one line, or that there are none."""
    found = sorted(names)
    more = f" and {len(found) - 4} more" if len(found) > 4 else ""
    return ", ".join(found[:4]) + more or "no layer at all"

"""Calling the student's functions and describing what they raise: the first half of the probes' toolkit."""

from __future__ import annotations

import dis
import functools
import linecache
import sysconfig
import traceback
import types
from collections.abc import Callable, Mapping
from typing import Any

Student = Mapping[str, Any]
"""The namespace of a student's notebook."""
Report = dict[str, Any]
"""What a probe hands back: nested dicts of plain values and tensors."""

CELL_FILE = "ipykernel_"
"""In the file name of every cell's code."""
MESSAGE_MAX_CHARS = 1_000
FRAMES_MAX = 5
PACKAGES = tuple({sysconfig.get_path(name) for name in ("purelib", "platlib")})
STANDARD = (*{sysconfig.get_path(name) for name in ("stdlib", "platstdlib")}, "<frozen")
COMPILED = "compiled code"
"""Who raised what no ``raise`` statement did: a built-in function, or a library's own that is not Python."""


class Absent(NameError):
    """The notebook lacks a function that the probe was to call."""


def keep() -> Callable[[], None]:
    """What undoes, after a call, the changes that it made to libraries and settings; the agent puts its own here."""
    return lambda: None


def call(function: Callable[..., Any], *arguments: Any, **keywords: Any) -> tuple[Any, BaseException | None]:
    """(result, what was raised): libraries and process-wide settings are afterwards what they were before.

    KeyboardInterrupt goes through: it is the host's, and ends the probe.
    """
    undo = keep()
    try:
        return function(*arguments, **keywords), None
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return None, error
    finally:
        undo()


def attempt(
    function: Callable[..., Any], *arguments: Any, control: Callable[[], Any] | None = None, **keywords: Any
) -> tuple[Any, Report | None]:
    """(result, None), or (None, what was raised, with the student's frames only).

    ``control`` is the same step without the student's work. It is taken when no line of theirs was involved: if it
    fails as well, the fault is ours, and the report says so under "control".
    """
    result, error = call(function, *arguments, **keywords)
    return result, None if error is None else describe_error(error, control)


def describe_error(error: BaseException, control: Callable[[], Any] | None = None) -> Report:
    """Type, message, the frames that lie in notebook cells, who raised it, and what the control raised."""
    trace = BaseException.__dict__["__traceback__"].__get__(error)
    places = [(frame.f_code, number) for frame, number in traceback.walk_tb(trace)]
    frames = [place for place in places if CELL_FILE in place[0].co_filename]
    message, _ = call(str, error)
    return {
        # Python's name for it: feedback repeats no other.
        "type": "NameError" if type(error) is Absent else class_name(error),
        "message": exact(message)[:MESSAGE_MAX_CHARS],
        "frames": [line_of(*place) for place in frames[-FRAMES_MAX:]],
        "library": library(trace),
        "raised_in": raised_in(trace),
        "control": None if frames or control is None else failure_of(control),
    }


def failure_of(control: Callable[[], Any]) -> str | None:
    """What a step raises without the student's work, or None when it goes well."""
    _, error = call(control)
    return None if error is None else f"{class_name(error)}: {exact(call(str, error)[0])}"[:MESSAGE_MAX_CHARS]


def line_of(code: types.CodeType, number: int) -> str:
    """A line of the student's, and where it stands."""
    line, _ = call(linecache.getline, code.co_filename, number)
    return f"in {exact(code.co_name)}, line {number}: {exact(line).strip()}"


def innermost(trace: types.TracebackType | None) -> types.TracebackType | None:
    """The last entry of a traceback."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace


def raised_in(trace: types.TracebackType | None) -> str:
    """The library's file that raised, from the folder of packages on ("numpy/version.py"), or nothing."""
    last = innermost(trace)
    name = "" if last is None else last.tb_frame.f_code.co_filename
    folders = [folder for folder in (*PACKAGES, *STANDARD) if name.startswith(folder)]
    return name[len(max(folders, key=len)) + 1 :][:200] if folders else ""


def library(trace: types.TracebackType | None) -> str:
    """Whose code raised: an installed package's name, "compiled code", or nothing when it was the student's own."""
    trace = innermost(trace)
    if trace is None:
        return COMPILED
    code = trace.tb_frame.f_code
    for folder in PACKAGES:
        if code.co_filename.startswith(folder):
            return code.co_filename[len(folder) + 1 :].partition("/")[0].removesuffix(".py")
    if code.co_filename.startswith(STANDARD):
        return "python"
    operation = dis.opname[code.co_code[trace.tb_lasti]] if trace.tb_lasti >= 0 else ""
    return "" if operation in ("RAISE_VARARGS", "RERAISE") else COMPILED


def named(student: Student, name: str) -> Callable[..., Any]:
    """The student's function; Absent in words that the feedback can repeat."""
    function = student.get(name)
    if not callable(function):
        raise Absent(f"the notebook defines no function `{name}`")
    return function  # type: ignore[no-any-return]


def class_name(value: Any) -> str:
    """The name of a value's class; neither of them is asked."""
    return str.__str__(type.__dict__["__name__"].__get__(type(value)))


def exact(text: Any) -> str:
    """A string of Python's own class."""
    return str.__str__(text) if issubclass(type(text), str) else "?"


def plain_number(value: Any) -> int | float | None:
    """The value as a Python number, or None when it is something else."""
    for kind, plain in ((float, float.__pos__), (int, int.__pos__)):
        if issubclass(type(value), kind) and type(value) is not bool:
            return plain(value)
    return None


def plain_function(function: Any) -> Any:
    """The Python function behind a function, a partial, a bound method or a callable object, else None."""
    while type(function) is not types.FunctionType:
        if type(function) is functools.partial:
            function = function.func
        elif type(function) is types.MethodType:
            function = function.__func__
        elif type(method := defined_call(type(function))) is types.FunctionType:
            function = method
        else:
            return None
    while type(wrapped := vars(function).get("__wrapped__")) is types.FunctionType:
        function = wrapped
    return function


def defined_call(kind: type) -> Any:
    """What a class defines as ``__call__`` itself, or None."""
    return type.__dict__["__dict__"].__get__(kind).get("__call__")


def plain_value(value: Any, depth: int = 2) -> Any:
    """A value as text, number or nested lists of them; of anything else the name of its class."""
    if value is None or type(value) is bool:
        return value
    number = plain_number(value)
    if number is not None:
        return number
    if issubclass(type(value), str):
        return exact(value)[:200]
    if depth and type(value) is dict:
        return [[plain_value(k, 0), plain_value(v, depth - 1)] for k, v in list(value.items())[:20]]
    if depth and type(value) in (set, frozenset):
        return sorted([plain_value(item, 0) for item in list(value)[:20]], key=repr)
    if depth and type(value) in (list, tuple, range):
        return [plain_value(item, depth - 1) for item in list(value)[:20]]
    return class_name(value)

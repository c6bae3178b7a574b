"""The one decoder of bytes that left a student's process.

Everything is bounded before it is decoded: bytes, nesting, number of values, length of texts, number and
kind of tensors. Nothing is unpickled, and no name that the kernel supplied is looked up anywhere.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
from nbformat import NotebookNode
from safetensors import SafetensorError, deserialize

from autograder.errors import StudentError
from autograder.models import Observation
from autograder.submission.sanitize import KEPT_MIME
from autograder.text import encodable

VALUES_MAX_BYTES = 2_000_000
TENSORS_MAX_BYTES = 16_000_000
DEPTH_MAX = 16
NODES_MAX = 50_000
TEXT_MAX_CHARS = 2_000
TENSORS_MAX = 500
OUTPUTS_MAX_BYTES = 6_000_000
OUTPUTS_MAX = 1_000
"""Of one cell."""
FAILURES_MAX, NAMES_MAX = 40, 100
"""Of one cell, and of one failure."""

DTYPES: dict[str, str] = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4",
    "I16": "<i2", "I8": "i1", "U8": "u1", "BOOL": "?",
}  # fmt: skip


def decode_reply(content: Any, buffers: Sequence[Any], *, nonce: str, grade_id: str) -> Observation:
    """The observation in a ``probe_reply``; StudentError when it is not the reply to this very probe."""
    if not isinstance(content, dict) or content.get("nonce") != nonce or content.get("grade_id") != grade_id:
        raise StudentError("the reply does not belong to the probe that was sent")
    if len(buffers) != 2:
        raise StudentError("the reply does not have its two parts")
    parts = [
        within_limit(part, most) for part, most in zip(buffers, (VALUES_MAX_BYTES, TENSORS_MAX_BYTES), strict=True)
    ]
    return Observation(decode_values(parts[0]), decode_tensors(parts[1]))


def within_limit(buffer: Any, limit_bytes: int) -> bytes:
    """The bytes, if there are no more than allowed."""
    view = memoryview(buffer)
    if view.nbytes > limit_bytes:
        raise StudentError(f"the reply has {view.nbytes:,} bytes, more than the {limit_bytes:,} allowed")
    return view.tobytes()


def decode_values(data: bytes) -> Any:
    """JSON values within the bounds above; NaN and infinities become None."""
    try:
        values = json.loads(data, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        raise StudentError("the reply's values are not valid JSON") from error
    check_size(values)
    return with_encodable_texts(values) if UNPAIRED.search(data) else values


UNPAIRED = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]")
"""What spells half of a character, escaped or not; most replies have none."""


def with_encodable_texts(values: Any) -> Any:
    """The same tree, whose depth was checked, with texts that UTF-8 can encode."""
    if isinstance(values, dict):
        return {encodable(key): with_encodable_texts(value) for key, value in values.items()}
    if isinstance(values, list):
        return list(map(with_encodable_texts, values))
    return encodable(values) if isinstance(values, str) else values


def check_size(values: Any) -> None:
    """Raise unless nesting, number of values, text lengths and integers are within bounds; level by level.

    Sorted by what JSON makes of it, because most of a reply are thousands of short rows.
    """
    level, nodes = [values], 0
    for _ in range(DEPTH_MAX + 1):
        nodes += len(level)
        if nodes > NODES_MAX:
            raise StudentError("the reply has too many values")
        check_plain(level)
        mappings = [value for value in level if type(value) is dict]
        parts = [value for value in level if type(value) is list]
        level = [*chain.from_iterable((*parts, *mappings, *(mapping.values() for mapping in mappings)))]
        if not level:
            return
    raise StudentError("the reply's values are nested too deeply")


def check_plain(values: list[Any]) -> None:
    """Raise unless the texts and numbers among these are within bounds."""
    if max((len(value) for value in values if type(value) is str), default=0) > TEXT_MAX_CHARS:
        raise StudentError("a text in the reply is too long")
    too_large = any(abs(value) > 2**63 for value in values if type(value) is int)
    if too_large or not all(math.isfinite(value) for value in values if type(value) is float):
        raise StudentError("a number in the reply is too large")


def decode_tensors(data: bytes) -> dict[str, npt.NDArray[Any]]:
    """Arrays by name; empty input has none."""
    if not data:
        return {}
    try:
        items = deserialize(data)
    except (SafetensorError, ValueError, OverflowError) as error:
        raise StudentError("the reply's tensors are not valid safetensors") from error
    if len(items) > TENSORS_MAX:
        raise StudentError("the reply holds too many tensors")
    return {name: to_array(tensor) for name, tensor in items}


def to_array(tensor: Mapping[str, Any]) -> npt.NDArray[Any]:
    """A NumPy array."""
    if tensor["dtype"] not in DTYPES:
        raise StudentError(f"a tensor in the reply has the dtype {tensor['dtype']}, which no probe asks for")
    return np.frombuffer(bytes(tensor["data"]), dtype=DTYPES[tensor["dtype"]]).reshape(tensor["shape"])


@dataclass(frozen=True)
class Failure:
    """A statement that failed in a cell of the student's, as their process tells it."""

    line: int
    """Within the cell; 0 when none of it could be run."""
    type: str
    message: str
    names: tuple[str, ...]
    """That it would have bound."""


@dataclass(frozen=True)
class CellRun:
    """What a kernel said of one cell that it ran; shown to people, never judged."""

    execution_count: int | None = None
    outputs: list[NotebookNode] = field(default_factory=list)
    output_bytes: int = 0
    """That the cell produced, of which no more than allowed are in ``outputs``."""
    failures: tuple[Failure, ...] = ()


def decode_outputs(buffers: Sequence[Any], cells: int) -> list[CellRun]:
    """One row per cell of a block; StudentError when the reply is not about so many cells.

    An output that is not what a notebook may hold is left out.
    """
    if len(buffers) != 1:
        raise StudentError("the reply does not have its one part")
    try:
        rows = json.loads(within_limit(buffers[0], OUTPUTS_MAX_BYTES))
    except (ValueError, RecursionError) as error:
        raise StudentError("the outputs are not valid JSON") from error
    if not isinstance(rows, list) or len(rows) != cells or not all(isinstance(row, dict) for row in rows):
        raise StudentError("the outputs are not those of the cells that were run")
    return [
        CellRun(
            number(row.get("execution_count")),
            sound_outputs(row.get("outputs")),
            number(row.get("output_bytes")) or 0,
            failures(row.get("failures")),
        )
        for row in rows
    ]


def failures(rows: Any) -> tuple[Failure, ...]:
    """The failures among these rows."""
    found = [row for row in rows[:FAILURES_MAX] if isinstance(row, dict)] if isinstance(rows, list) else []
    return tuple(
        Failure(
            number(row.get("line")) or 0,
            encodable(str(row.get("type", ""))[:100]),
            encodable(str(row.get("message", ""))[:TEXT_MAX_CHARS]),
            tuple(name[:100] for name in texts(row.get("names"))[:NAMES_MAX]),
        )
        for row in found
    )


def number(value: Any) -> int | None:
    """A count of something, or None for anything else."""
    return value if type(value) is int and 0 < value < 2**31 else None


def sound_outputs(rows: Any) -> list[NotebookNode]:
    """The outputs among these rows."""
    found = [output(row) for row in rows[:OUTPUTS_MAX] if isinstance(row, dict)] if isinstance(rows, list) else []
    return [one for one in found if one is not None]


def output(row: dict[str, Any]) -> NotebookNode | None:
    """One output of a notebook, rebuilt from texts alone; None when the row is none that people will see.

    Not by nbformat's new_output, which validates every one; the whole notebook is validated when it is published.
    """
    kind = row.get("output_type")
    if kind == "stream" and row.get("name") in ("stdout", "stderr"):
        return NotebookNode(output_type=kind, name=row["name"], text="".join(texts(row.get("text"))))
    if kind == "error":
        names = {key: encodable(str(row.get(key, ""))[:TEXT_MAX_CHARS]) for key in ("ename", "evalue")}
        return NotebookNode(output_type=kind, **names, traceback=texts(row.get("traceback")))
    if kind in ("display_data", "execute_result") and isinstance(row.get("data"), dict):
        data = {mime: encodable(row["data"][mime]) for mime in KEPT_MIME if isinstance(row["data"].get(mime), str)}
        count = {"execution_count": number(row.get("execution_count"))} if kind == "execute_result" else {}
        return NotebookNode(output_type=kind, data=NotebookNode(data), metadata=NotebookNode(), **count)
    return None


def text_output(name: str, text: str) -> NotebookNode:
    """What we say in place of a cell's outputs."""
    return NotebookNode(output_type="stream", name=name, text=text)


def texts(value: Any) -> list[str]:
    """The texts in a list."""
    return [encodable(text) for text in value if isinstance(text, str)] if isinstance(value, list) else []

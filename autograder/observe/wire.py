"""The one decoder of bytes that left a student's process.

Everything is bounded before it is decoded: bytes, nesting, number of values, length of texts, number and
kind of tensors. Nothing is unpickled, and no name that the kernel supplied is looked up anywhere.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from nbformat.v4 import new_output
from safetensors import SafetensorError, deserialize

from autograder.errors import StudentError
from autograder.models import Observation
from autograder.submission.sanitize import KEPT_MIME

VALUES_MAX_BYTES = 2_000_000
TENSORS_MAX_BYTES = 16_000_000
DEPTH_MAX = 16
NODES_MAX = 50_000
TEXT_MAX_CHARS = 2_000
TENSORS_MAX = 500
OUTPUTS_MAX_BYTES = 6_000_000
OUTPUTS_MAX = 1_000
"""Of one cell."""

DTYPES: dict[str, str] = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4",
    "I16": "<i2", "I8": "i1", "U8": "u1", "BOOL": "?",
}  # fmt: skip


def decode_reply(content: Any, buffers: Sequence[Any], *, nonce: str, grade_id: str) -> Observation:
    """The observation in a ``probe_reply``; StudentError when it is not the reply to this very probe."""
    if not isinstance(content, dict) or content.get("nonce") != nonce or content.get("todo") != grade_id:
        raise StudentError("the reply does not belong to the probe that was sent")
    if len(buffers) != 2:
        raise StudentError("the reply does not have its two parts")
    values = decode_values(bounded(buffers[0], VALUES_MAX_BYTES))
    return Observation(values, decode_tensors(bounded(buffers[1], TENSORS_MAX_BYTES)))


def bounded(buffer: Any, limit_bytes: int) -> bytes:
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
    return values


def check_size(values: Any) -> None:
    """Raise unless nesting, number of values, text lengths and integers are within bounds."""
    stack, nodes = [(values, 0)], 0
    while stack:
        value, depth = stack.pop()
        nodes += 1
        if depth > DEPTH_MAX or nodes > NODES_MAX:
            raise StudentError("the reply's values are nested too deeply or too many")
        if isinstance(value, dict):
            stack += [(k, depth + 1) for k in value] + [(v, depth + 1) for v in value.values()]
        elif isinstance(value, list):
            stack += [(v, depth + 1) for v in value]
        elif isinstance(value, str) and len(value) > TEXT_MAX_CHARS:
            raise StudentError("a text in the reply is too long")
        elif (isinstance(value, int) and abs(value) > 2**63) or (isinstance(value, float) and not math.isfinite(value)):
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
    """A NumPy array; bfloat16, which NumPy lacks, is widened to float32."""
    if tensor["dtype"] not in DTYPES:
        raise StudentError(f"a tensor in the reply has the dtype {tensor['dtype']}, which no probe asks for")
    flat = np.frombuffer(bytes(tensor["data"]), dtype=DTYPES[tensor["dtype"]])
    if tensor["dtype"] == "BF16":
        flat = (flat.astype(np.uint32) << 16).view(np.float32)
    return flat.reshape(tensor["shape"])


def decode_outputs(buffers: Sequence[Any], cells: int) -> list[tuple[int | None, list[Any]]]:
    """Number and outputs of each cell of a block; StudentError when the reply is not about so many cells.

    An output that is not what a notebook may hold is left out.
    """
    if len(buffers) != 1:
        raise StudentError("the reply does not have its one part")
    try:
        rows = json.loads(bounded(buffers[0], OUTPUTS_MAX_BYTES))
    except (ValueError, RecursionError) as error:
        raise StudentError("the outputs are not valid JSON") from error
    if not isinstance(rows, list) or len(rows) != cells or not all(isinstance(row, dict) for row in rows):
        raise StudentError("the outputs are not those of the cells that were run")
    return [(number(row.get("execution_count")), outputs(row.get("outputs"))) for row in rows]


def number(value: Any) -> int | None:
    """A cell's number, or None for anything else."""
    return value if type(value) is int and 0 < value < 2**31 else None


def outputs(rows: Any) -> list[Any]:
    """The outputs among these rows."""
    found = [output(row) for row in rows[:OUTPUTS_MAX] if isinstance(row, dict)] if isinstance(rows, list) else []
    return [one for one in found if one is not None]


def output(row: dict[str, Any]) -> Any:
    """One output of a notebook, rebuilt from texts alone; None when the row is none that people will see."""
    kind = row.get("output_type")
    if kind == "stream" and row.get("name") in ("stdout", "stderr"):
        return new_output("stream", name=row["name"], text="".join(texts(row.get("text"))))
    if kind == "error":
        names = {key: str(row.get(key, ""))[:TEXT_MAX_CHARS] for key in ("ename", "evalue")}
        return new_output("error", **names, traceback=texts(row.get("traceback")))
    if kind in ("display_data", "execute_result") and isinstance(row.get("data"), dict):
        data = {mime: row["data"][mime] for mime in KEPT_MIME if isinstance(row["data"].get(mime), str)}
        count = {"execution_count": number(row.get("execution_count"))} if kind == "execute_result" else {}
        return new_output(kind, data, **count) if data else None
    return None


def texts(value: Any) -> list[str]:
    """The texts in a list."""
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []

"""How a probe's report is sent: plain values as JSON, arrays and tensors as safetensors.

Nothing in the report is asked for its value: only objects of Python's own classes, and arrays and tensors of exactly
their library's, are believed.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any

import numpy as np
from safetensors.numpy import save

PLAIN = frozenset({bool, int, float, str, type(None)})
ARRAYS = frozenset({"float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool"})
"""The kinds of NumPy's numbers that the host decodes; an array of objects or texts is "an object of another kind"."""


def encode(found: Any) -> tuple[Any, dict[str, Any]]:
    """Split nested dicts into JSON values and one flat array for each kind of numbers.

    An array leaves its kind, its place in the array of that kind and its shape behind. A report has hundreds of small
    ones, and each array that is sent for itself costs more than its numbers.
    """
    parts: dict[str, list[Any]] = {}
    sizes: dict[str, int] = {}
    torch = sys.modules.get("torch")

    def split(value: Any) -> Any:
        kind = type(value)
        if kind in PLAIN:
            return value
        if kind is dict:
            return {exact_value(key): split(inner) for key, inner in value.items()}
        if kind in (list, tuple):
            return list(value) if PLAIN.issuperset(map(type, value)) else list(map(split, value))
        array = as_array(value, torch)
        return exact_value(value) if array is None else joined(array)

    def joined(array: Any) -> dict[str, Any]:
        name = array.dtype.name
        parts.setdefault(name, []).append(array.reshape(-1))
        at = sizes.get(name, 0)
        sizes[name] = at + array.size
        return {"tensor": name, "at": at, "shape": [*array.shape]}

    values = split(found)
    return values, {name: np.concatenate(arrays) for name, arrays in parts.items()}


def as_safetensors(arrays: dict[str, Any]) -> bytes:
    """Arrays as the bytes of one safetensors file; nothing of none."""
    return save(arrays) if arrays else b""


def as_array(value: Any, torch: Any) -> Any:
    """The array of an array or tensor, whose numbers the host decodes; None of anything else.

    bfloat16, which NumPy lacks, is widened to float32. A tensor without values, as on the meta device, has no array.
    """
    if type(value) is np.ndarray:
        return value if value.dtype.name in ARRAYS else None
    if torch is None or type(value) not in (torch.Tensor, torch.nn.Parameter):
        return None
    with contextlib.suppress(RuntimeError, TypeError):
        dense = value if value.layout is torch.strided else value.to_dense()
        wide = dense.float() if dense.dtype is torch.bfloat16 else dense
        return wide.numpy(force=True) if str(wide.dtype).removeprefix("torch.") in ARRAYS else None
    return None


def exact_value(value: Any) -> Any:
    """A plain value of Python's own type, without asking the value; of anything else only its kind."""
    if type(value) in PLAIN:
        return value
    for kind, copy in ((float, float.__pos__), (int, int.__pos__), (str, str.__str__)):
        if issubclass(type(value), kind):
            return copy(value)
    return "<an object of another kind>"

"""How a probe's report is sent: plain values as JSON, arrays and tensors as safetensors.

Nothing in the report is asked for its value: only objects of Python's own classes, and arrays and tensors of exactly
their library's, are believed.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from safetensors.numpy import save

PLAIN = frozenset({bool, int, float, str, type(None)})
ARRAYS = frozenset({"float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool"})
"""The kinds of NumPy's numbers that the host decodes; an array of objects or texts is "an object of another kind"."""


def encode(found: Any) -> tuple[Any, dict[str, Any]]:
    """Split nested dicts into JSON values and named arrays; one leaves {"tensor": its name} behind."""
    tensors: dict[str, Any] = {}
    torch = sys.modules.get("torch")
    kinds = (np.ndarray, *((torch.Tensor, torch.nn.Parameter) if torch else ()))

    def split(value: Any, path: str) -> Any:
        kind = type(value)
        if kind in PLAIN:
            return value
        if kind in kinds and (kind is not np.ndarray or value.dtype.name in ARRAYS):
            tensors[path] = value
            return {"tensor": path}
        if kind is dict:
            return {exact_value(k): split(v, f"{path}/{exact_value(k)}") for k, v in value.items()}
        if kind in (list, tuple):
            if PLAIN.issuperset(map(type, value)):
                return list(value)
            return [split(v, f"{path}/{i}") for i, v in enumerate(value)]
        return exact_value(value)

    return split(found, ""), tensors


def as_safetensors(tensors: dict[str, Any]) -> bytes:
    """Arrays and tensors as the bytes of one safetensors file; nothing of none."""
    if not tensors:
        return b""
    torch: Any = sys.modules.get("torch")
    if all(type(value) is np.ndarray or is_numpys(value, torch) for value in tensors.values()):
        return save({name: as_array(value) for name, value in tensors.items()})
    # Only PyTorch knows bfloat16; its way takes longer for each tensor.
    from safetensors.torch import save as save_torch

    return save_torch({name: unshared(torch.as_tensor(value)) for name, value in tensors.items()})


def is_numpys(tensor: Any, torch: Any) -> bool:
    """Whether NumPy has this kind of numbers too, and of arrays."""
    return tensor.layout is torch.strided and str(tensor.dtype).removeprefix("torch.") in ARRAYS


def as_array(value: Any) -> Any:
    """A contiguous array of the same values."""
    return np.asarray(value if type(value) is np.ndarray else value.numpy(force=True), order="C")


def exact_value(value: Any) -> Any:
    """A plain value of Python's own type, without asking the value; of anything else only its kind."""
    if type(value) in PLAIN:
        return value
    for kind, copy in ((float, float.__pos__), (int, int.__pos__), (str, str.__str__)):
        if issubclass(type(value), kind):
            return copy(value)
    return "<an object of another kind>"


def unshared(tensor: Any) -> Any:
    """A contiguous copy that shares no memory with anything (safetensors refuses shared storage)."""
    return tensor.detach().to("cpu").contiguous().clone()

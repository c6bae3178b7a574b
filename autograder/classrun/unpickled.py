"""Dask unpickles what its scheduler and workers send, in several places and whatever it is told. Here it does not."""

import contextlib
import importlib
import types
from collections.abc import Iterator
from typing import Any

from distributed.protocol.serialize import families, register_serialization_family

READ = ("msgpack",)
"""Families of serialised data that hold plain values."""


@contextlib.contextmanager
def nothing_unpickled() -> Iterator[None]:
    """In this process, until the end of the block, whatever arrives pickled is None."""
    dask = importlib.import_module("distributed.protocol.pickle")
    pickle, before = dask.pickle, dict(families)
    # All that Dask loads goes through this one name, also what other modules have imported from there.
    dask.pickle = types.SimpleNamespace(**vars(pickle) | {"loads": nothing})  # type: ignore[attr-defined]
    for name, (dumps, _, _) in before.items():
        if name not in READ:
            register_serialization_family(name, dumps, nothing)
    try:
        yield
    finally:
        dask.pickle = pickle  # type: ignore[attr-defined]
        families.update(before)


def nothing(*data: Any, **more: Any) -> None:
    """Whatever the data are."""

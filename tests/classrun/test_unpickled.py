"""Whatever arrives pickled is None, by each of the ways on which Dask loads it."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import distributed.client
import pytest
from distributed.protocol import core
from distributed.protocol.serialize import Serialize, ToPickle, deserialize, serialize

from autograder.classrun.unpickled import nothing_unpickled


class Touching:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def framed(data: Any) -> list[Any]:
    """As bytes that came over a connection."""
    return [bytes(frame) for frame in core.dumps(data)]


WAYS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "a pickled part of a message": (lambda one: framed({"x": ToPickle(one)}), lambda sent: core.loads(sent)["x"]),
    "a result": (lambda one: framed({"x": Serialize(one)}), lambda sent: core.loads(sent)["x"]),
    "several results": (lambda one: serialize([one]), lambda sent: deserialize(*sent)),
    "the type of a result": (pickle.dumps, vars(distributed.client)["loads"]),
}
"""How something is sent, and how it is read."""


@pytest.mark.parametrize("way", WAYS)
def test_what_arrives_pickled_is_none_and_does_nothing(tmp_path: Path, way: str) -> None:
    send, read = WAYS[way]
    sent = send(Touching(tmp_path / "touched"))
    with nothing_unpickled():
        assert read(sent) is None
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("way", WAYS)
def test_it_would_have_done_something(tmp_path: Path, way: str) -> None:
    send, read = WAYS[way]
    read(send(Touching(tmp_path / "touched")))
    assert (tmp_path / "touched").exists()


def test_plain_bytes_arrive() -> None:
    with nothing_unpickled():
        assert deserialize(*serialize(b"a Record", serializers=["msgpack"])) == b"a Record"


def test_what_goes_out_is_pickled_as_ever() -> None:
    with nothing_unpickled():
        out = framed({"x": ToPickle({1, 2})})
    assert core.loads(out)["x"] == {1, 2}

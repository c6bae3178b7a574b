"""The agent's parts, outside of a kernel: originals put back, key burned, requests checked, values not asked."""

import _thread
import json
import marshal
import queue
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from autograder.observe import agent, wire

KEY = bytes(range(32))
CODE = marshal.dumps({})


@pytest.fixture(scope="module")
def originals() -> SimpleNamespace:
    """The libraries before any test replaces something."""
    return agent.remember_originals()


def lying(self: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return []


def test_SECURITY_replaced_functions_are_put_back_and_named(
    originals: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nn.Module, "named_parameters", lying)
    assert list(nn.Linear(2, 1).named_parameters()) == []
    (undo,) = agent.restore(originals)
    assert undo[2] == "torch.nn.modules.module.Module.named_parameters"
    assert [name for name, _ in nn.Linear(2, 1).named_parameters()] == ["weight", "bias"]
    agent.put(undo[0], undo[1], undo[3])
    assert list(nn.Linear(2, 1).named_parameters()) == []


def test_SECURITY_a_property_that_hides_the_librarys_is_taken_away(originals: SimpleNamespace) -> None:
    torch.Tensor.requires_grad = property(lambda self: True)  # type: ignore[assignment]
    assert torch.zeros(1).requires_grad
    (undo,) = agent.restore(originals)
    assert not torch.zeros(1).requires_grad
    assert undo[2] == "torch.Tensor.requires_grad"


def test_SECURITY_code_that_was_rewritten_in_place_is_put_back(originals: SimpleNamespace) -> None:
    nn.Module.named_parameters.__code__ = lying.__code__
    assert [name for _, _, name, _ in agent.restore(originals)] == ["torch.nn.modules.module.Module.named_parameters"]
    assert len(list(nn.Linear(2, 1).named_parameters())) == 2


def test_new_attributes_that_hide_nothing_are_left_alone(
    originals: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nn.Module, "count", lambda self: 7, raising=False)
    monkeypatch.setattr(torch, "my_helper", lambda: 7, raising=False)
    agent.restore(originals)
    assert nn.Linear(2, 1).count() == 7


def act(event: str, filename: str, *arguments: Any) -> SimpleNamespace:
    """An alarm that heard of an act of code with this file name."""
    alarm = SimpleNamespace(key=bytearray(KEY), heard=[])
    space = {"listen": agent.listen, "alarm": alarm, "event": event, "arguments": arguments}
    exec(compile("listen(alarm, event, arguments)", filename, "exec"), space)
    return alarm


CELL = "/tmp/ipykernel_1/1.py"
LIBRARY = json.__file__


@pytest.mark.parametrize("event", [*sorted(agent.ACTS), "ctypes.dlopen", "ctypes.cdata/buffer"])
def test_SECURITY_the_key_is_burned_when_a_cell_looks_for_the_agent(event: str) -> None:
    alarm = act(event, CELL)
    assert alarm.key == bytes(32)
    assert alarm.heard[0] in wire.ALARMS


@pytest.mark.parametrize("event", sorted(agent.ACTS))
def test_SECURITY_no_library_may_look_in_a_cells_stead(event: str) -> None:
    assert act(event, LIBRARY).key == bytes(32)


def test_a_library_may_load_a_library() -> None:
    assert act("ctypes.dlopen", LIBRARY).key == KEY


@pytest.mark.parametrize(
    ("event", "arguments", "burned"),
    [
        ("open", ("/proc/self/mem", "rb", 0), True),
        ("open", (b"/proc/1/task/1/mem", "rb", 0), True),
        ("open", ("results.csv", "w", 0), False),
        ("open", (3, "w", 0), False),
        ("compile", (b"x", LIBRARY), True),
        ("compile", (b"x", "<string>"), False),
        ("code.__new__", (None, LIBRARY, "f"), True),
        ("code.__new__", (None, CELL, "f"), False),
        ("import", ("os", None), False),
    ],
)
def test_memory_files_and_borrowed_names_burn_it_and_ordinary_acts_do_not(
    event: str, arguments: tuple[Any, ...], burned: bool
) -> None:
    assert (act(event, CELL, *arguments).key == bytes(32)) is burned


def request(**changes: Any) -> tuple[dict[str, Any], list[memoryview]]:
    """A genuine request but for these changes."""
    return wire.sealed_request(KEY, "n", "todo1", 7, CODE) | changes, [memoryview(CODE)]


def test_the_hosts_request_is_genuine() -> None:
    assert agent.is_genuine(request(), bytearray(KEY))


class Agreeable(str):
    """A text that is equal to all others."""

    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return True


@pytest.mark.parametrize(
    "forged",
    [
        request(nonce="other"), request(todo="todo2"), request(seed=8), request(seal="0" * 64), request(seal=None),
        request(seal=Agreeable("x")), (request()[0], [memoryview(marshal.dumps({"probes": 1}))]), (request()[0], []),
        (request()[0], [CODE]), (Agreeable(), Agreeable()), None, {"nonce": "n"}, (1, 2, 3),
    ],
)  # fmt: skip
def test_SECURITY_a_request_that_the_host_did_not_make_is_refused(forged: Any) -> None:
    assert not agent.is_genuine(forged, bytearray(KEY))


@pytest.fixture
def notary() -> SimpleNamespace:
    """A notary in its thread, whose prober always reports the same."""
    made = SimpleNamespace(**{name: queue.SimpleQueue() for name in ("requests", "orders", "work", "reports")})
    made.alarm = SimpleNamespace(key=bytearray(), heard=[])
    _thread.start_new_thread(agent.notarise, (made.alarm, made.requests, made.orders, made.work, made.reports))
    made.requests.put({"key": KEY.hex()})
    return made


def answer(notary: SimpleNamespace, asked: Any, *, intact: bool = True) -> tuple[dict[str, Any], list[bytes]]:
    """Content and buffers of the reply to a request."""
    notary.reports.put((b'{"x": 1}', b"", intact))
    notary.requests.put(asked)
    content, buffers, *_ = notary.orders.get(timeout=10)
    return content, buffers


def test_a_reply_is_signed_and_only_for_its_own_probe(notary: SimpleNamespace) -> None:
    content, buffers = answer(notary, request())
    decoded = wire.decode_reply(content, buffers, nonce="n", grade_id="todo1", key=KEY)
    assert decoded["x"].number() == 1


def test_SECURITY_a_request_is_served_once(notary: SimpleNamespace) -> None:
    answer(notary, request())
    notary.requests.put(request())
    content, _ = answer(notary, (wire.sealed_request(KEY, "m", "todo2", 7, CODE), [memoryview(CODE)]))
    assert content["nonce"] == "m"


def test_SECURITY_a_second_key_is_not_taken(notary: SimpleNamespace) -> None:
    notary.requests.put({"key": "00" * 32})
    assert answer(notary, request())[0]["seal"]
    assert notary.alarm.key == KEY


def test_SECURITY_changed_probes_and_a_burned_key_leave_the_reply_unsigned_with_the_reason(
    notary: SimpleNamespace,
) -> None:
    content, (values, tensors) = answer(notary, request(), intact=False)
    assert (content["seal"], json.loads(values), tensors) == ("", {"alarm": ["probes"]}, b"")


class Foreign(dict):
    """A mapping that would run its own code when it is asked."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError("asked")


class Loud(float):
    """A number that would."""

    def __repr__(self) -> str:
        raise AssertionError("asked")


def test_SECURITY_values_of_other_classes_are_not_asked() -> None:
    values, tensors = agent.encode({"a": Foreign(x=1), "b": Loud(2.5), "c": object(), "d": torch.ones(1), "e": True})
    assert values == {
        "a": "<an object of another kind>",
        "b": 2.5,
        "c": "<an object of another kind>",
        "d": {"tensor": "/d"},
        "e": True,
    }
    assert type(values["b"]) is float
    assert list(tensors) == ["/d"]


def test_both_sides_write_the_same_seal() -> None:
    assert agent.seal(KEY, b"a", b"bc") == wire.seal(KEY, b"a", b"bc") != wire.seal(KEY, b"ab", b"c")

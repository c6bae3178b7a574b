"""Every act of a hostile notebook is refused by the layers, and its twin shows that it is they who refuse it.

Covers autograder/inside/entry.py and autograder/inside/seccomp.py.
"""

from __future__ import annotations

import os
import string
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from autograder.kernel.limits import MIB
from tests.cases import joined
from tests.kernel.driver import Kernel, Reply
from tests.security.attacks import ATTACKS, HERE, Attack
from tests.security.reaching import REACHING

STOPPED_HERE = {name: one for name, one in joined(ATTACKS, REACHING).items() if HERE in one.sandboxes}

TIGHT = {
    "memory_bytes": 384 * MIB,
    "processes": 64,
    "file_bytes": 8 * MIB,
    "disk_bytes": 24 * MIB,
    "files": 2000,
}


STOPPED = {"answer_s": 2, "act_s": 60}
TWIN = {"answer_s": 60, "act_s": 1}
"""Where nothing answers, an act waits in vain; on a busy machine answers come late, and so does the watchdog."""


class Kernels:
    """Kernels by the layers that they lack; attacks with the same ones share one until it dies."""

    def __init__(self) -> None:
        self._kernels: dict[frozenset[str], Kernel] = {}
        self._stack = ExitStack()

    def run(self, code: str, layers_off: frozenset[str]) -> Reply:
        """What the cell did in such a kernel."""
        if layers_off not in self._kernels:
            kernel = Kernel(layers_off=layers_off, limits=TIGHT)
            self._kernels[layers_off] = self._stack.enter_context(kernel)
        reply = self._kernels[layers_off].run(code)
        if reply.died:
            self._kernels.pop(layers_off).shut_down()
        return reply

    def close(self) -> None:
        """End all of them."""
        self._stack.close()


@pytest.fixture(scope="module")
def kernels() -> Iterator[Kernels]:
    """An empty collection, emptied again at the end."""
    opened = Kernels()
    yield opened
    opened.close()


def text_of(attack: Attack, targets: dict[str, Any], waits: dict[str, int]) -> str:
    """The attack's cell, aimed."""
    return string.Template(attack.code).substitute({name: str(value) for name, value in (targets | waits).items()})


@pytest.mark.parametrize("attack", STOPPED_HERE.values(), ids=STOPPED_HERE)
def test_SECURITY_a_submission_is_stopped_when_it(attack: Attack, kernels: Kernels, targets: dict[str, Any]) -> None:
    reply = kernels.run(text_of(attack, targets, STOPPED), frozenset())
    assert "SUCCEEDED" not in reply.text


@pytest.mark.parametrize("attack", STOPPED_HERE.values(), ids=STOPPED_HERE)
def test_twin_with_its_layers_off_a_submission(attack: Attack, kernels: Kernels, targets: dict[str, Any]) -> None:
    if attack.needs_root and os.geteuid() != 0:
        pytest.skip("only root can run a kernel without these layers")
    reply = kernels.run(text_of(attack, targets, TWIN), attack.layers)
    assert "SUCCEEDED" in reply.text, reply

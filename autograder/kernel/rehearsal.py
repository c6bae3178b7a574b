"""Whether a kernel can be enclosed by Landlock here: all layers are put up around a process that does nothing."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

from autograder.errors import SandboxError
from autograder.kernel import shipping
from autograder.kernel.fence import Fence, open_fence
from autograder.kernel.forked import MESSAGE_MAX_BYTES
from autograder.kernel.layers import remedy
from autograder.kernel.limits import Limits
from autograder.kernel.mounts import SandboxPlan
from autograder.kernel.spawner import spawner
from autograder.kernel.waiting import has_input

REHEARSAL_TIMEOUT_S = 60.0
"""For an interpreter without libraries; a busy machine makes it wait."""

REHEARSAL = """
import json, socket, sys
with open(int(sys.argv[2])) as stream:
    config = json.load(stream)
space = {}
exec(config["importer"], space)
codes = {name: compile(text, f"<inside/{name}.py>", "exec") for name, text in config["sources"].items()}
sys.meta_path.insert(0, space["Shipped"](codes))
from autograder.inside import walls
walls.act_out(socket.socket(fileno=int(sys.argv[1])), config["request"], config["handed"])
"""
ORDINARY_PLAN = SandboxPlan()
NEEDED = ("entry", "fenced", "seccomp", "walls")


def rehearse(plan: SandboxPlan = ORDINARY_PLAN) -> None:
    """Return when a kernel can be enclosed here; SandboxError with the remedy when not."""
    fence = open_fence(plan)
    try:
        news = _try_out(fence)
    finally:
        fence.close()
    if "failed" in news:
        layer, problem = news["failed"]
        raise SandboxError(layer, problem, remedy=remedy(layer))


def _try_out(fence: Fence) -> dict[str, list[str]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with (
        ours,
        theirs,
        os.fdopen(os.memfd_create("rehearsal"), "r+") as config,
        os.fdopen(os.memfd_create("rehearsal-stderr"), "w+b") as said,
    ):
        json.dump(_told(fence), config)
        config.flush()
        config.seek(0)
        numbers = [theirs.fileno(), config.fileno()]
        command = [sys.executable, "-S", "-s", "-P", "-c", REHEARSAL, *map(str, numbers)]
        process = spawner.spawn(
            command,
            env={},
            pass_fds=[*numbers, *fence.handed],
            stream=subprocess.DEVNULL,
            stderr=said.fileno(),
        )
        theirs.close()
        answer = ours.recv(MESSAGE_MAX_BYTES) if has_input(ours, REHEARSAL_TIMEOUT_S) else b""
        process.wait()
        if not answer:
            said.seek(0)
            raise SandboxError("landlock", said.read().decode()[-500:] or "no answer", remedy=remedy("verify"))
    news: dict[str, list[str]] = json.loads(answer)
    return news


def _told(fence: Fence) -> dict[str, object]:
    sources = shipping.sources()
    limits = Limits()
    request = {
        **fence.request(),
        "environment": fence.environment(),
        "ceilings": {"RLIMIT_NOFILE": (limits.open_files, limits.open_files)},
        "growth_bytes": limits.memory_bytes,
    }
    return {
        "importer": shipping.IMPORTER,
        "sources": {name: sources[name] for name in NEEDED},
        "request": request,
        "handed": fence.handed,
    }

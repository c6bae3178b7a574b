"""What stands around a kernel, in order: what its supervisor does to itself, and what the kernel's process does.

Nothing here needs a library, so that it can be tried without a warm parent.
"""

from __future__ import annotations

import json
import os
import socket
from typing import Any

from . import entry, fenced
from .seccomp import Filters, build, chosen_filter


def enter(request: dict[str, Any], handed: list[int]) -> None:
    """What the supervisor does to itself before it forks the kernel: the first of the walls that it was handed."""
    if request["sandbox"] == "namespaces":
        entry.apply("namespaces", entry.enter_namespaces, handed[0], request["namespaces"])
    else:
        request["proof"]["parent"] = os.getppid()
        if "scope" not in request["layers_off"]:
            entry.apply("scope", fenced.hold_together, handed[0])


def await_end(request: dict[str, Any], handed: list[int], pid: int) -> tuple[int, Any]:
    """The kernel's exit status and what it used; without a pid namespace, what it started has ended too by then."""
    if request["sandbox"] == "namespaces":
        _, status, usage = os.wait4(pid, 0)
        return status, usage
    os.close(handed[1])
    leash = socket.socket(fileno=handed[2])
    scoped = "scope" not in request["layers_off"]
    return fenced.Household(leash, request["own_user"], scoped=scoped).stay(pid)


def put_up(request: dict[str, Any], kept: list[int], fence: list[int], rules: Filters | str) -> None:
    """Put up all layers of this process that were not left out; raises LayerFailed."""
    for layer, function, arguments in layers(request, kept, fence, rules):
        if layer not in request["layers_off"]:
            entry.apply(layer, function, *arguments)


def layers(
    request: dict[str, Any], kept: list[int], fence: list[int], rules: Filters | str
) -> list[tuple[str, Any, tuple[Any, ...]]]:
    """What stands between the kernel and the host besides the sandbox, in the order in which it must go up.

    ``kept`` are descriptors that stay open, ``fence`` is the ruleset of a kernel that no namespace encloses.
    """
    fenced_in = request["sandbox"] != "namespaces"
    return [
        ("descriptors", entry.close_descriptors, ([*kept, *fence],)),
        ("session", entry.start_session, (request["folder"],)),
        ("environment", entry.set_environment, (request["environment"],)),
        ("limits", entry.set_limits, (request["ceilings"],)),
        ("growth", entry.limit_growth, (request["growth_bytes"],)),
        ("bounding_set", entry.drop_bounding_set, ()),
        ("identity", entry.take_identity, (request["uid"], request["gid"])),
        ("capabilities", entry.drop_capabilities, ()),
        ("no_new_privs", entry.forbid_new_privileges, ()),
        *([("landlock", fenced.restrict, (*fence,))] if fenced_in else []),
        ("seccomp", entry.filter_calls, (chosen_filter(rules, request["filter"]), fenced_in)),
        ("verify", entry.verify, (request["layers_off"],)),
        *([("proof", fenced.prove_closed, (request["proof"],))] if fenced_in else []),
    ]


def act_out(job: socket.socket, request: dict[str, Any], handed: list[int]) -> None:
    """Put everything up around a process that does nothing, and tell the host what failed, if anything did."""
    try:
        enter(request, handed)
        pid = os.fork()
        if pid == 0:
            put_up(request, [job.fileno()], handed[1:2], build())
            job.send(json.dumps({"ready": True}).encode())
            os._exit(0)
        await_end(request, handed, pid)
    except entry.LayerFailed as failure:
        job.send(json.dumps({"failed": [failure.layer, failure.problem]}).encode())
    os._exit(0)

"""How a process that was just forked walks into its sandbox: one function per layer, in order.

The sandbox (namespaces and mounts) exists already; ``sandbox.py`` on the host builds it. A layer that cannot be
applied raises LayerFailed, which the host turns into a SandboxError: nothing of the student has run by then.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import resource
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .seccomp import Filter

CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x02000000, 0x04000000, 0x08000000
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x10000000, 0x20000000, 0x40000000

PR_SET_DUMPABLE, PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_SET_SECUREBITS = 4, 23, 24, 28
PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 38, 47, 4
SECUREBITS_LOCKED = 0xEB
"""NOROOT and NO_CAP_AMBIENT_RAISE on, NO_SETUID_FIXUP and KEEP_CAPS off, all locked: uid 0 means nothing."""

linux = ctypes.CDLL(None, use_errno=True)


class LayerFailed(Exception):
    """A layer could not be applied; carries its name and the problem."""

    def __init__(self, layer: str, problem: str) -> None:
        super().__init__(layer, problem)
        self.layer = layer
        self.problem = problem


def checked(result: int, act: str) -> int:
    """The result of a call of Linux, or its OSError."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{act}: {os.strerror(number)}")
    return result


def prctl(option: int, *arguments: int) -> int:
    """The result of prctl, with the arguments that it was not given as 0."""
    padded = (*arguments, 0, 0, 0, 0)[:4]
    return checked(linux.prctl(option, *(ctypes.c_ulong(value) for value in padded)), f"prctl({option})")


def join_cgroup(descriptor: int) -> str:
    """Move this process into the cgroup whose ``cgroup.procs`` is open there; the reason if it may not.

    This is the one layer that has a substitute, the watchdog, so its absence is reported and stops nothing.
    """
    try:
        os.write(descriptor, b"0")
    except OSError as problem:
        return f"{problem.strerror}"
    finally:
        os.close(descriptor)
    return ""


def enter_namespaces(pidfd: int, kinds: int) -> None:
    """Join the sandbox of that process; its pid namespace applies to the next child.

    Needs a process with one thread, which a process just forked has.
    """
    checked(linux.setns(pidfd, kinds), "setns")
    os.close(pidfd)


def close_descriptors(keep: Sequence[int]) -> None:
    """Close every descriptor above standard error but those, and read nothing from standard input."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    low = 3
    for descriptor in sorted(keep):
        os.closerange(low, descriptor)
        low = descriptor + 1
    os.closerange(low, resource.getrlimit(resource.RLIMIT_NOFILE)[1])


def start_session(folder: str) -> None:
    """No controlling terminal, no process group shared with the host; the work folder as current one."""
    os.setsid()
    os.umask(0o022)
    os.chdir(folder)


def set_limits(ceilings: Mapping[str, Sequence[int]]) -> None:
    """Set resource limits, as ``{"RLIMIT_CPU": (soft, hard)}``, never above what is allowed already."""
    for name, (soft, hard) in ceilings.items():
        number = getattr(resource, name)
        allowed = resource.getrlimit(number)[1]
        if allowed != resource.RLIM_INFINITY:
            soft, hard = min(soft, allowed), min(hard, allowed)
        resource.setrlimit(number, (soft, hard))


def limit_growth(extra_bytes: int | None) -> None:
    """Let private memory grow by that much over what the zygote handed down; None sets no ceiling.

    This stops one process at once and exactly; the watchdog sees a tree of them, but only after the fact.
    """
    if extra_bytes is not None:
        with open("/proc/self/statm", encoding="ascii") as statm:
            inherited = int(statm.read().split()[5]) * resource.getpagesize()
        set_limits({"RLIMIT_DATA": (inherited + extra_bytes, inherited + extra_bytes)})


def drop_bounding_set() -> None:
    """Let no program that runs from here on have a capability, whatever its file says."""
    # SECURITY: setns on a user namespace hands out every capability in it, bounding set included.
    prctl(PR_SET_SECUREBITS, SECUREBITS_LOCKED)
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    for capability in range(64):
        if linux.prctl(PR_CAPBSET_READ, ctypes.c_ulong(capability), 0, 0, 0) < 0:
            return
        prctl(PR_CAPBSET_DROP, capability)


def take_identity(uid: int, gid: int) -> None:
    """Become an unprivileged user, and one of our own where the operator can give us one."""
    # An ordinary operator may not: Linux forbids it in a namespace that was made without privilege.
    with contextlib.suppress(PermissionError):
        os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def drop_capabilities() -> None:
    """Empty the effective, permitted and inheritable sets; the bounding and ambient ones are empty by now."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    nothing = (ctypes.c_uint32 * 6)()
    checked(linux.capset(header, nothing), "capset")
    # A change of uid hides /proc/self from ourselves; the filter and the pid namespace keep ptrace away.
    prctl(PR_SET_DUMPABLE, 1)


def forbid_new_privileges() -> None:
    """Make set-uid programs and file capabilities mean nothing from here on."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def filter_calls(rules: Filter | str, needed: bool) -> None:
    """Load the filter; where it is not needed, a machine without libseccomp goes on, and the host reports it."""
    if isinstance(rules, Filter):
        rules.load()
    elif needed:
        raise OSError(errno.ENOSYS, rules)


def set_environment(values: Mapping[str, str]) -> None:
    """Replace the environment by exactly these variables."""
    os.environ.clear()
    os.environ.update(values)


def verify(layers_off: Sequence[str]) -> None:
    """Read back from /proc what the layers claim; raises OSError naming the first one that does not hold."""
    with open("/proc/self/status", encoding="ascii") as status:
        found = dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
    for field, (layer, value) in STATUS_EXPECTED.items():
        if layer not in layers_off and found[field] != value:
            raise OSError(errno.EPERM, f"{field} is {found[field]} after the layer {layer}, not {value}")


NOTHING = "0" * 16
STATUS_EXPECTED = {
    "CapInh": ("capabilities", NOTHING),
    "CapPrm": ("capabilities", NOTHING),
    "CapEff": ("capabilities", NOTHING),
    "CapBnd": ("bounding_set", NOTHING),
    "CapAmb": ("bounding_set", NOTHING),
    "NoNewPrivs": ("no_new_privs", "1"),
}
"""The lines of /proc/self/status that prove a layer."""


def apply(layer: str, function: Callable[..., None], *arguments: Any) -> None:
    """Run one layer; an OSError or ValueError of it becomes LayerFailed."""
    try:
        function(*arguments)
    except (OSError, ValueError) as problem:
        raise LayerFailed(layer, str(problem)) from None

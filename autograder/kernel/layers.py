"""The isolation layers: one row for each, from which the run's report, the remedies and docs/sandbox.md come.

``mounts.py`` and ``inside/entry.py`` apply them; a test holds both, and the page, to this table.
"""

from dataclasses import dataclass
from enum import Enum

REPORT_IT = "This should work on any Linux since 5.8; please report it with the text of this message"


SANDBOXES = ("namespaces", "landlock")
"""The two that there are, each named after what keeps the host away."""


class Side(Enum):
    """Who puts a layer up."""

    SANDBOX = "bubblewrap, before there is a process"
    PROCESS = "the forked process, on its way in"
    SUPERVISOR = "the kernel's supervisor, before it forks it"
    HOST = "the grader, from outside"


@dataclass(frozen=True)
class Layer:
    """What stands between a submission and something that is worth something."""

    name: str
    side: Side
    does: str
    remedy: str = REPORT_IT
    """What an operator can do when it cannot be applied."""
    may_be_missing: bool = False
    """Whether kernels start without it; the report of each run says so then."""
    sandboxes: tuple[str, ...] = SANDBOXES
    """Those that it belongs to."""


LAYERS = (
    Layer(
        "namespaces",
        Side.SANDBOX,
        "user, mount, pid, net, ipc, uts, and cgroup where there is one; killed with the grader",
        "This needs Linux 5.8 or later",
        sandboxes=("namespaces",),
    ),
    Layer(
        "mounts",
        Side.SANDBOX,
        "read-only: `/usr`, the interpreter and its packages; covered: this package and what the host names as hidden; "
        "nothing else of the host",
        sandboxes=("namespaces",),
    ),
    Layer(
        "devices",
        Side.SANDBOX,
        "null, zero, full, random, a terminal; the accelerators only with `gpu = True`",
        sandboxes=("namespaces",),
    ),
    Layer(
        "disk",
        Side.SANDBOX,
        "the only places that can be written, in memory and limited: the home and work folder with what was handed in "
        "beside the notebook, `/tmp`, `/dev/shm`",
        "Raise the limit disk_bytes, or free memory",
        sandboxes=("namespaces",),
    ),
    Layer(
        "own_user",
        Side.HOST,
        "a user of its own for every kernel that runs, where the operator is root; no file and no process of anybody "
        "else belongs to that user",
        may_be_missing=True,
        sandboxes=("landlock",),
    ),
    Layer(
        "folder",
        Side.HOST,
        "a home and a folder for temporary files on the host's disk, removed with the kernel; all that can be written",
        "Free space where TMPDIR is",
        sandboxes=("landlock",),
    ),
    Layer(
        "scope",
        Side.SUPERVISOR,
        "the supervisor can signal nobody but the kernel and what it started, gets what loses its parent, and ends "
        "all of it at once with the kernel or the grader",
        "This needs Landlock 6, from Linux 6.12, where the operator is not root",
        may_be_missing=True,
        sandboxes=("landlock",),
    ),
    Layer(
        "cgroup",
        Side.HOST,
        "exact limits of memory and processes, where the operator may make a control group",
        may_be_missing=True,
    ),
    Layer("descriptors", Side.PROCESS, "all closed but the five sockets of Jupyter's channels"),
    Layer("session", Side.PROCESS, "no terminal of the operator"),
    Layer("environment", Side.PROCESS, "none of the operator's variables but those named"),
    Layer(
        "limits",
        Side.PROCESS,
        "what Linux enforces on each process: processor time, processes, descriptors, file size",
        "Raise the hard limits of the operator's shell (ulimit -H) or lower the kernel's limits",
    ),
    Layer("growth", Side.PROCESS, "private memory of each process"),
    Layer("bounding_set", Side.PROCESS, "no capability for any program, whatever its file says"),
    Layer("identity", Side.PROCESS, "a user who is nobody outside when the operator is root"),
    Layer("capabilities", Side.PROCESS, "no capability in any other set"),
    Layer("no_new_privs", Side.PROCESS, "set-uid programs mean nothing"),
    Layer(
        "landlock",
        Side.PROCESS,
        "of the host's files, what `mounts` shows can be read, null, zero and full written, and the work folder is the "
        "kernel's; no TCP, no abstract socket, no signal and no trace to whatever is outside",
        "Landlock needs Linux 6.2 for root and 6.12 for others",
        sandboxes=("landlock",),
    ),
    Layer(
        "seccomp",
        Side.PROCESS,
        "refuses ptrace, mounts, namespaces, keyrings, bpf, userfaultfd, io_uring, memory that no limit counts, and "
        "socket families that namespaces do not confine; without namespaces all sockets but pairs, calls that aim at "
        "other processes, and under the operator's own user changes of modes, owners and times; needs "
        "`libseccomp.so.2`",
        "Install libseccomp 2.5 or later, or remove it to run without this layer",
        may_be_missing=True,
    ),
    Layer("verify", Side.PROCESS, "what the layers before claim is read back from `/proc`"),
    Layer(
        "proof",
        Side.PROCESS,
        "reading, writing and making a file outside, a socket, a signal and a trace are tried, and must fail",
        "This machine does not enforce what it offers (an emulated Linux may not), so no submission may run here",
        sandboxes=("landlock",),
    ),
    Layer(
        "messages",
        Side.HOST,
        "a message that is too long, all of its parts together, never arrives, and one that is malformed or forged "
        "reaches nobody",
    ),
    Layer(
        "watchdog",
        Side.HOST,
        "looks every 0.05 s at wall time, processor time, memory, processes and files of the whole tree; kills it and "
        "names the limit; puts a crowded sandbox behind the others; ends a sandbox that it cannot look at",
    ),
)
"""In the order in which they go up."""


def remedy(name: str) -> str:
    """What an operator can do when the layer of this name cannot be applied."""
    return next((layer.remedy for layer in LAYERS if layer.name == name), REPORT_IT)


def layers_in(sandbox: str) -> list[Layer]:
    """Those of one sandbox."""
    return [layer for layer in LAYERS if sandbox in layer.sandboxes]


def report(sandbox: str, layers_off: frozenset[str], missing: dict[str, str]) -> dict[str, str]:
    """Each layer with "applied", "off", or why it could not be had here; ``missing`` says it of some."""
    state = {name: f"not available: {why}" for name, why in missing.items()}
    found = {layer.name: state.get(layer.name, "applied") for layer in layers_in(sandbox)}
    return {"sandbox": sandbox} | found | dict.fromkeys(layers_off, "off")


def page_rows() -> list[str]:
    """The rows of the table in docs/sandbox.md."""
    return [
        f"| {one.name}{' *' * one.may_be_missing} | {one.side.value} | {' or '.join(one.sandboxes)} | {one.does} |"
        for one in LAYERS
    ]

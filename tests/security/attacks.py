"""What a hostile notebook tries, as the text of a cell that prints SUCCEEDED when it got through.

``$name`` is replaced by what the test has put up as a target, ``$answer_s`` and ``$act_s`` by how long an act waits for
an answer and how long it goes on. Each attack names the layers that stand in its way:
its twin runs the same text with those left out, and must see it succeed.
"""

from __future__ import annotations

import dataclasses
import os

from autograder.kernel.choice import SANDBOX_VARIABLE
from autograder.kernel.layers import SANDBOXES
from tests.cases import joined

HERE = os.environ.get(SANDBOX_VARIABLE, "namespaces")
"""The sandbox that the attacks are run against."""

UNDER_LANDLOCK = {"net": "seccomp landlock scope", "pid": "scope landlock", "mounts": "landlock", "disk": "watchdog"}
UNDER_LANDLOCK |= dict.fromkeys(("user", "ipc", "uts"), "")
"""What does there the work of a layer that only the other sandbox has."""

EVERY_WALL = frozenset(
    {"user", "pid", "net", "ipc", "uts", "mounts"}
    | {"bounding_set", "identity", "capabilities", "no_new_privs", "seccomp", "limits", "growth"}
)
"""With these off, the cell runs as the operator; only root can have that done."""

SIGNALS = EVERY_WALL if HERE == "landlock" else "pid"
"""Where each kernel has a user of its own, only root can signal others."""

HOST_FILES = "mounts identity"
"""Without the mounts, a student who is nobody could still not import what is below root's home."""


@dataclasses.dataclass(frozen=True)
class Attack:
    """One act, under a name that says what it does, as a sentence without its subject."""

    layers: frozenset[str]
    """Which layers refuse it."""

    code: str

    needs_root: bool = False
    """Whether the twin needs an operator who is root."""

    sandboxes: tuple[str, ...] = SANDBOXES
    """Those that stop it."""


def attack(
    layers: str | frozenset[str], code: str, *, needs_root: bool = False, sandboxes: tuple[str, ...] = SANDBOXES
) -> Attack:
    """An attack; the layers as words, of the sandbox with namespaces."""
    named = frozenset(layers.split()) if isinstance(layers, str) else layers
    if HERE == "namespaces":
        return Attack(named, code, needs_root or "user" in named, sandboxes)
    translated = " ".join(UNDER_LANDLOCK.get(name, name) for name in named)
    return Attack(frozenset(translated.split()), code, needs_root, sandboxes)


NETWORK = {
    "connects to a TCP server of the host": attack(
        "net",
        """
import socket
with socket.create_connection(("127.0.0.1", $tcp_port), timeout=$answer_s) as s:
    s.recv(2) == b"hi" and print("SUCCEEDED")
""",
    ),
    "sends UDP to a server of the host": attack(
        "net",
        """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout($answer_s)
s.sendto(b"hello", ("127.0.0.1", $udp_port)); s.recv(2) == b"hi" and print("SUCCEEDED")
""",
    ),
    "asks a name server": attack(
        "net",
        """
import socket, struct
query = struct.pack(">6H", 7, 256, 1, 0, 0, 0) + b"\\x07example\\x03com\\0" + struct.pack(">2H", 1, 1)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout($answer_s)
s.connect(("127.0.0.1", $udp_port)); s.send(query); s.recv(512) and print("SUCCEEDED")
""",
    ),
    "connects to an abstract socket of the host": attack(
        "net",
        """
import socket
s = socket.socket(socket.AF_UNIX); s.settimeout($answer_s)
s.connect("\\0$abstract"); s.recv(2) == b"hi" and print("SUCCEEDED")
""",
    ),
    "opens a socket of a family that namespaces do not confine": attack(
        "seccomp",
        """
import socket
socket.socket(40, socket.SOCK_STREAM); print("SUCCEEDED")
""",
    ),
}

FILES = {
    "reads a file in the operator's home": attack(
        HOST_FILES, 'open("$canary").read() == "canary" and print("SUCCEEDED")'
    ),
    "reads a hidden test in the course root": attack(HOST_FILES, 'open("$hidden_test").read() and print("SUCCEEDED")'),
    "reads another submission through a symlink out of the work folder": attack(
        HOST_FILES,
        """
import os
os.symlink("$canary", "mine"); print("SUCCEEDED" if open("mine").read() == "canary" else "")
""",
    ),
    "writes a file outside the work folder": attack(
        HOST_FILES,
        """
open("$writable/planted", "w").close(); print("SUCCEEDED")
""",
    ),
    "finds the disks and kernel messages of the host among the devices": attack(
        HOST_FILES,
        """
import fnmatch, os
names = os.listdir("/dev")
any(fnmatch.filter(names, name) for name in ("vd*", "sd*", "nvme*", "kmsg", "mem")) and print("SUCCEEDED")
""",
    ),
    "makes a device node": attack(
        EVERY_WALL,
        """
import os, stat
os.mknod("node", 0o600 | stat.S_IFBLK, os.makedev(7, 200)); print("SUCCEEDED")
""",
        needs_root=True,
    ),
    "fills the disk": attack(
        "disk",
        """
import time
for number in range(4):
    with open(f"fill-{number}", "wb") as file:
        file.write(bytes(8 << 20))
time.sleep($act_s); print("SUCCEEDED")
""",
    ),
    "writes one file that is too large": attack(
        "limits",
        """
with open("large", "wb") as file:
    file.write(bytes(9 << 20))
print("SUCCEEDED")
""",
    ),
}

PROCESSES = {
    "sees the processes of the host": attack(
        "pid",
        """
import os
os.path.exists("/proc/$grader/stat") and open("/proc/$grader/cmdline", "rb").read() == $command and print("SUCCEEDED")
""",
        sandboxes=("namespaces",),
    ),
    "signals a process of the same user outside": attack(SIGNALS, 'import os; os.kill($victim, 0); print("SUCCEEDED")'),
    "reads the grader's environment": attack(
        EVERY_WALL, 'b"PATH=" in open("/proc/$grader/environ", "rb").read() and print("SUCCEEDED")'
    ),
    "reads the zygote's memory": attack(
        EVERY_WALL,
        """
with open("/proc/$zygote/maps") as maps:
    start = next(int(line.split("-")[0], 16) for line in maps if "[heap]" in line)
with open("/proc/$zygote/mem", "rb") as memory:
    memory.seek(start); memory.read(64) and print("SUCCEEDED")
""",
    ),
    "reaches the host's files through the zygote's root": attack(
        EVERY_WALL, 'open("/proc/$zygote/root$canary").read() == "canary" and print("SUCCEEDED")'
    ),
    "traces a process outside": attack(
        EVERY_WALL,
        """
import ctypes
ctypes.CDLL(None).ptrace(0x4206, $victim, 0, 0) == 0 and print("SUCCEEDED")
""",
    ),
    "traces its own child": attack(
        "seccomp",
        """
import ctypes, os
child = os.fork()
if child == 0:
    os._exit(7 if ctypes.CDLL(None).ptrace(0, 0, 0, 0) == 0 else 1)
os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7 and print("SUCCEEDED")
""",
    ),
    "makes a user namespace of its own": attack(
        "seccomp",
        """
import ctypes, os
child = os.fork()
if child == 0:
    os._exit(7 if ctypes.CDLL(None).unshare(0x10000000) == 0 else 1)
os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7 and print("SUCCEEDED")
""",
    ),
    "changes a setting of the host's Linux": attack(
        EVERY_WALL,
        """
name = "/proc/sys/vm/overcommit_ratio"
value = open(name).read(); open(name, "w").write(value); print("SUCCEEDED")
""",
        needs_root=True,
    ),
    "keeps a key in Linux for the next submission": attack(
        "seccomp",
        """
import ctypes, platform
add_key = {"x86_64": 248, "aarch64": 217}[platform.machine()]
ctypes.CDLL(None).syscall(add_key, b"user", b"autograder-test", b"x", 1, -2) > 0 and print("SUCCEEDED")
""",
    ),
    "holds memory that belongs to no process": attack(
        "seccomp", 'import os; os.memfd_create("hoard") and print("SUCCEEDED")'
    ),
    "takes the sockets of another kernel": attack(
        EVERY_WALL,
        """
import socket
s = socket.socket(socket.AF_UNIX); s.settimeout($answer_s); s.connect("$other_socket"); s.recv(1) and print("SUCCEEDED")
""",
    ),
    "regains a capability": attack(
        "bounding_set identity capabilities",
        """
status = open("/proc/self/status").read()
int(status.split("CapEff:")[1].split()[0], 16) and print("SUCCEEDED")
""",
        needs_root=HERE == "landlock",
    ),
}

MEMORY = {
    "touches more memory than it may have": attack(
        "growth watchdog", 'hog = bytearray(b"x") * (400 << 20); print("SUCCEEDED")'
    ),
    "reserves more memory than it may have": attack(
        "growth", 'import mmap; hog = mmap.mmap(-1, 1 << 30, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS); print("SUCCEEDED")'
    ),
    "spreads more memory than it may have over many processes": attack(
        "watchdog",
        """
import os, time
for number in range(4):
    if os.fork() == 0:
        hog = bytearray(b"x") * (100 << 20)
        time.sleep(600)
time.sleep($act_s); print("SUCCEEDED")
""",
    ),
    "starts more processes than it may have": attack(
        "limits watchdog",
        """
import subprocess
crowd = [subprocess.Popen(["sleep", "600"]) for number in range(80)]
print("SUCCEEDED")
""",
    ),
    "makes more files than it may have": attack(
        "watchdog",
        """
import time
for number in range(3000):
    open(f"file-{number}", "w").close()
time.sleep($act_s); print("SUCCEEDED")
""",
    ),
}

ATTACKS = joined(NETWORK, FILES, PROCESSES, MEMORY)

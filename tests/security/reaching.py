"""How a hostile notebook reaches what no namespace hides: acts that matter most under Landlock, and fail in both.

Written as in attacks.py.
"""

from __future__ import annotations

from tests.cases import joined
from tests.security.attacks import EVERY_WALL, HOST_FILES, attack

FILES_OF_OTHERS = {
    "takes away the modes of the operator's file": attack(
        f"{HOST_FILES} seccomp",
        """
import os
before = os.stat("$changed").st_mode
os.chmod("$changed", before ^ 0o040)
os.stat("$changed").st_mode != before and print("SUCCEEDED")
""",
    ),
    "takes away the modes of a file that it may read": attack(
        f"{HOST_FILES} seccomp",
        """
import os
file = os.open("$changed", os.O_RDONLY)
before = os.fstat(file).st_mode
os.fchmod(file, before ^ 0o040)
os.fstat(file).st_mode != before and print("SUCCEEDED")
""",
    ),
    "sets the time of the operator's file": attack(
        f"{HOST_FILES} seccomp",
        """
import os
os.utime("$changed", (1, 1))
os.stat("$changed").st_mtime == 1 and print("SUCCEEDED")
""",
    ),
    "empties a file outside the work folder": attack(
        HOST_FILES, 'import os; os.truncate("$changed", 0); print("SUCCEEDED")'
    ),
    "links a file of the operator into the work folder": attack(
        # Where there are namespaces the work folder is a file system of its own, to which nothing can be linked.
        HOST_FILES,
        'import os; os.link("$changed", "linked"); print("SUCCEEDED")',
        sandboxes=("landlock",),
    ),
    "links a file of the operator beside itself": attack(
        HOST_FILES, 'import os; os.link("$changed", "$writable/linked"); print("SUCCEEDED")'
    ),
    "lists the operator's files": attack(HOST_FILES, 'import os; os.listdir("$writable") and print("SUCCEEDED")'),
    "watches what the operator does with files": attack(
        f"{HOST_FILES} seccomp",
        """
import ctypes
linux = ctypes.CDLL(None)
linux.inotify_add_watch(linux.inotify_init(), b"$writable", 0x100) >= 0 and print("SUCCEEDED")
""",
    ),
}

SOCKETS_OF_OTHERS = {
    "connects to a local socket of the host": attack(
        f"net {HOST_FILES}",
        """
import socket
s = socket.socket(socket.AF_UNIX); s.settimeout($answer_s)
s.connect("$local"); s.recv(2) == b"hi" and print("SUCCEEDED")
""",
    ),
    "sends to a local socket of the host through a pair": attack(
        f"net {HOST_FILES}",
        """
import socket
s, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
s.sendto(b"hello", "$letters"); print("SUCCEEDED")
""",
    ),
}

PROCESSES_OF_OTHERS = {
    "changes a limit of a process outside": attack(
        EVERY_WALL,
        """
import resource
resource.prlimit($grader, resource.RLIMIT_CORE, resource.getrlimit(resource.RLIMIT_CORE)); print("SUCCEEDED")
""",
    ),
    "puts a process outside behind all others": attack(
        EVERY_WALL,
        """
import os
os.sched_setscheduler($victim, os.SCHED_BATCH, os.sched_param(0))
os.sched_getscheduler($victim) == os.SCHED_BATCH and print("SUCCEEDED")
""",
    ),
}

REACHING = joined(FILES_OF_OTHERS, SOCKETS_OF_OTHERS, PROCESSES_OF_OTHERS)

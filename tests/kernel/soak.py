"""Start and end many kernels, and say what was left behind: ``python -m tests.kernel.soak 1000``.

Prints one line of figures per hundred kernels; exits 1 when anything but the figures of a quiet process remains.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import time
from pathlib import Path

import psutil

from autograder.kernel.folders import owner_folder
from autograder.kernel.zygote import ZygotePlan, zygote_for
from tests.kernel.driver import Kernel

MIB = 1 << 20
SETTLE_S = 5.0
"""For what is about to end anyway."""

GROWTH_MAX_BYTES = 24 * MIB
"""What allocators and caches of grader and zygote may gain after the first kernels, however many follow."""


@dataclasses.dataclass(frozen=True)
class Trace:
    """What this process and its zygote hold."""

    grader_bytes: int
    zygote_bytes: int
    descriptors: int
    zygote_descriptors: int
    processes: int
    mounts: int
    folders: int

    @classmethod
    def now(cls) -> Trace:
        """As it is at this moment."""
        grader = psutil.Process()
        zygote = psutil.Process(zygote_for(ZygotePlan()).pid)
        return cls(
            anonymous_bytes(grader.pid),
            anonymous_bytes(zygote.pid),
            grader.num_fds(),
            zygote.num_fds(),
            len(grader.children(recursive=True)),
            len(Path("/proc/self/mountinfo").read_text().splitlines()),
            len(list(owner_folder().glob("k-*"))),
        )

    def leaks(self, before: Trace) -> list[str]:
        """What there is more of than before."""
        grown = [
            f"{name} grew from {getattr(before, name)} to {getattr(self, name)} bytes"
            for name in ("grader_bytes", "zygote_bytes")
            if getattr(self, name) - getattr(before, name) > GROWTH_MAX_BYTES
        ]
        counted = ("descriptors", "zygote_descriptors", "processes", "mounts", "folders")
        more = [
            f"{name}: {getattr(before, name)} before, {getattr(self, name)} after"
            for name in counted
            if getattr(self, name) > getattr(before, name)
        ]
        return grown + more


def anonymous_bytes(pid: int) -> int:
    """Resident memory that no file backs; pages of libraries come and go with other users of them."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) * 1024


def soak(kernels: int, *, warm_up: int = 3) -> list[str]:
    """Run that many kernels one after the other, and return what they left behind."""
    for _ in range(warm_up):
        run_one()
    before, started = Trace.now(), time.monotonic()
    for number in range(1, kernels + 1):
        run_one()
        if number % 100 == 0 or number == kernels:
            print(f"{number} kernels, {(time.monotonic() - started) / number:.3f} s each: {Trace.now()}", flush=True)
    # A porter reports the end of its kernel just before its own.
    deadline = time.monotonic() + SETTLE_S
    while (leaks := Trace.now().leaks(before)) and time.monotonic() < deadline:
        pass
    return leaks


def run_one() -> None:
    """One kernel that computes, writes, forks a daemon, and is ended."""
    with Kernel() as kernel:
        reply = kernel.run(
            "import subprocess, torch\n"
            "open('file', 'w').write('x')\n"
            "subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
            "print(float(torch.ones(3).sum()))"
        )
        assert reply.text == "3.0\n", reply


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kernels", type=int, nargs="?", default=1000)
    found = soak(parser.parse_args().kernels)
    print("\n".join(found) or f"nothing left behind (pid {os.getpid()})")
    sys.exit(bool(found))

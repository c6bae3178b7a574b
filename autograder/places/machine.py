"""What this machine can do. Whether a run would start is said by the run's own functions, and by starting a kernel."""

import asyncio
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
from jupyter_client.manager import AsyncKernelManager

from autograder.classrun import ready
from autograder.errors import KernelLost
from autograder.kernel import choice, landlock, sandbox
from autograder.kernel.cgroup import parent_group
from autograder.kernel.folders import own_folder
from autograder.kernel.gpu import grants
from autograder.kernel.layers import remedy
from autograder.kernel.limits import MIB, Limits
from autograder.kernel.provisioner import KERNEL_NAME
from autograder.kernel.rehearsal import rehearse
from autograder.kernel.shipping import filter_problem
from autograder.kernel.users import has_users
from autograder.observe.observed import Kernel
from autograder.places.finding import Finding, tried
from autograder.places.room import OWN_BYTES, SUBMISSION_MIN_BYTES, group_memory_bytes, memory_here_bytes

EITHER = "Do what one of the two rows above says"
DRIVER = Path("/proc/driver/nvidia/version")
SHARED_MEMORY = Path("/dev/shm")
TRIAL_START_S = 120.0
"""For the kernel that is tried; importing a course's libraries from a cold disk takes most of it."""


def machine_findings() -> Iterator[Finding]:
    """What every run here depends on, from the outside in."""
    yield tried("Python", python_here)
    yield tried("user", user_here)
    yield from sandboxes_here()
    yield seccomp_here()
    yield cgroups_here()
    yield tried("descriptors", descriptors_here)
    yield memory_finding()
    yield Finding("shared memory", shared_memory_here())
    yield Finding("graphics", graphics_here())


def python_here() -> str:
    """Which Python; UsageError when students' processes could not read it."""
    ready.require_interpreter()
    return f"{platform.python_version()} at {sys.executable}"


def user_here() -> str:
    """Who the operator is, and on what system."""
    name = "root" if os.geteuid() == 0 else f"an ordinary user ({os.geteuid()})"
    return f"{name}, {platform.system()} {platform.release()}"


def sandboxes_here() -> Iterator[Finding]:
    """Both sandboxes, each put up on trial, and the one that a run would take."""
    both = [tried("namespaces", namespaces_here)]
    # Elsewhere than on Linux there is nothing to try.
    both += [tried("Landlock", landlock_here)] if sys.platform == "linux" else []
    # One that cannot be had stops nothing while the other one can.
    yield from map(as_one_of_two, both)
    taken = tried("sandbox", sandbox_here)
    if len(both) == 2 and all(one.state == "stops" for one in (*both, taken)):
        taken = replace(taken, said="none can be had here", remedy=f"{EITHER}, {sandbox.NO_SANDBOX}")
    yield taken


def as_one_of_two(row: Finding) -> Finding:
    """The row of a sandbox, without what is said where no other one can be had."""
    advice = row.remedy.removesuffix(sandbox.NO_SANDBOX).rstrip("; ")
    return replace(row, remedy=advice, state="without" if row.state == "stops" else row.state)


def namespaces_here() -> str:
    """Which bubblewrap makes the sandbox of namespaces; SandboxError when it cannot."""
    sandbox.require()
    return f"a sandbox can be made by {sandbox.find_bwrap()}"


def landlock_here() -> str:
    """Which Landlock encloses kernels; SandboxError when it cannot."""
    rehearse()
    whose = "each kernel gets a user of its own" if has_users() else "kernels run as this user"
    return f"a sandbox can be made by version {landlock.landlock_abi()}; {whose}"


def sandbox_here() -> str:
    """Which of the two a run takes, and why not the first; SandboxError when there is none."""
    choice.require_sandbox()
    why = choice.why_this_sandbox()
    return f"runs take {choice.sandbox_name()}" + (f", since: {why}" if why else "")


def seccomp_here() -> Finding:
    """Whether kernels get a filter of system calls."""
    if problem := filter_problem():
        return Finding("seccomp", problem, "without", remedy("seccomp"))
    return Finding("seccomp", "libseccomp filters the system calls of kernels")


def cgroups_here() -> Finding:
    """Whether each kernel gets a control group."""
    if parent := parent_group():
        return Finding("control groups", f"each kernel gets one in {parent}")
    advice = "nothing must be done; exact limits need a control group that this user may divide"
    return Finding("control groups", "none can be made; the watchdog limits memory and processes", "without", advice)


def descriptors_here() -> str:
    """How many submissions at a time there are descriptors for; UsageError when not for one."""
    wanted = 2 * (os.cpu_count() or 1)
    return f"enough for {ready.jobs_allowed(wanted)} submissions at a time, of {wanted} by default"


def memory_finding() -> Finding:
    """How much there is for one submission beside the grader."""
    here, group = memory_here_bytes(), group_memory_bytes()
    whose = "of this container" if group is not None and group == here else "of this machine"
    said = f"{here // MIB:,} MiB {whose}, {psutil.virtual_memory().available // MIB:,} MiB of the machine's free"
    if here < OWN_BYTES + SUBMISSION_MIN_BYTES:
        needed = (OWN_BYTES + SUBMISSION_MIN_BYTES) // MIB
        return Finding(
            "memory", said, "without", f"a homework with PyTorch needs {needed} MiB: give the container more"
        )
    if here < OWN_BYTES + Limits().memory_bytes:
        advice = "grade one at a time (--jobs 1), or declare a lower memory_bytes in the profile"
        return Finding("memory", said, "without", advice)
    return Finding("memory", said)


def shared_memory_here() -> str:
    """The size of the host's; in the sandbox of namespaces each kernel has its own."""
    if not SHARED_MEMORY.is_dir():
        return "no /dev/shm"
    return f"{shutil.disk_usage(SHARED_MEMORY).total // MIB:,} MiB in /dev/shm"


def graphics_here() -> str:
    """Which accelerators and which driver there are."""
    cards = [f"{one.model or 'NVIDIA card'} ({one.name})" for one in grants()]
    driver = DRIVER.read_text().splitlines()[0] if DRIVER.is_file() else "no NVIDIA driver"
    return f"{', '.join(cards) or 'no card'}; {driver}"


def kernel_starts(kernel: Kernel | None = None) -> str:
    """What a kernel says of its layers once it has been started as a run starts it; KernelLost or SandboxError if not.

    It ends again at once, before any cell.
    """
    layers = asyncio.run(started_layers(kernel or Kernel(KERNEL_NAME)))
    name = layers.pop("sandbox", choice.sandbox_name())
    lacking = [f"{layer} ({state})" for layer, state in layers.items() if state != "applied"]
    applied = f"started in {name}; {len(layers) - len(lacking)} layers applied"
    return applied + (f", not {'; '.join(lacking)}" if lacking else "")


async def started_layers(kernel: Kernel) -> dict[str, str]:
    """The layers of a kernel that was started, and has ended since."""
    manager = AsyncKernelManager(kernel_name=kernel.name, config=kernel.config)
    try:
        with own_folder("doctor-") as folder:
            await asyncio.wait_for(manager.start_kernel(cwd=str(folder)), TRIAL_START_S)
        provisioner: Any = manager.provisioner
        return dict(provisioner.layers)
    except (RuntimeError, TimeoutError) as error:
        raise KernelLost(
            f"no kernel starts ({error}). Is memory short? Run again, and report it if it stays so"
        ) from error
    finally:
        await manager.shutdown_kernel(now=True)

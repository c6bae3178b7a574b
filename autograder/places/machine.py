"""What this machine can do. Whether a run would start is said by the run's own functions, and by starting a kernel."""

import asyncio
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from jupyter_client.manager import AsyncKernelManager

from autograder.classrun import ready
from autograder.errors import KernelLost
from autograder.kernel import sandbox
from autograder.kernel.cgroup import parent_group
from autograder.kernel.folders import own_folder
from autograder.kernel.layers import remedy
from autograder.kernel.limits import MIB, Limits
from autograder.kernel.mounts import GPU_DEVICES
from autograder.kernel.provisioner import KERNEL_NAME
from autograder.kernel.shipping import filter_problem
from autograder.observe.observed import Kernel
from autograder.places.finding import Finding, tried
from autograder.places.room import OWN_BYTES, SUBMISSION_MIN_BYTES, group_memory_bytes, memory_here_bytes

FORBIDDING = {
    "/proc/sys/user/max_user_namespaces": ("0", "sysctl -w user.max_user_namespaces=10000"),
    "/proc/sys/kernel/unprivileged_userns_clone": ("0", "sysctl -w kernel.unprivileged_userns_clone=1"),
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": (
        "1",
        "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    ),
}
"""Settings that forbid user namespaces: the value that does, and the command that undoes it."""
DRIVER = Path("/proc/driver/nvidia/version")
SHARED_MEMORY = Path("/dev/shm")
START_S = 120.0
"""For the kernel that is tried; importing a course's libraries from a cold disk takes most of it."""


def machine_findings() -> Iterator[Finding]:
    """What every run here depends on, from the outside in."""
    yield tried("Python", python_here)
    yield tried("user", user_here)
    yield namespaces_here()
    yield tried("sandbox", sandbox_here)
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


def namespaces_here() -> Finding:
    """What the system's settings say of user namespaces; whether a sandbox can be had is the next row."""
    if sys.platform != "linux":
        return Finding("namespaces", "only Linux has them", "without", "on Windows, WSL 2 is a Linux")
    for name, (forbids, command) in FORBIDDING.items():
        path = Path(name)
        if path.is_file() and path.read_text().strip() == forbids:
            return Finding("namespaces", f"{path.name} is {forbids}, which forbids them", "without", command)
    return Finding("namespaces", "no setting forbids them")


def sandbox_here() -> str:
    """Which sandbox a run would take; SandboxError when there is none."""
    sandbox.require()
    return f"bubblewrap, {sandbox.find_bwrap()}"


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
    nodes = sorted(str(node) for name in GPU_DEVICES for node in Path("/dev").glob(name))
    driver = DRIVER.read_text().splitlines()[0] if DRIVER.is_file() else "no NVIDIA driver"
    return f"{', '.join(nodes) or 'no device'}; {driver}"


def kernel_starts(kernel: Kernel | None = None) -> str:
    """What a kernel says of its layers once it has been started as a run starts it; KernelLost or SandboxError if not.

    It ends again at once, before any cell.
    """
    layers = asyncio.run(started_layers(kernel or Kernel(KERNEL_NAME)))
    lacking = [f"{name} ({state})" for name, state in layers.items() if state != "applied"]
    return f"started; {len(layers) - len(lacking)} layers applied" + (f", not {'; '.join(lacking)}" if lacking else "")


async def started_layers(kernel: Kernel) -> dict[str, str]:
    """The layers of a kernel that was started, and has ended since."""
    manager = AsyncKernelManager(kernel_name=kernel.name, config=kernel.config)
    try:
        with own_folder("doctor-") as folder:
            await asyncio.wait_for(manager.start_kernel(cwd=str(folder)), START_S)
        provisioner: Any = manager.provisioner
        return dict(provisioner.layers)
    except (RuntimeError, TimeoutError) as error:
        raise KernelLost(
            f"no kernel starts ({error}). Is memory short? Run again, and report it if it stays so"
        ) from error
    finally:
        await manager.shutdown_kernel(now=True)

"""Whether this machine has what a profile needs: data, versions, a graphics card. What is missing is one error."""

import re
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from autograder.assignment import Profile
from autograder.classrun.cards import CardPool
from autograder.classrun.fetched import Fetched, fetched_for
from autograder.classrun.settings import Settings
from autograder.course import Course
from autograder.errors import UsageError
from autograder.kernel import gpu, nvml
from autograder.kernel.gpu import NO_DRIVER, GpuGrant

OLDEST_DRIVER = {11: 450, 12: 525, 13: 580}
"""CUDA, major version -> the driver that runs its programs (NVIDIA's minor version compatibility on Linux)."""
GIGABYTE = 1e9


def with_needs(settings: Settings, course: Course, *, share: int = 1, elsewhere: bool = False) -> Settings:
    """The settings with data and cards of their profile; UsageError says all that is missing, and what to do.

    The same settings where the profile needs nothing. Nothing has started by then. ``share`` is how many submissions a
    card has at a time; with 0 none is used.
    """
    profile = settings.assignment.profile(settings.profile)
    wants_card = profile.gpu and share > 0
    fetched = fetched_for(course, settings.assignment.name, settings.profile, profile)
    if elsewhere and (fetched or wants_card):
        raise UsageError(
            f"the profile '{settings.profile}' needs data or a graphics card, which workers are not given. Leave "
            "--scheduler away, and give parts of the class to several machines with --shard."
        )
    if wants_card:
        gpu.load_driver()
    grants = gpu.grants() if wants_card else []
    problems = [
        *lacking_data(settings, fetched),
        *lacking_packages(profile),
        *(lacking_cards(profile, grants, share) if wants_card else ()),
    ]
    if problems:
        listed = "".join(f"\n- {problem}" for problem in problems)
        raise UsageError(f"the profile '{settings.profile}' cannot be run here; nothing was started:{listed}")
    cards = CardPool(grants, share) if wants_card else None
    jobs = min(settings.jobs, cards.places) if cards else settings.jobs
    return replace(settings, fetched=fetched, cards=cards, jobs=jobs)


def lacking_data(settings: Settings, fetched: Fetched | None) -> Iterator[str]:
    """A line when a model or data set is not there as declared."""
    missing = [*fetched.missing()] if fetched else []
    if missing:
        more = f" and {len(missing) - 3} more" * (len(missing) > 3)
        command = f"autograder fetch {settings.assignment.name} --profile {settings.profile}"
        yield f"{'; '.join(missing[:3])}{more}. Fetch them: {command}"


def lacking_packages(profile: Profile) -> Iterator[str]:
    """A line for every library that is missing or too old."""
    for name, oldest in profile.packages.items():
        try:
            found = version(name)
        except PackageNotFoundError:
            yield f"{name} is not installed. Install it: pip install '{name}>={oldest}'"
            continue
        if first_numbers(found) < first_numbers(oldest):
            yield f"{name} {found} is too old. Install a newer one: pip install '{name}>={oldest}'"


def first_numbers(release: str) -> tuple[int, ...]:
    """The first two numbers of a version, which is all that a declaration asks for."""
    return tuple(map(int, re.findall(r"\d+", release)[:2]))


def lacking_cards(profile: Profile, grants: list[GpuGrant], share: int) -> Iterator[str]:
    """A line for everything that keeps a submission from computing on a card."""
    if not grants:
        yield f"{NO_DRIVER}. Is CUDA_VISIBLE_DEVICES set to nothing? To compute on the processor: --share-gpu 0"
    for grant in grants:
        if missing := gpu.missing_nodes(grant):
            yield f"{grant.name}: {', '.join(missing)} missing. Have the driver make them: nvidia-modprobe -c 0 -u"
        memory = nvml.memory_of(grant.name)
        if memory and memory.free_bytes < profile.gpu_free_bytes * share:
            yield (
                f"{grant.name} has {memory.free_bytes / GIGABYTE:.1f} GB free, and {share} submission(s) need "
                f"{profile.gpu_free_bytes * share / GIGABYTE:.1f}. Who else uses it? nvidia-smi tells"
            )
    if share > 1 and isinstance(problem := nvml.nvml(), str):
        yield f"a card that is shared must be watched, and it cannot be: {problem}"
    yield from lacking_cuda()


def lacking_cuda() -> Iterator[str]:
    """A line when PyTorch was built without CUDA, or for one that is too new for the driver; it is not imported."""
    built = cuda_of_torch()
    if built is None:
        yield "PyTorch has no CUDA here. Install a build that has: https://pytorch.org/get-started/locally/"
        return
    driver, oldest = driver_version(), OLDEST_DRIVER.get(int(built.partition(".")[0]))
    if driver is not None and oldest is not None and driver < oldest:
        need = f"the driver {driver} is too old for CUDA {built}, which needs {oldest}"
        yield f"{need}. Update the driver, or install an older PyTorch"


def cuda_of_torch() -> str | None:
    """The version of CUDA that the installed PyTorch was built with, as its file says."""
    spec = find_spec("torch")
    place = Path(spec.origin).parent / "version.py" if spec and spec.origin else None
    found = (
        re.search(r"^cuda\b[^=]*= *'([\d.]+)'", place.read_text(), re.MULTILINE) if place and place.exists() else None
    )
    return found[1] if found else None


def driver_version() -> int | None:
    """The driver's major version, as it says in /proc."""
    path = gpu.GPU_HOST / "proc/driver/nvidia/version"
    found = re.search(r"Kernel Module.*?\s(\d+)\.\d+", path.read_text()) if path.is_file() else None
    return int(found[1]) if found else None

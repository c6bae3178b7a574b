"""One submission's run, in a kernel of its own: what is observed becomes its Record."""

import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path, PurePosixPath

from nbformat import NotebookNode
from nbgrader.utils import is_solution
from traitlets.config import Config

from autograder.assignment import Profile
from autograder.cells import grade_id
from autograder.classrun.fetched import CACHE
from autograder.classrun.prepare import Prepared
from autograder.classrun.settings import Settings, versions
from autograder.kernel.folders import own_folder
from autograder.kernel.gpu import GpuGrant
from autograder.kernel.mounts import HOME
from autograder.kernel.place import place_files
from autograder.kernel.provisioner import KERNEL_NAME
from autograder.kernel.shipping import ahead
from autograder.models import Fault, Record, Submission
from autograder.observe.elsewhere import changed_names, newer_modules
from autograder.observe.execute import Observer
from autograder.observe.measured import below_expected
from autograder.observe.observed import Kernel, Observed
from autograder.observe.stop import Stop
from autograder.submission.align import Aligned
from autograder.submission.beside import sentences
from autograder.submission.match import wanted

KILL_AFTER_S = 60.0
"""How much longer than a submission its kernel may live: our own deadlines know what was observed by then."""
RunSubmission = Callable[[Submission, Settings, Prepared, Stop | None], tuple[Record, NotebookNode | None, bool]]
"""What ``run`` is, wherever it is done."""
KERNEL_ENV = ("PATH", "LANG", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")


def run(
    submission: Submission, settings: Settings, prepared: Prepared, stop: Stop | None = None
) -> tuple[Record, NotebookNode | None, bool]:
    """The Record and executed notebook of one submission, and whether it got its time.

    Whatever fails on our side is raised; Interrupted when ``stop`` is asked for meanwhile.
    """
    if prepared.aligned is None:
        return blank(submission, settings, prepared), None, True
    observed = run_notebook(settings, prepared.aligned, prepared, stop)
    record = replace(
        blank(submission, settings, prepared),
        observations=observed.observations,
        faults=(
            *observed.faults,
            *below_expected(observed.measured, settings.assignment.profile(settings.profile).at_least),
        ),
        repairs=prepared.aligned.repairs,
        files=prepared.files,
        not_taken=sentences(prepared.beside.not_taken),
        wall_s=observed.wall_s,
        times_s=observed.times_s,
        cpu_s=observed.cpu_s,
        peak_memory_bytes=observed.peak_memory_bytes,
        sandbox=observed.layers,
        gpu=observed.gpu,
        measured=observed.measured,
    )
    return without(record, prepared.aligned.ambiguous), observed.notebook, not observed.starved


def without(record: Record, ambiguous: dict[str, str]) -> Record:
    """The Record without the observations that a person has to decide about, and why."""
    observations = {name: o for name, o in record.observations.items() if name not in ambiguous}
    faults = tuple(Fault(name, "ambiguous", why) for name, why in ambiguous.items())
    return replace(record, observations=observations, faults=record.faults + faults)


def run_notebook(settings: Settings, aligned: Aligned, prepared: Prepared, stop: Stop | None = None) -> Observed:
    """Execute and probe an aligned notebook in a fresh work folder, with what was handed in beside it."""
    profile = settings.assignment.profile(settings.profile)
    with own_folder("work-") as work, card_for(settings) as card:
        return Observer(
            aligned.notebook,
            settings.assignment,
            seed=settings.seed,
            kernel=kernel(settings, work, prepared.beside.files, card),
            folder=work,
            deadlines=settings.deadlines,
            asked={grade_id(cell): wanted(cell) for cell in settings.source.cells if is_solution(cell)},
            unread=aligned.unread,
            once=profile.once,
            measured=profile.measured,
            causes=(*newer_modules(prepared.newer), *changed_names(settings.assignment.declaration.changing)),
            stop=stop,
        ).run()


def card_for(settings: Settings) -> AbstractContextManager[GpuGrant | None]:
    """A graphics card for one submission, as long as it runs; nothing where none is needed."""
    return settings.cards.one() if settings.cards else nullcontext()


def blank(submission: Submission, settings: Settings, prepared: Prepared) -> Record:
    """A Record without observations."""
    return Record(
        student=submission.student,
        assignment=submission.assignment,
        profile=settings.profile,
        seed=settings.seed,
        sandbox={},
        submission_sha256=prepared.submission_sha256,
        source_sha256=settings.source_sha256,
        probes_sha256=settings.assignment.probes_sha256,
        versions=versions(settings.assignment.declaration.packages),
        observations={},
        not_run=prepared.not_run or None,
    )


def kernel(
    settings: Settings, work: Path, files: tuple[tuple[str, bytes], ...] = (), card: GpuGrant | None = None
) -> Kernel:
    """The sandboxed kernel, or the ordinary one when the operator chose to go without, with these files beside it."""
    profile = settings.assignment.profile(settings.profile)
    if not settings.sandboxed:
        for folder in settings.files:
            shutil.copytree(folder, work / folder.name)
        place_files(work, files_beside(settings, files))
        shown = {"HF_HUB_CACHE": str(settings.fetched.hub)} if settings.fetched else {}
        return Kernel("python3", env=ordinary_env(profile, work) | shown | (card.environment if card else {}))
    config = Config()
    config.SandboxProvisioner.environment = dict(profile.environment)
    hub = {str(settings.fetched.hub): f"{HOME}/{CACHE}/hub"} if settings.fetched else {}
    config.SandboxProvisioner.read_only = {str(f): f"{HOME}/{f.name}" for f in settings.files} | hub
    config.SandboxProvisioner.files = dict(files_beside(settings, files))
    config.SandboxProvisioner.threads = profile.threads
    config.SandboxProvisioner.seed = settings.seed
    config.SandboxProvisioner.preload_source = ahead(settings.assignment)
    config.SandboxProvisioner.preload_modules = list(settings.assignment.declaration.imports)
    config.SandboxProvisioner.preload_cells = settings.released_cells
    allowed = settings.deadlines
    wall_s = allowed.submission_s + allowed.waiting_s + KILL_AFTER_S
    config.SandboxProvisioner.limits = {"wall_s": wall_s} | settings.limits
    if card and settings.cards:
        config.SandboxProvisioner.gpu = card.name
        config.SandboxProvisioner.limits |= settings.cards.limits(card)
    return Kernel(KERNEL_NAME, config, prepared=True)


def files_beside(settings: Settings, files: tuple[tuple[str, bytes], ...]) -> tuple[tuple[str, bytes], ...]:
    """What was handed in, and data that the profile needs, for which no file that was handed in may stand in."""
    if settings.fetched is None:
        return files
    cache = PurePosixPath(CACHE)
    own = [(name, data) for name, data in files if not (cache.is_relative_to(name) or name.startswith(f"{CACHE}/"))]
    return (*settings.fetched.copies(), *own)


def ordinary_env(profile: Profile, work: Path) -> dict[str, str]:
    """The environment of a kernel without a sandbox: nothing of the operator's beyond what Python and CUDA need.

    One thread per kernel unless the profile asks for more: two on shared cores cost up to four times the CPU.
    """
    kept = {name: os.environ[name] for name in KERNEL_ENV if name in os.environ}
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"} if profile.offline else {}
    return kept | offline | dict(profile.environment) | {
        "HOME": str(work),
        "IPYTHONDIR": str(work / ".ipython"),
        "OMP_NUM_THREADS": str(profile.threads),
        "MKL_NUM_THREADS": str(profile.threads),
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip

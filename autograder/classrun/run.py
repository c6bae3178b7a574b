"""The whole flow for a class: read, align, observe, judge. Publishing is the caller's next step."""

import functools
import hashlib
import json
import os
import platform
import secrets
import shutil
import tempfile
import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.utils import is_solution
from traitlets.config import Config

from autograder.assignment import Assignment, Profile
from autograder.cells import max_scores
from autograder.errors import SubmissionError
from autograder.judge.run import judge
from autograder.judge.score import agreed, score_class
from autograder.kernel import sandbox
from autograder.kernel.provisioner import KERNEL_NAME
from autograder.kernel.shipping import ahead
from autograder.models import Fault, Graded, Record, Score, Submission
from autograder.observe import record as records
from autograder.observe.execute import Deadlines, Kernel, Observer
from autograder.submission.align import align
from autograder.submission.find import refuse_links
from autograder.submission.read import parse_cells, read_bytes

SECOND = ".second-seed"
"""Folder of the Records of second runs, beside those of the first."""
KILL_AFTER_S = 10.0
"""How much longer than a submission its kernel may live: our own deadline knows what was observed by then."""
OUTDATED = "the probes have changed since this submission was run; grade it again"
REPORTED_VERSIONS = ("autograder", "numpy", "jupyter_client", "ipykernel")
"""Distributions whose versions every Record names; an assignment adds its own."""
KEPT_ENV = ("PATH", "LANG", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")


@dataclass(frozen=True)
class Settings:
    """How a class is graded; the same for everybody in it."""

    assignment: Assignment
    source: NotebookNode
    source_sha256: str
    notebook: str = ""
    """The source notebook's name."""
    files: tuple[Path, ...] = ()
    """Folders beside the source notebook; they are released with it, and stand beside it when it runs."""
    profile: str = ""
    """One of the assignment's; the first unless chosen."""
    jobs: int = field(default_factory=lambda: 2 * (os.cpu_count() or 1))
    """Submissions at a time. Kernel and grader wait for each other, so one per processor would leave it idle."""
    seed: int = field(default_factory=lambda: new_seed())
    second_seed: int | None = None
    """Of a second run of every submission; where the scores of the two differ, a person decides."""
    sandboxed: bool = True
    deadlines: Deadlines = field(default_factory=Deadlines)
    limits: dict[str, float] = field(default_factory=dict)
    """Fields of autograder.kernel.limits.Limits that differ from their defaults."""

    @property
    def max_scores(self) -> dict[str, float]:
        """Points of every grade cell of the source notebook, in its order."""
        return max_scores(self.source.cells)

    @property
    def released_cells(self) -> list[str]:
        """The code cells that a student gets as they stand in the source: no solution, no hidden test."""
        cells = [c for c in self.source.cells if c.cell_type == "code" and not is_solution(c)]
        return [c.source for c in cells if "### BEGIN" not in c.source]


def new_seed() -> int:
    """One that no student can foresee."""
    return secrets.randbelow(2**31)


def settings(assignment: Assignment, source: Path, **choices: object) -> Settings:
    """Settings for an assignment whose source notebook is at this path; UsageError for a profile that it lacks."""
    choices["profile"] = choices.get("profile") or assignment.default_profile
    profile = assignment.profile(str(choices["profile"]))
    choices.setdefault("deadlines", Deadlines(**profile.deadlines))
    choices.setdefault("limits", dict(profile.limits))
    data = source.read_bytes()
    notebook = nbformat.reads(data.decode("utf-8"), as_version=4)
    files = tuple(sorted(p for p in source.parent.iterdir() if p.is_dir() and not p.name.startswith(".")))
    digest = hashlib.sha256(data).hexdigest()
    return Settings(assignment, notebook, digest, source.stem, files, **choices)  # type: ignore[arg-type]


def grade(
    submissions: Iterable[Submission],
    settings: Settings,
    folder: Path,
    *,
    done: Callable[[str], None] = lambda student: None,
) -> list[Graded]:
    """Observe every submission, then judge them all at once; one Record per student lands in ``folder``.

    SandboxError when the sandbox cannot be had here, before anything is run. ``done`` is told each student
    whose run has ended. No submission's fault ends the run of another.
    """
    submissions = list(submissions)
    if settings.sandboxed:
        sandbox.require()
    observe_class(submissions, settings, folder, done)
    if settings.second_seed is not None:
        observe_class(submissions, replace(settings, seed=settings.second_seed), folder / SECOND, done)
    else:
        for submission in submissions:
            shutil.rmtree(folder / SECOND / submission.student, ignore_errors=True)
    return rejudge(submissions, settings, folder)


def observe_class(submissions: list[Submission], settings: Settings, folder: Path, done: Callable[[str], None]) -> None:
    """Save a Record of every submission, several at a time."""
    with ThreadPoolExecutor(settings.jobs) as pool:
        runs = {pool.submit(observe, s, settings, folder / s.student): s for s in submissions}
        for run in as_completed(runs):
            run.result()
            done(runs[run].student)


def rejudge(submissions: Sequence[Submission], settings: Settings, folder: Path) -> list[Graded]:
    """Judge the saved Records of these submissions, of both runs where there were two; no kernel is started."""
    graded = judged(submissions, settings, folder)
    twice = [s for s in submissions if (folder / SECOND / s.student).is_dir()]
    again = {one.submission: one.scores for one in judged(twice, settings, folder / SECOND)} if twice else {}
    return [
        replace(one, scores=tuple(agreed(one.scores, again[one.submission]))) if one.submission in again else one
        for one in graded
    ]


def judged(submissions: Sequence[Submission], settings: Settings, folder: Path) -> list[Graded]:
    """The scores of these Records.

    A Record that other probes left is not judged: its inputs were others, so any verdict would be wrong.
    """
    loaded = {s: records.load(folder / s.student) for s in submissions}
    current = {s for s, record in loaded.items() if record.probes_sha256 == settings.assignment.probes_sha256}
    outcomes = judge(settings.assignment, [folder / s.student for s in loaded if s in current])
    scores = score_class(outcomes, settings.max_scores)
    outdated = [Score(name, points, None, (OUTDATED,)) for name, points in settings.max_scores.items()]
    return [Graded(s, record, tuple(scores[s.student] if s in current else outdated)) for s, record in loaded.items()]


def observe(submission: Submission, settings: Settings, folder: Path) -> None:
    """Save the Record of one submission, whatever happens to it."""
    try:
        if settings.notebook not in ("", submission.assignment):
            # One of several: it is read under its own name alone, and through no link either.
            refuse_links(submission.path)
        data = read_bytes(submission.path)
    except SubmissionError as error:
        records.save(blank(submission, settings, b"", str(error)), folder)
        return
    try:
        record, notebook = run(submission, settings, data)
    except SubmissionError as error:
        record, notebook = blank(submission, settings, data, str(error)), None
    except Exception as error:
        # Our own fault: the student is not blamed, and the rest of the class goes on.
        traceback.print_exc()
        reason = f"the grader failed ({type(error).__name__}: {error}); grade this submission again"
        record, notebook = blank(submission, settings, data, reason), None
    # Not nbformat.writes: its validation costs more than the judge, and publishing validates anyway.
    records.save(record, folder, json.dumps(notebook) if notebook else None)


def run(submission: Submission, settings: Settings, data: bytes) -> tuple[Record, NotebookNode]:
    """The Record and executed notebook of one readable submission."""
    aligned = align(settings.source, parse_cells(data))
    record, executed = run_notebook(submission, settings, data, aligned.notebook, aligned.repairs)
    return without(record, aligned.ambiguous), executed


def without(record: Record, ambiguous: dict[str, str]) -> Record:
    """The Record without the observations that a person has to decide about, and why."""
    observations = {name: o for name, o in record.observations.items() if name not in ambiguous}
    faults = tuple(Fault(name, "ambiguous", why) for name, why in ambiguous.items())
    return replace(record, observations=observations, faults=record.faults + faults)


def run_notebook(
    submission: Submission, settings: Settings, data: bytes, notebook: NotebookNode, repairs: tuple[str, ...]
) -> tuple[Record, NotebookNode]:
    """Execute and probe an aligned notebook in a fresh work folder."""
    with tempfile.TemporaryDirectory(prefix="work-", ignore_cleanup_errors=True) as work:
        observed = Observer(
            notebook,
            settings.assignment,
            seed=settings.seed,
            kernel=kernel(settings, Path(work)),
            folder=Path(work),
            deadlines=settings.deadlines,
        ).run()
    fields = vars(blank(submission, settings, data, None)) | {
        "observations": observed.observations,
        "faults": tuple(observed.faults),
        "repairs": repairs,
        "wall_s": observed.wall_s,
        "times_s": observed.times_s,
        "cpu_s": observed.cpu_s,
        "peak_memory_bytes": observed.peak_memory_bytes,
        "sandbox": observed.layers,
    }
    return Record(**fields), observed.notebook


def blank(submission: Submission, settings: Settings, data: bytes, not_run: str | None) -> Record:
    """A Record without observations."""
    return Record(
        student=submission.student,
        assignment=submission.assignment,
        profile=settings.profile,
        seed=settings.seed,
        sandbox={},
        submission_sha256=hashlib.sha256(data).hexdigest(),
        source_sha256=settings.source_sha256,
        probes_sha256=settings.assignment.probes_sha256,
        versions=versions(settings.assignment.declaration.packages),
        observations={},
        not_run=not_run,
    )


@functools.cache
def versions(packages: tuple[str, ...]) -> dict[str, str]:
    """Versions of what a result may depend on, by package name."""
    return {"python": platform.python_version()} | {name: version(name) for name in (*REPORTED_VERSIONS, *packages)}


def kernel(settings: Settings, work: Path) -> Kernel:
    """The sandboxed kernel, or the ordinary one when the operator chose to go without."""
    profile = settings.assignment.profile(settings.profile)
    if not settings.sandboxed:
        for folder in settings.files:
            shutil.copytree(folder, work / folder.name)
        return Kernel("python3", env=ordinary_env(profile, work))
    config = Config()
    config.SandboxProvisioner.environment = dict(profile.environment)
    config.SandboxProvisioner.read_only = {str(f): f"{sandbox.HOME}/{f.name}" for f in settings.files}
    config.SandboxProvisioner.seed = settings.seed
    config.SandboxProvisioner.preload_source = ahead(settings.assignment)
    config.SandboxProvisioner.preload_modules = list(settings.assignment.declaration.imports)
    config.SandboxProvisioner.preload_cells = settings.released_cells
    config.SandboxProvisioner.limits = {"wall_s": settings.deadlines.submission_s + KILL_AFTER_S} | settings.limits
    return Kernel(KERNEL_NAME, config, prepared=True)


def ordinary_env(profile: Profile, work: Path) -> dict[str, str]:
    """The environment of a kernel without a sandbox: nothing of the operator's beyond what Python and CUDA need.

    One thread per kernel, because two threads on shared cores cost up to four times the CPU.
    """
    kept = {name: os.environ[name] for name in KEPT_ENV if name in os.environ}
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"} if profile.offline else {}
    return kept | offline | dict(profile.environment) | {
        "HOME": str(work),
        "IPYTHONDIR": str(work / ".ipython"),
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip

"""The whole flow for a class: read, align, observe, judge. Publishing is the caller's next step."""

import json
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path

from nbformat import NotebookNode
from nbgrader.utils import is_solution
from traitlets.config import Config

from autograder.assignment import Profile
from autograder.cells import grade_id
from autograder.classrun.prepare import Prepared, digest, prepare
from autograder.classrun.settings import Settings, versions
from autograder.errors import GraderError
from autograder.judge.run import judge
from autograder.judge.score import agreed, score_class
from autograder.kernel import sandbox
from autograder.kernel.mounts import HOME
from autograder.kernel.place import place_files
from autograder.kernel.provisioner import KERNEL_NAME
from autograder.kernel.shipping import ahead
from autograder.models import Fault, Graded, Record, Score, Submission
from autograder.observe import record as records
from autograder.observe.elsewhere import changed_names, newer_modules
from autograder.observe.execute import Observer
from autograder.observe.observed import Kernel, Observed
from autograder.submission.align import Aligned
from autograder.submission.beside import sentences
from autograder.submission.match import wanted
from autograder.text import plain_text

SECOND = ".second-seed"
"""Folder of the Records of second runs, beside those of the first."""
KILL_AFTER_S = 60.0
"""How much longer than a submission its kernel may live: our own deadlines know what was observed by then."""
OUTDATED = "the probes have changed since this submission was run; grade it again"
KERNEL_ENV = ("PATH", "LANG", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")


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
    """Save a Record of every submission, several at a time; those that did not get their time run again, each alone."""
    starved = []
    with ThreadPoolExecutor(settings.jobs) as pool:
        runs = {pool.submit(observe, s, settings, folder / s.student): s for s in submissions}
        for run in as_completed(runs):
            if run.result():
                done(runs[run].student)
            else:
                starved.append(runs[run])
    for submission in starved:
        observe(submission, settings, folder / submission.student)
        done(submission.student)


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
    """The scores of these Records; one that cannot be judged waits for a person and costs nobody else anything.

    A Record that other probes left is not judged: its inputs were others, so any verdict would be wrong.
    """
    loaded = {s: loadable(s, settings, folder / s.student) for s in submissions}
    current = [s for s, (_, problem) in loaded.items() if not problem]
    scores = score_class(judge(settings.assignment, [folder / s.student for s in current]), settings.max_scores)
    return [
        Graded(s, record, tuple(scores[s.student] if not problem else waiting(settings, problem)))
        for s, (record, problem) in loaded.items()
    ]


def loadable(submission: Submission, settings: Settings, folder: Path) -> tuple[Record, str]:
    """A saved Record and why it cannot be judged, if it cannot; an empty one in place of one that cannot be read."""
    try:
        record = records.load(folder)
    except GraderError as error:
        return blank(submission, settings, Prepared(digest(b""), not_run=str(error))), str(error)
    return record, "" if record.probes_sha256 == settings.assignment.probes_sha256 else OUTDATED


def waiting(settings: Settings, problem: str) -> list[Score]:
    """No decision on any grade cell, for this reason."""
    return [Score(name, points, None, (problem,)) for name, points in settings.max_scores.items()]


def observe(submission: Submission, settings: Settings, folder: Path) -> bool:
    """Save the Record of one submission, whatever happens to it; whether it got its time."""
    try:
        prepared = prepare(submission, settings)
        record, notebook, served = run(submission, settings, prepared)
    except Exception as error:
        # Our own fault: the student is not blamed, and the rest of the class goes on.
        print(plain_text(traceback.format_exc()), file=sys.stderr)
        reason = f"the grader failed ({type(error).__name__}: {error}); grade this submission again"
        record, notebook, served = blank(submission, settings, Prepared(digest(b""), not_run=reason)), None, False
    # Not nbformat.writes: its validation costs more than the judge, and publishing validates anyway.
    records.save(record, folder, json.dumps(notebook) if notebook else None)
    return served


def run(submission: Submission, settings: Settings, prepared: Prepared) -> tuple[Record, NotebookNode | None, bool]:
    """The Record and executed notebook of one submission, and whether it got its time."""
    if prepared.aligned is None:
        return blank(submission, settings, prepared), None, True
    observed = run_notebook(settings, prepared.aligned, prepared)
    record = replace(
        blank(submission, settings, prepared),
        observations=observed.observations,
        faults=tuple(observed.faults),
        repairs=prepared.aligned.repairs,
        files=prepared.files,
        not_taken=sentences(prepared.beside.not_taken),
        wall_s=observed.wall_s,
        times_s=observed.times_s,
        cpu_s=observed.cpu_s,
        peak_memory_bytes=observed.peak_memory_bytes,
        sandbox=observed.layers,
    )
    return without(record, prepared.aligned.ambiguous), observed.notebook, not observed.starved


def without(record: Record, ambiguous: dict[str, str]) -> Record:
    """The Record without the observations that a person has to decide about, and why."""
    observations = {name: o for name, o in record.observations.items() if name not in ambiguous}
    faults = tuple(Fault(name, "ambiguous", why) for name, why in ambiguous.items())
    return replace(record, observations=observations, faults=record.faults + faults)


def run_notebook(settings: Settings, aligned: Aligned, prepared: Prepared) -> Observed:
    """Execute and probe an aligned notebook in a fresh work folder, with what was handed in beside it."""
    with tempfile.TemporaryDirectory(prefix="work-", ignore_cleanup_errors=True) as work:
        return Observer(
            aligned.notebook,
            settings.assignment,
            seed=settings.seed,
            kernel=kernel(settings, Path(work), prepared.beside.files),
            folder=Path(work),
            deadlines=settings.deadlines,
            asked={grade_id(cell): wanted(cell) for cell in settings.source.cells if is_solution(cell)},
            unread=aligned.unread,
            causes=(*newer_modules(prepared.newer), *changed_names(settings.assignment.declaration.changing)),
        ).run()


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


def kernel(settings: Settings, work: Path, files: tuple[tuple[str, bytes], ...] = ()) -> Kernel:
    """The sandboxed kernel, or the ordinary one when the operator chose to go without, with these files beside it."""
    profile = settings.assignment.profile(settings.profile)
    if not settings.sandboxed:
        for folder in settings.files:
            shutil.copytree(folder, work / folder.name)
        place_files(work, files)
        return Kernel("python3", env=ordinary_env(profile, work))
    config = Config()
    config.SandboxProvisioner.environment = dict(profile.environment)
    config.SandboxProvisioner.read_only = {str(f): f"{HOME}/{f.name}" for f in settings.files}
    config.SandboxProvisioner.files = dict(files)
    config.SandboxProvisioner.seed = settings.seed
    config.SandboxProvisioner.preload_source = ahead(settings.assignment)
    config.SandboxProvisioner.preload_modules = list(settings.assignment.declaration.imports)
    config.SandboxProvisioner.preload_cells = settings.released_cells
    allowed = settings.deadlines
    wall_s = allowed.submission_s + allowed.waiting_s + KILL_AFTER_S
    config.SandboxProvisioner.limits = {"wall_s": wall_s} | settings.limits
    return Kernel(KERNEL_NAME, config, prepared=True)


def ordinary_env(profile: Profile, work: Path) -> dict[str, str]:
    """The environment of a kernel without a sandbox: nothing of the operator's beyond what Python and CUDA need.

    One thread per kernel, because two threads on shared cores cost up to four times the CPU.
    """
    kept = {name: os.environ[name] for name in KERNEL_ENV if name in os.environ}
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

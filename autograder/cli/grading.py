"""Commands that run and judge submissions."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from autograder.classrun import ready, resume
from autograder.classrun.chosen import meant_by, nearest, sampled, submissions_of
from autograder.classrun.display import shown
from autograder.classrun.grade import grade as grade_class
from autograder.classrun.keys import Keys
from autograder.classrun.machines import HERE, Machines, isolation, machines
from autograder.classrun.needs import with_needs
from autograder.classrun.observing import Observing
from autograder.classrun.report import report_class
from autograder.classrun.resume import ClassRun
from autograder.classrun.settings import Settings, new_seed, settings_in
from autograder.classrun.shard import Shard, observe_part
from autograder.cli.app import AssignmentName, CourseDir, Students, app, console, course_at, errors, say
from autograder.course import Course, part_name
from autograder.kernel.folders import own_folder
from autograder.models import Submission
from autograder.observe.stop import Stop
from autograder.publish.feedback import run_notes, verdict
from autograder.publish.register import register
from autograder.publish.table import total
from autograder.text import plain_name

ProfileName = Annotated[
    str,
    typer.Option(help="One of the sizes that the assignment declares; its first one by default.", show_default=False),
]
Jobs = Annotated[
    int | None,
    typer.Option(min=1, help="Submissions at a time. Default: two per processor.", show_default=False),
]


NoSandbox = Annotated[
    bool, typer.Option("--no-sandbox", help="Run submissions as your own user. Only if you trust every one of them.")
]

SecondSeed = Annotated[
    bool,
    typer.Option(
        "--second-seed", help="Run every submission twice, with other inputs; where they differ, a person decides."
    ),
]

Force = Annotated[bool, typer.Option("--force", help="Run everybody again, those too who are done.")]

Scheduler = Annotated[
    str,
    typer.Option(
        help="Address of a Dask scheduler whose workers run the submissions: docs/cluster.md.", show_default=False
    ),
]

Resources = Annotated[
    str,
    typer.Option(
        help="What each submission takes of a worker, as GPU=1; workers say what they have.", show_default=False
    ),
]

ShareGpu = Annotated[
    int,
    typer.Option(
        "--share-gpu",
        min=0,
        help="Submissions at a time on one graphics card, which above 1 are not isolated there. 0 uses no card.",
    ),
]

Sample = Annotated[
    str,
    typer.Option(
        help="Only so many students, drawn at random: 10, or 10:SEED for those of an earlier run.", show_default=False
    ),
]

ShardOf = Annotated[
    str,
    typer.Option(
        "--shard",
        help="Only run one part of the class, as 3/8, and save its Records; a plain `grade` then judges all.",
        show_default=False,
    ),
]


@app.command(epilog="Example: autograder grade warmup --jobs 4")
def grade(
    context: typer.Context,
    assignment: AssignmentName,
    student: Students = None,
    jobs: Jobs = None,
    profile: ProfileName = "",
    no_sandbox: NoSandbox = False,
    second_seed: SecondSeed = False,
    force: Force = False,
    scheduler: Scheduler = "",
    resources: Resources = "",
    shard: ShardOf = "",
    sample: Sample = "",
    share_gpu: ShareGpu = 1,
    course_dir: CourseDir = None,
) -> None:
    """Grade submitted/*/ASSIGNMENT/ into the gradebook; what is done already is skipped.

    Exit status 1 if some could not be graded.
    """
    course, stop = course_at(context, course_dir), Stop()
    other = new_seed() if second_seed else None
    # One seed for all notebooks: the same students are drawn of each.
    sample = f"{sample}:{new_seed()}" if sample and ":" not in sample else sample
    notebooks = course.notebooks(assignment)
    graded: list[ClassRun] = []
    ready.require_ready(course, assignment, len(student or course.students(assignment)) * len(notebooks))
    with resume.interruptible(stop), machines(scheduler, resources, stop, sandboxed=not no_sandbox) as where:
        chosen = [
            where.at_a_time(dataclasses.replace(one, sandboxed=not no_sandbox, second_seed=other), jobs)
            for one in (settings_in(course, assignment, notebook, profile) for notebook in notebooks)
        ]
        chosen = [with_needs(one, course, share=share_gpu, elsewhere=bool(scheduler)) for one in chosen]
        if shard:
            part = [Shard.named(shard).part(drawn(course, one, student, sample)) for one in chosen]
            raise typer.Exit(observe_shard(course, chosen, part, where, stop, force))
        with resume.course_ledger(course, stop) as ledger:
            # A Ctrl-C reaches the program that nbgrader asks for its version, too.
            with stop.excusing():
                register(course, assignment)
            for settings in chosen:
                submissions = drawn(course, settings, student, sample)
                header(settings, where)
                with shown("grading", len(submissions), errors) as display:
                    elsewhere = where.run_of(settings)
                    graded.append(ClassRun(course, settings, ledger, stop, force, elsewhere, display, say))
                    graded[-1].grade(submissions)
            raise typer.Exit(report_class(course, graded, stop, console))


def drawn(course: Course, settings: Settings, student: list[str] | None, sample: str) -> list[Submission]:
    """The submissions to grade, or a random part of them, which is said."""
    submissions = submissions_of(course, settings, student)
    if sample:
        submissions, said = sampled(submissions, sample)
        say(said)
    return submissions


def observe_shard(
    course: Course, chosen: list[Settings], part: list[list[Submission]], where: Machines, stop: Stop, force: bool
) -> int:
    """Save the Records of one part of the class, by notebook; the exit status: 1 if some are missing."""
    missing = []
    for settings, submissions in zip(chosen, part, strict=True):
        header(settings, where)
        folder = course.records(settings.assignment.name, settings.notebook)
        keys, elsewhere = Keys.of(settings), where.run_of(settings)
        with shown("observing", len(submissions), errors) as display:
            observing = Observing(settings, folder, keys, stop, elsewhere, reuse=not force)
            missing += observe_part(submissions, observing, display)
    for turn in missing:
        say(f"{turn.submission.student}: not observed ({turn.reason or turn.state})")
    return resume.exit_status(stop.reason) or bool(missing)


@app.command(epilog="Example: autograder rejudge warmup")
def rejudge(
    context: typer.Context, assignment: AssignmentName, student: Students = None, course_dir: CourseDir = None
) -> None:
    """Judge the saved Records again, after a change of the hidden tests. No kernel is started."""
    course, stop = course_at(context, course_dir), Stop()
    judged: list[ClassRun] = []
    with resume.interruptible(stop), resume.course_ledger(course, stop) as ledger:
        # A Ctrl-C reaches the program that nbgrader asks for its version, too.
        with stop.excusing():
            register(course, assignment)
        for notebook in course.notebooks(assignment):
            settings = settings_in(course, assignment, notebook)
            submissions = submissions_of(course, settings, student, recorded=True)
            with console.status(f"judging {len(submissions)} Records"):
                judged.append(ClassRun(course, settings, ledger, stop, say=say))
                judged[-1].rejudge(submissions)
        raise typer.Exit(report_class(course, judged, stop, console))


@app.command(epilog="Example: autograder check submitted/ada/warmup/warmup.ipynb")
def check(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A notebook, under any name.", metavar="FILE.ipynb")],
    profile: ProfileName = "",
    no_sandbox: NoSandbox = False,
    second_seed: SecondSeed = False,
    share_gpu: ShareGpu = 1,
    course_dir: CourseDir = None,
) -> None:
    """Grade one notebook and print why. Nothing is written to the gradebook."""
    course = Course.find(course_dir or context.obj or nearest(file))
    assignment, notebook = meant_by(course, file)
    other = new_seed() if second_seed else None
    settings = settings_in(course, assignment, notebook, profile)
    settings = with_needs(
        dataclasses.replace(settings, sandboxed=not no_sandbox, second_seed=other), course, share=share_gpu
    )
    header(settings)
    submission = Submission(file.stem, assignment, file)
    with own_folder("check-") as folder, console.status(f"grading {plain_name(file.name)}"):
        (graded,) = grade_class([submission], settings, folder)
    for line in [*run_notes(graded), *(verdict(score).rstrip() for score in graded.scores)]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    maximum = sum(score.max_score for score in graded.scores)
    console.print(f"total: {total(graded)} of {maximum:g}")
    raise typer.Exit(1 if graded.undecided else 0)


def header(settings: Settings, where: Machines = HERE) -> None:
    """Say how this run is isolated, where it takes place, and with which seed."""
    seeds = f"seed {settings.seed}" + (f" and {settings.second_seed}" if settings.second_seed is not None else "")
    errors.print(
        f"{part_name(settings.assignment.name, settings.notebook)}: profile {settings.profile}, {seeds}, "
        f"{isolation(settings, where)}"
    )
    if settings.cards:
        say(str(settings.cards))

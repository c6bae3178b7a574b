"""What travels to another machine and back, as bytes that msgpack reads: nothing is unpickled, no path is believed.

A homework goes to each worker once. It holds what reaches a student's process anyway, and of the source notebook what
a student gets: no solution, no hidden test, no declaration's module. A unit of work is one prepared submission.
"""

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgpack
import nbformat
from nbformat import NotebookNode
from nbgrader.utils import is_solution

from autograder.assignment import Assignment, Declaration, Pinned, Profile
from autograder.classrun.keys import RUNS, code
from autograder.classrun.prepare import Prepared
from autograder.classrun.run import blank
from autograder.classrun.settings import Settings, versions
from autograder.errors import GraderError
from autograder.models import Record, Submission
from autograder.observe import record as records
from autograder.observe.observed import Deadlines
from autograder.submission.align import Aligned
from autograder.submission.archive import Refused
from autograder.submission.beside import Beside
from autograder.submission.match import wanted

KEPT_HERE = ("public", "public_names", "modules")
"""Fields of a declaration that only the judge needs, or whoever reads the source notebook."""
OURS = "autograder's code"
"""What differs when our own files are not the same there, whatever their version says."""


def packed_parcel(settings: Settings) -> bytes:
    """What a worker must know of a homework; the same bytes for the same one."""
    declared = {n: v for n, v in asdict(settings.assignment.declaration).items() if n not in KEPT_HERE}
    return packed_values(
        {
            "name": settings.assignment.name,
            "shipped": settings.assignment.shipped,
            "declaration": declared,
            "source": json.dumps(without_answers(settings.source)),
            "source_sha256": settings.source_sha256,
            "notebook": settings.notebook,
            "files": {folder.name: files_below(folder) for folder in settings.files},
            "profile": settings.profile,
            "sandboxed": settings.sandboxed,
            "deadlines": asdict(settings.deadlines),
            "limits": settings.limits,
            "environment": needed_environment(settings),
        }
    )


def without_answers(source: NotebookNode) -> NotebookNode:
    """The source as a student gets it: of a solution only which functions it asks for, of hidden tests nothing."""
    return NotebookNode(source | {"cells": [without_answer(cell) for cell in source.cells]})


def without_answer(cell: NotebookNode) -> NotebookNode:
    """The same of one cell."""
    if is_solution(cell):
        return NotebookNode(cell | {"source": "".join(f"def {name}(): ...\n" for name in sorted(wanted(cell)))})
    return NotebookNode(cell | {"source": ""}) if "### BEGIN" in cell.source else cell


def files_below(folder: Path) -> dict[str, bytes]:
    """Relative name -> bytes of all files in a folder of ours and below."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def needed_environment(settings: Settings) -> dict[str, str]:
    """What must be the same on every machine."""
    return versions(settings.assignment.declaration.packages) | {OURS: code(RUNS)}


def differing(asked: Mapping[str, str]) -> str:
    """What is not as asked on this machine, in words; empty when all is."""
    here = {name: present(name) for name in asked}
    unlike = [name for name in asked if asked[name] != here[name]]
    return ", ".join(name if name == OURS else f"{name} {here[name]} instead of {asked[name]}" for name in unlike)


def present(name: str) -> str:
    """Which version of something this machine has."""
    if name in (OURS, "python"):
        return code(RUNS) if name == OURS else platform.python_version()
    try:
        return version(name)
    except PackageNotFoundError:
        return "(missing)"


def unpacked_parcel(data: bytes, folder: Path) -> tuple[Settings, dict[str, str]]:
    """The settings of a homework that is unpacked into this empty folder, and the environment that it asks for."""
    values = values_in(data)
    grading = folder / "grading" / values["name"]
    write_files(grading, {f"{name}.py": text.encode() for name, text in values["shipped"].items()})
    files = [folder / "beside" / name for name in values["files"]]
    for one in files:
        write_files(one, values["files"][one.name])
    settings = Settings(
        assignment=Assignment(values["name"], grading, declaration(values["declaration"])),
        source=notebook_in(values["source"]),
        source_sha256=values["source_sha256"],
        notebook=values["notebook"],
        files=tuple(files),
        profile=values["profile"],
        sandboxed=values["sandboxed"],
        deadlines=Deadlines(**values["deadlines"]),
        limits=values["limits"],
    )
    return settings, values["environment"]


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files, and the folders that their names ask for, into a folder that is made."""
    folder.mkdir(parents=True)
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def declaration(values: dict[str, Any]) -> Declaration:
    """A declaration from what was packed of it."""
    profiles = {name: profile_in(profile) for name, profile in values.pop("profiles").items()}
    others: dict[str, Any] = {name: tuple(value) for name, value in values.items()}
    return Declaration(profiles=profiles, **others)


def profile_in(values: dict[str, Any]) -> Profile:
    """A profile from what was packed of it."""
    pinned = tuple(Pinned(**one) for one in values["pinned"])
    return Profile(**values | {"pinned": pinned, "once": tuple(values["once"])})


def packed_unit(submission: Submission, seed: int, prepared: Prepared, aligned: Aligned) -> bytes:
    """One prepared submission and the seed of its run."""
    return packed_values(
        {
            "student": submission.student,
            "assignment": submission.assignment,
            "seed": seed,
            "submission_sha256": prepared.submission_sha256,
            "notebook": json.dumps(aligned.notebook),
            "repairs": aligned.repairs,
            "ambiguous": aligned.ambiguous,
            "unread": aligned.unread,
            "files": prepared.beside.files,
            "newer": prepared.newer,
            "not_taken": [(one.name, one.reason) for one in prepared.beside.not_taken],
        }
    )


def unpacked_unit(data: bytes) -> tuple[Submission, int, Prepared]:
    """What was packed; the submission has no path on this machine."""
    values = values_in(data)
    aligned = Aligned(notebook_in(values["notebook"]), tuple(values["repairs"]), values["ambiguous"], values["unread"])
    files = tuple((name, content) for name, content in values["files"])
    beside = Beside(files, tuple(Refused(name, reason) for name, reason in values["not_taken"]))
    submission = Submission(values["student"], values["assignment"], Path())
    return submission, values["seed"], Prepared(values["submission_sha256"], aligned, beside, values["newer"])


SAME = (
    "student", "assignment", "profile", "seed", "submission_sha256", "source_sha256", "probes_sha256", "versions",
    "files",
)  # fmt: skip
"""Fields of a Record that are known before it is run."""


def believed(
    data: bytes, submission: Submission, settings: Settings, prepared: Prepared
) -> tuple[Record, NotebookNode | None]:
    """The Record in bytes that came back, and the executed notebook; GraderError when it is not what was asked for."""
    record, text = records.unpack(data)
    if not is_well_formed(record):
        raise GraderError("a worker gave back a Record with values of another kind")
    expected = replace(blank(submission, settings, prepared), files=prepared.files)
    unlike = [name for name in SAME if getattr(record, name) != getattr(expected, name)]
    if unlike:
        raise GraderError(f"a worker gave back another Record than was asked for; what differs: {', '.join(unlike)}")
    return record, None if text is None else notebook_in(text)


def is_well_formed(record: Record) -> bool:
    """Whether everything that we write ourselves is of its kind; what a probe reported looks after itself."""
    texts = [*record.repairs, *record.not_taken, *record.sandbox, *record.sandbox.values(), record.not_run or ""]
    texts += [text for fault in record.faults for text in (fault.where, fault.kind, fault.message)]
    numbers = [record.wall_s, record.cpu_s, record.peak_memory_bytes, *record.times_s.values(), *record.gpu.values()]
    numbers += [value for values in record.measured.values() for value in values]
    return all(isinstance(text, str) for text in texts) and all(type(n) in (int, float) for n in numbers)


def notebook_in(text: str) -> NotebookNode:
    """A notebook from its JSON; GraderError when it is none. Not nbformat.reads, which would check it for long."""
    try:
        notebook = nbformat.from_dict(json.loads(text))
        if isinstance(notebook, NotebookNode) and isinstance(notebook.get("cells"), list):
            return notebook
    except (ValueError, RecursionError):
        pass
    raise GraderError("what came from another machine holds no notebook")


def packed_values(values: Mapping[str, Any]) -> bytes:
    """Plain values as bytes."""
    data: bytes = msgpack.packb(values, use_bin_type=True)
    return data


def values_in(data: bytes) -> dict[str, Any]:
    """Plain values from bytes; GraderError when they hold no mapping."""
    try:
        values = msgpack.unpackb(data, raw=False)
    except (ValueError, msgpack.UnpackException) as error:
        raise GraderError(f"what came from another machine is malformed ({error})") from error
    if not isinstance(values, dict):
        raise GraderError("what came from another machine is malformed")
    return values


def name_of(data: bytes) -> str:
    """What a homework is called among workers."""
    return f"autograder-{hashlib.sha256(data).hexdigest()}"

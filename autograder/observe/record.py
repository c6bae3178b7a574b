"""Records on disk: one file per submission, a zip of JSON, safetensors and the executed notebook. Never pickle.

``record.json`` is small and holds the digests of the other members, so that they are known to be of one run; each of
them is read by who needs it, and checked then. Whatever is wrong with a file is a GraderError: it may cost its own
student a decision, and nobody else anything.
"""

import dataclasses
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load as tensors_in
from safetensors.numpy import save as tensors_as_bytes

from autograder.errors import GraderError
from autograder.models import Fault, HandedIn, Observation, Record
from autograder.observe.whole import replace_file

RECORD, VALUES_FILE, TENSORS_FILE = "record.json", "values.json", "observations.safetensors"
NOTEBOOK = "executed.ipynb"
LEFT_ON, REPLACED = "left_on", "replaced"
NOTED = (LEFT_ON, REPLACED)
"""What of a probe's report a run's notes tell: it stands in ``record.json`` too."""
SUFFIX = ".zip"
SCHEMA = 5
"""Of the members of a Record. Raise it when a Record of an earlier version can no longer be judged as it is."""
FILE_MAX_BYTES = 500_000_000
UNPACKED_MAX_BYTES = 1_000_000_000
"""More than any run may leave; a file that would unpack to more was not made here."""
COMPRESSION = 1
"""Names of parameters fill a file and shrink at any level to a fifth; the arrays do not."""
DAMAGED = "the Record is damaged; grade this submission again"
EARLIER = "the Record is a folder, as an earlier version wrote it; grade this submission again"


def path_of(folder: Path, student: str) -> Path:
    """Where a student's Record lies in a folder of Records."""
    return folder / f"{student}{SUFFIX}"


def student_of(path: Path) -> str:
    """Whose Record a file of this name holds."""
    return path.name.removesuffix(SUFFIX)


def students(folder: Path) -> list[str]:
    """Everybody who has a Record there, damaged or of an earlier version's form though it may be."""
    packed = {student_of(path) for path in folder.glob(f"*{SUFFIX}")}
    return sorted(packed | {path.parent.name for path in folder.glob(f"*/{RECORD}")})


def pack(record: Record, notebook: str | None = None) -> bytes:
    """A Record and the executed notebook's JSON as bytes: the same ones for the same run."""
    values = {name: observation.values for name, observation in record.observations.items()}
    members = {VALUES_FILE: json.dumps(values).encode(), TENSORS_FILE: tensors_as_bytes(tensors_of(record))}
    if notebook is not None:
        members[NOTEBOOK] = notebook.encode("utf-8")
    fields = {f.name: getattr(record, f.name) for f in dataclasses.fields(record)} | {
        "observations": {name: noted(found) for name, found in values.items()},
        "faults": [dataclasses.asdict(fault) for fault in record.faults],
        "files": [dataclasses.asdict(file) for file in record.files],
        "schema": SCHEMA,
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in members.items()},
    }
    return zipped({RECORD: json.dumps(fields).encode()} | members)


def noted(values: Any) -> dict[str, Any]:
    """What of a probe's report the notes are made of."""
    return {key: values[key] for key in NOTED if key in values} if isinstance(values, dict) else {}


def tensors_of(record: Record) -> dict[str, Any]:
    """All arrays under names that say which grade cell they belong to."""
    return {
        f"{grade_id}:{name}": np.ascontiguousarray(array)
        for grade_id, observation in record.observations.items()
        for name, array in observation.tensors.items()
    }


def zipped(members: Mapping[str, bytes]) -> bytes:
    """A zip archive of these members, without times."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION) as archive:
        for name, data in members.items():
            # A ZipInfo has a fixed time, and its own idea of compression.
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED, COMPRESSION)
    return file.getvalue()


@contextmanager
def damage_told() -> Iterator[None]:
    """Whatever a damaged file provokes in here is a GraderError."""
    try:
        yield
    except GraderError:
        raise
    except Exception as error:
        # zipfile, zlib, json and safetensors have a dozen exceptions between them, and memory may not suffice.
        raise GraderError(DAMAGED) from error


class SavedRecord:
    """A Record's file. GraderError when what is asked of it is damaged, of another run, or of another version."""

    def __init__(self, data: bytes) -> None:
        with damage_told():
            self.archive = zipfile.ZipFile(io.BytesIO(data))
            names = names_in_bounds(self.archive)
            fields: dict[str, Any] = json.loads(self.archive.read(RECORD))
            if (schema := fields.pop("schema", 1)) != SCHEMA:
                raise GraderError(f"the Record has schema {schema}, and this is {SCHEMA}; grade this submission again")
            self.digests: dict[str, str] = fields.pop("sha256")
            if self.digests.keys() != names - {RECORD} or not {VALUES_FILE, TENSORS_FILE} <= names <= MEMBERS:
                raise GraderError(DAMAGED)
            self.summary = restored(fields)
            """The Record with no more of what was observed than a run's notes tell: the rest is most of its size."""

    def member(self, name: str) -> bytes:
        """The bytes of a member, once they are known to be those that were saved."""
        with damage_told():
            data = self.archive.read(name)
            if self.digests[name] != hashlib.sha256(data).hexdigest():
                raise GraderError(DAMAGED)
            return data

    @cached_property
    def record(self) -> Record:
        """The Record with all that was observed, which only the judge needs."""
        with damage_told():
            values, tensors = json.loads(self.member(VALUES_FILE)), tensors_in(self.member(TENSORS_FILE))
            if values.keys() != self.summary.observations.keys():
                raise GraderError(DAMAGED)
            return dataclasses.replace(self.summary, observations=observations_of(values, tensors))

    @property
    def notebook(self) -> str | None:
        """JSON of the executed notebook, if there is one."""
        with damage_told():
            return self.member(NOTEBOOK).decode("utf-8") if NOTEBOOK in self.digests else None


MEMBERS = {RECORD, VALUES_FILE, TENSORS_FILE, NOTEBOOK}


def names_in_bounds(archive: zipfile.ZipFile) -> set[str]:
    """The names of the members, once their sizes are known to be such as are written here."""
    found = archive.infolist()
    names = {info.filename for info in found}
    if len(names) < len(found):
        raise GraderError(DAMAGED)
    if sum(info.file_size for info in found) > UNPACKED_MAX_BYTES:
        raise GraderError(f"the Record would unpack to more than {UNPACKED_MAX_BYTES:,} bytes; {DAMAGED}")
    return names


def unpack(data: bytes) -> tuple[Record, str | None]:
    """All that was packed; GraderError when it is damaged, put together from several, or of another version."""
    saved = SavedRecord(data)
    return saved.record, saved.notebook


def restored(fields: dict[str, Any]) -> Record:
    """A Record from what ``record.json`` holds."""
    fields["observations"] = {name: Observation(noted(found), {}) for name, found in fields["observations"].items()}
    fields["faults"] = tuple(Fault(**fault) for fault in fields["faults"])
    fields["files"] = tuple(HandedIn(**file) for file in fields["files"])
    fields |= {name: tuple(fields[name]) for name in ("repairs", "not_taken")}
    return Record(**fields)


def observations_of(values: dict[str, Any], tensors: dict[str, Any]) -> dict[str, Observation]:
    """What was observed of each grade cell."""
    return {grade_id: Observation(found, own(tensors, grade_id)) for grade_id, found in values.items()}


def own(tensors: dict[str, Any], grade_id: str) -> dict[str, Any]:
    """The tensors of one grade cell, under the names that its probe gave them."""
    prefix = f"{grade_id}:"
    return {name.removeprefix(prefix): array for name, array in tensors.items() if name.startswith(prefix)}


def save(record: Record, path: Path, notebook: str | None = None) -> None:
    """Write a Record and the executed notebook's JSON."""
    replace_file(path, pack(record, notebook))


def load(path: Path) -> Record:
    """The Record in a file; GraderError when it cannot be judged, or is another student's."""
    return saved_at(path).record


def read(path: Path) -> tuple[Record, str | None]:
    """The Record in a file and the executed notebook: every member is looked at."""
    saved = saved_at(path)
    return saved.record, saved.notebook


def saved_at(path: Path) -> SavedRecord:
    """A Record's file, whose members are read when they are asked for; GraderError when it is another student's."""
    saved = SavedRecord(file_bytes(path))
    student = student_of(path)
    if saved.summary.student != student:
        raise GraderError(
            f"the Record is of {saved.summary.student!r}, not of {student!r}; grade this submission again"
        )
    return saved


def file_bytes(path: Path) -> bytes:
    """The bytes of a Record's file; GraderError says why there are none."""
    try:
        if path.stat().st_size > FILE_MAX_BYTES:
            raise GraderError(DAMAGED)
        return path.read_bytes()
    except (OSError, MemoryError) as error:
        if (path.with_name(student_of(path)) / RECORD).is_file():
            raise GraderError(EARLIER) from error
        raise GraderError("there is no complete Record of this submission; grade it again") from error

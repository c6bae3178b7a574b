"""Records on disk: one file per submission, a zip of JSON, safetensors and the executed notebook. Never pickle.

``record.json`` holds the digests of the other members, so that they are known to be of one run. Whatever is wrong
with a file is a GraderError: it may cost its own student a decision, and nobody else anything.
"""

import dataclasses
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load as tensors_in
from safetensors.numpy import save as tensors_as_bytes

from autograder.errors import GraderError
from autograder.models import Fault, HandedIn, Observation, Record
from autograder.observe.whole import replace_file

RECORD, TENSORS_FILE, NOTEBOOK = "record.json", "observations.safetensors", "executed.ipynb"
SUFFIX = ".zip"
SCHEMA = 3
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
    members = {TENSORS_FILE: tensors_as_bytes(tensors_of(record))}
    if notebook is not None:
        members[NOTEBOOK] = notebook.encode("utf-8")
    fields = {f.name: getattr(record, f.name) for f in dataclasses.fields(record)} | {
        "observations": {name: observation.values for name, observation in record.observations.items()},
        "faults": [dataclasses.asdict(fault) for fault in record.faults],
        "files": [dataclasses.asdict(file) for file in record.files],
        "schema": SCHEMA,
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in members.items()},
    }
    return zipped({RECORD: json.dumps(fields).encode()} | members)


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


def unpack(data: bytes, *, arrays: bool = True) -> tuple[Record, str | None]:
    """What was packed; GraderError when it is damaged, put together from several, or of another version.

    Without ``arrays``, which only the judge needs, observations have none.
    """
    try:
        return unpack_trusting(data, arrays)
    except GraderError:
        raise
    except Exception as error:
        # zipfile, zlib, json and safetensors have a dozen exceptions between them, and memory may not suffice.
        raise GraderError(DAMAGED) from error


def unpack_trusting(data: bytes, arrays: bool) -> tuple[Record, str | None]:
    """The same, with whatever exception a damaged file provokes."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = read_members(archive)
    fields: dict[str, Any] = json.loads(members.pop(RECORD))
    schema = fields.pop("schema", 1)
    if schema != SCHEMA:
        raise GraderError(f"the Record has schema {schema}, and this is {SCHEMA}; grade this submission again")
    if fields.pop("sha256") != {name: hashlib.sha256(member).hexdigest() for name, member in members.items()}:
        raise GraderError(DAMAGED)
    notebook = members[NOTEBOOK].decode("utf-8") if NOTEBOOK in members else None
    return restored(fields, tensors_in(members[TENSORS_FILE]) if arrays else {}), notebook


def read_members(archive: zipfile.ZipFile) -> dict[str, bytes]:
    """The members, once their names and sizes are known to be such as are written here."""
    found = archive.infolist()
    names = [info.filename for info in found]
    if len(set(names)) < len(names) or not {RECORD, TENSORS_FILE} <= {*names} <= {RECORD, TENSORS_FILE, NOTEBOOK}:
        raise GraderError(DAMAGED)
    if sum(info.file_size for info in found) > UNPACKED_MAX_BYTES:
        raise GraderError(f"the Record would unpack to more than {UNPACKED_MAX_BYTES:,} bytes; {DAMAGED}")
    return {info.filename: archive.read(info) for info in found}


def restored(fields: dict[str, Any], tensors: dict[str, Any]) -> Record:
    """A Record from what was saved of it."""
    fields["observations"] = {
        grade_id: Observation(values, own(tensors, grade_id)) for grade_id, values in fields["observations"].items()
    }
    fields["faults"] = tuple(Fault(**fault) for fault in fields["faults"])
    fields["files"] = tuple(HandedIn(**file) for file in fields["files"])
    fields |= {name: tuple(fields[name]) for name in ("repairs", "not_taken")}
    return Record(**fields)


def own(tensors: dict[str, Any], grade_id: str) -> dict[str, Any]:
    """The tensors of one grade cell, under the names that its probe gave them."""
    prefix = f"{grade_id}:"
    return {name.removeprefix(prefix): array for name, array in tensors.items() if name.startswith(prefix)}


def save(record: Record, path: Path, notebook: str | None = None) -> None:
    """Write a Record and the executed notebook's JSON."""
    replace_file(path, pack(record, notebook))


def load(path: Path) -> Record:
    """The Record in a file; GraderError when it cannot be judged, or is another student's."""
    return read(path)[0]


def read(path: Path, *, arrays: bool = True) -> tuple[Record, str | None]:
    """The Record in a file, with or without what was observed as arrays, and the executed notebook."""
    record, notebook = unpack(file_bytes(path), arrays=arrays)
    student = student_of(path)
    if record.student != student:
        raise GraderError(f"the Record is of {record.student!r}, not of {student!r}; grade this submission again")
    return record, notebook


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

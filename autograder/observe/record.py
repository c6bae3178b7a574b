"""Records on disk: JSON, safetensors and the executed notebook, one folder per submission. Never pickle."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from autograder.errors import GraderError
from autograder.models import Fault, HandedIn, Observation, Record

RECORD, TENSORS_FILE, NOTEBOOK = "record.json", "observations.safetensors", "executed.ipynb"
SCHEMA = 2
"""Of the files of a Record. Raise it when a Record of an earlier version can no longer be judged as it is."""


def save(record: Record, folder: Path, notebook: str | None = None) -> None:
    """Write a Record and the executed notebook's JSON; record.json comes last: a folder that has it is complete."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECORD).unlink(missing_ok=True)
    tensors = {
        f"{grade_id}:{name}": np.ascontiguousarray(array)
        for grade_id, observation in record.observations.items()
        for name, array in observation.tensors.items()
    }
    save_file(tensors, folder / TENSORS_FILE)
    (folder / NOTEBOOK).unlink(missing_ok=True)
    if notebook is not None:
        (folder / NOTEBOOK).write_text(notebook, encoding="utf-8")
    values = {name: observation.values for name, observation in record.observations.items()}
    fields = {f.name: getattr(record, f.name) for f in dataclasses.fields(record)} | {
        "observations": values,
        "schema": SCHEMA,
    }
    fields["faults"] = [dataclasses.asdict(fault) for fault in record.faults]
    fields["files"] = [dataclasses.asdict(file) for file in record.files]
    (folder / RECORD).write_text(json.dumps(fields), encoding="utf-8")


def load(folder: Path) -> Record:
    """The Record in a folder; GraderError when there is none, or one that cannot be judged any more."""
    try:
        fields: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise GraderError(f"no complete Record in {folder}; grade this submission again") from error
    schema = fields.pop("schema", 1) if isinstance(fields, dict) else None
    if schema != SCHEMA:
        raise GraderError(f"the Record has schema {schema}, and this is {SCHEMA}; grade this submission again")
    try:
        return restored(fields, load_file(folder / TENSORS_FILE))
    except (OSError, SafetensorError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise GraderError("the Record is damaged; grade this submission again") from error


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

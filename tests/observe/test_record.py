"""Records survive the disk.

Covers autograder/models.py.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from autograder.errors import GraderError
from autograder.models import Fault
from autograder.observe import record as records
from tests import builders


def test_a_record_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    observation = builders.through_the_wire({"case": {"a": torch.eye(2), "n": 1.5}})
    saved = builders.record(
        "ada", {"todo3": observation}, faults=(Fault("todo3", "deadline", "late"),), repairs=("mended",), wall_s=1.0
    )
    records.save(saved, tmp_path)
    loaded = records.load(tmp_path)
    assert np.array_equal(loaded.observations["todo3"]["case"]["a"].array(2, 2), np.eye(2))
    assert loaded.observations["todo3"]["case"]["n"].number() == 1.5
    assert (loaded.student, loaded.faults, loaded.repairs) == ("ada", saved.faults, ("mended",))


def test_a_folder_without_a_complete_record_is_the_graders_fault(tmp_path: Path) -> None:
    with pytest.raises(GraderError, match="grade this submission again"):
        records.load(tmp_path)


def test_saving_again_replaces_the_executed_notebook(tmp_path: Path) -> None:
    records.save(builders.record(), tmp_path, "{}")
    assert (tmp_path / records.NOTEBOOK).read_text() == "{}"
    records.save(builders.record(not_run="missing"), tmp_path)
    assert not (tmp_path / records.NOTEBOOK).exists()


@pytest.mark.parametrize("schema", [1, 3, "x", None])
def test_a_record_of_another_schema_says_so(tmp_path: Path, schema: object) -> None:
    records.save(builders.record("ada"), tmp_path)
    fields = json.loads((tmp_path / records.RECORD).read_text())
    (tmp_path / records.RECORD).write_text(json.dumps(fields | {"schema": schema}))
    with pytest.raises(GraderError, match=f"the Record has schema {schema}, and this is {records.SCHEMA}; grade"):
        records.load(tmp_path)


def damaged_records() -> dict[str, Callable[[Path], object]]:
    """What may have happened to a saved Record."""

    def cut(path: Path) -> None:
        path.write_bytes(path.read_bytes()[:-3])

    def lack(path: Path, field: str) -> None:
        fields = json.loads(path.read_text())
        del fields[field]
        path.write_text(json.dumps(fields))

    return {
        "cut off": lambda folder: cut(folder / records.RECORD),
        "tensors cut off": lambda folder: cut(folder / records.TENSORS_FILE),
        "tensors gone": lambda folder: (folder / records.TENSORS_FILE).unlink(),
        "a field gone": lambda folder: lack(folder / records.RECORD, "observations"),
        "another gone": lambda folder: lack(folder / records.RECORD, "student"),
        "a list": lambda folder: (folder / records.RECORD).write_text("[]"),
    }


@pytest.mark.parametrize("damage", damaged_records())
def test_a_damaged_record_is_ours_and_says_what_to_do(tmp_path: Path, damage: str) -> None:
    observations = {"todo1": builders.through_the_wire({"x": torch.ones(2)})}
    records.save(builders.record("ada", observations), tmp_path)
    assert records.load(tmp_path).observations["todo1"]["x"].array(2).sum() == 2
    damaged_records()[damage](tmp_path)
    with pytest.raises(GraderError, match="grade this submission again"):
        records.load(tmp_path)

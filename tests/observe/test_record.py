"""Records survive the disk."""

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

"""Records survive the disk, and whatever else comes from it is nobody's score.

Covers autograder/models.py and autograder/observe/whole.py.
"""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from autograder.errors import GraderError
from autograder.models import Fault, Record
from autograder.observe import record as records
from autograder.observe.record import NOTEBOOK, RECORD, TENSORS_FILE, VALUES_FILE
from tests import builders

AGAIN = "grade (this submission|it) again"


def example(student: str = "ada", value: float = 1.0) -> Record:
    """A Record with an array."""
    observations = {"todo1": builders.through_the_wire({"x": torch.full((2,), value)})}
    return builders.record(student, observations, faults=(Fault("todo1", "deadline", "late"),), repairs=("mended",))


def members(data: bytes) -> dict[str, bytes]:
    """What is in a packed Record."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def repacked(**changed: object) -> bytes:
    """A packed Record with other fields."""
    found = members(records.pack(example()))
    fields = json.loads(found[RECORD])
    return records.zipped(found | {RECORD: json.dumps({**fields, **changed}).encode()})


def test_a_record_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    observation = builders.through_the_wire({"case": {"a": torch.eye(2), "n": 1.5}})
    saved = builders.record(
        "ada", {"todo3": observation}, faults=(Fault("todo3", "deadline", "late"),), repairs=("mended",), key="a:b"
    )
    records.save(saved, tmp_path / "ada.zip", "{}")
    loaded, notebook = records.read(tmp_path / "ada.zip")
    assert np.array_equal(loaded.observations["todo3"]["case"]["a"].array(2, 2), np.eye(2))
    assert loaded.observations["todo3"]["case"]["n"].number() == 1.5
    assert (loaded.student, loaded.faults, loaded.repairs, loaded.key) == ("ada", saved.faults, ("mended",), "a:b")
    assert notebook == "{}"
    assert [path.name for path in tmp_path.iterdir()] == ["ada.zip"]


def test_the_same_run_is_packed_to_the_same_bytes() -> None:
    assert records.pack(example(), "{}") == records.pack(example(), "{}")


def test_saving_again_replaces_the_executed_notebook_too(tmp_path: Path) -> None:
    records.save(builders.record("s"), tmp_path / "s.zip", "{}")
    records.save(builders.record("s", not_run="missing"), tmp_path / "s.zip")
    assert records.read(tmp_path / "s.zip")[1] is None


def test_what_cannot_be_written_leaves_the_record_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records.save(example(), tmp_path / "ada.zip")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        records.save(example(value=2.0), tmp_path / "ada.zip")
    assert records.load(tmp_path / "ada.zip").observations["todo1"]["x"].array(2).sum() == 2
    assert [path.name for path in tmp_path.iterdir()] == ["ada.zip"]


@pytest.mark.parametrize("schema", [*range(1, records.SCHEMA), records.SCHEMA + 1, "x", None])
def test_a_record_of_another_schema_says_so(schema: object) -> None:
    with pytest.raises(GraderError, match=f"the Record has schema {schema}, and this is {records.SCHEMA}; {AGAIN}"):
        records.unpack(repacked(schema=schema))


def bomb(size: int) -> bytes:
    """A small file that says it holds that much."""
    found = members(records.pack(example()))
    return records.zipped(found | {NOTEBOOK: b"0" * size})


def lying_bomb() -> bytes:
    """A file with a member that is longer than it says."""
    data = bytearray(bomb(1_000_000))
    size = (1_000_000).to_bytes(4, "little")
    while size in data:
        place = data.index(size)
        data[place : place + 4] = (10).to_bytes(4, "little")
    return bytes(data)


def doubled() -> bytes:
    """A file with two members of one name."""
    file = io.BytesIO(records.pack(example()))
    with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(RECORD, "{}")
    return file.getvalue()


def damaged_records() -> dict[str, Callable[[], bytes]]:
    """What a file may hold instead of a Record."""
    whole, other = members(records.pack(example(), "{}")), members(records.pack(example(value=2.0), "[]"))
    return {
        "nothing": lambda: b"",
        "cut off": lambda: records.pack(example())[:-3],
        "its first half": lambda: records.pack(example())[: len(records.pack(example())) // 2],
        "no zip": lambda: b"{}" * 100,
        "other arrays": lambda: records.zipped(whole | {TENSORS_FILE: other[TENSORS_FILE]}),
        "another notebook": lambda: records.zipped(whole | {NOTEBOOK: other[NOTEBOOK]}),
        "no notebook": lambda: records.zipped({name: data for name, data in whole.items() if name != NOTEBOOK}),
        "other values": lambda: records.zipped(whole | {VALUES_FILE: b"{}"}),
        "no values": lambda: records.zipped({name: data for name, data in whole.items() if name != VALUES_FILE}),
        "no arrays": lambda: records.zipped({name: data for name, data in whole.items() if name != TENSORS_FILE}),
        "one member more": lambda: records.zipped(whole | {"more": b""}),
        "two of a name": doubled,
        "a list": lambda: records.zipped(whole | {RECORD: b"[]"}),
        "deep JSON": lambda: records.zipped(whole | {RECORD: b"[" * 200_000}),
        "no observations": lambda: repacked(observations=None),
        "a field too many": lambda: repacked(colour="red"),
        "a longer member than it says": lying_bomb,
    }


@pytest.mark.parametrize("damage", damaged_records())
def test_a_damaged_record_is_ours_and_says_what_to_do(tmp_path: Path, damage: str) -> None:
    (tmp_path / "ada.zip").write_bytes(damaged_records()[damage]())
    with pytest.raises(GraderError, match=AGAIN):
        records.read(tmp_path / "ada.zip")


READERS: dict[str, Callable[[records.SavedRecord], object]] = {
    VALUES_FILE: lambda saved: saved.record,
    TENSORS_FILE: lambda saved: saved.record,
    NOTEBOOK: lambda saved: saved.notebook,
}


@pytest.mark.parametrize("member", READERS)
def test_what_is_damaged_is_found_by_who_reads_it_and_keeps_nobody_from_the_rest(member: str) -> None:
    whole, other = members(records.pack(example(), "{}")), members(records.pack(example(value=2.0), "[]"))
    saved = records.SavedRecord(records.zipped(whole | {member: other[member] + b" "}))
    assert saved.summary.student == "ada"
    for name, read in READERS.items():
        if read is READERS[member] or (name != NOTEBOOK and member != NOTEBOOK):
            with pytest.raises(GraderError, match=AGAIN):
                read(saved)
        else:
            assert read(saved)


def test_a_summary_holds_of_the_observations_what_the_notes_tell() -> None:
    found = builders.through_the_wire({"left_on": ["grad"], "replaced": [], "x": torch.eye(2)})
    saved = records.SavedRecord(records.pack(builders.record("ada", {"todo1": found})))
    assert saved.summary.observations["todo1"].values == {"left_on": ["grad"], "replaced": []}
    assert saved.record.observations["todo1"].values.keys() == {"left_on", "replaced", "x"}


def test_a_record_of_the_schema_before_says_so() -> None:
    found = members(repacked(schema=records.SCHEMA - 1))
    data = records.zipped({name: data for name, data in found.items() if name != VALUES_FILE})
    said = f"the Record has schema {records.SCHEMA - 1}, and this is {records.SCHEMA}; {AGAIN}"
    with pytest.raises(GraderError, match=said):
        records.SavedRecord(data)


def test_a_record_with_any_one_byte_changed_is_the_same_or_refused() -> None:
    data, expected = records.pack(example(), "{}"), members(records.pack(example(), "{}"))
    accepted = []
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 0x41
        try:
            record, notebook = records.unpack(bytes(changed))
        except GraderError:
            continue
        accepted.append(members(records.pack(record, notebook)) == expected)
    assert all(accepted)
    assert len(accepted) < len(data) // 4


def test_a_file_that_would_unpack_to_too_much_is_never_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bomb(5_000_000)
    monkeypatch.setattr(records, "UNPACKED_MAX_BYTES", 4_000_000)
    monkeypatch.setattr(zipfile.ZipFile, "read", None)
    with pytest.raises(GraderError, match="would unpack to more than 4,000,000 bytes"):
        records.unpack(data)


def test_memory_that_does_not_suffice_is_the_graders_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def short(fields: object) -> Record:
        raise MemoryError

    monkeypatch.setattr(records, "restored", short)
    with pytest.raises(GraderError, match=AGAIN):
        records.unpack(records.pack(example()))


def test_the_record_of_another_student_is_refused(tmp_path: Path) -> None:
    records.save(example("ada"), tmp_path / "bob.zip")
    with pytest.raises(GraderError, match=f"the Record is of 'ada', not of 'bob'; {AGAIN}"):
        records.load(tmp_path / "bob.zip")


def test_no_record_a_folder_in_its_place_and_one_of_an_earlier_version_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "folder.zip").mkdir()
    (tmp_path / "early").mkdir()
    (tmp_path / "early" / RECORD).write_text("{}")
    for student, words in {"nobody": "no complete Record", "folder": "no complete Record", "early": "earlier"}.items():
        with pytest.raises(GraderError, match=f"{words}.*{AGAIN}"):
            records.load(records.path_of(tmp_path, student))
    assert records.students(tmp_path) == ["early", "folder"]

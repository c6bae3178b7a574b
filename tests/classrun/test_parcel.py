"""What travels: nothing that a student may not see, and the same things on both sides."""

from dataclasses import fields
from pathlib import Path

import pytest
from nbgrader.utils import is_solution

from autograder.cells import SOLUTION_REGION, grade_id
from autograder.classrun import parcel
from autograder.classrun.prepare import Prepared
from autograder.classrun.run import blank
from autograder.classrun.settings import Settings, settings_of
from autograder.errors import GraderError
from autograder.models import Fault, HandedIn, Record, Submission
from autograder.observe import record as records
from autograder.submission.align import Aligned
from autograder.submission.archive import Refused
from autograder.submission.beside import Beside
from autograder.submission.match import wanted
from tests import builders

ADA = Submission("ada", builders.NAME, Path("ada.ipynb"))
PREPARED = Prepared(
    "0" * 64,
    Aligned(builders.release_notebook(), ("a repair",), {"todo1": "unclear"}, {"name": "why"}),
    Beside((("helper.py", b"x = 1"), ("data/a b.bin", bytes(range(256)))), (Refused("big", "too large"),)),
    {"helper": "needs a newer Python"},
)


@pytest.fixture(scope="module")
def settings() -> Settings:
    """Of HW 8."""
    return settings_of(builders.assignment(), builders.ROOT / "source" / builders.NAME / f"{builders.NAME}.ipynb")


def texts(value: object) -> list[str]:
    """Every text and name in a tree of values."""
    if isinstance(value, dict):
        return [text for pair in value.items() for one in pair for text in texts(one)]
    if isinstance(value, list | tuple):
        return [text for one in value for text in texts(one)]
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)]


def test_a_parcel_holds_no_solution_no_hidden_test_and_no_public_text(settings: Settings) -> None:
    found = "\n".join(texts(parcel.values_in(parcel.packed_parcel(settings))))
    regions = [m["body"].strip() for cell in settings.source.cells for m in SOLUTION_REGION.finditer(cell.source)]
    assert len(regions) > 5
    assert [body for body in regions if body in found] == []
    hidden = settings.assignment.hidden_test_files()
    assert [path.name for path in hidden if path.read_text(encoding="utf-8") in found] == []
    assert "public" not in parcel.values_in(parcel.packed_parcel(settings))["declaration"]


def test_the_same_homework_is_the_same_bytes(settings: Settings) -> None:
    assert parcel.packed_parcel(settings) == parcel.packed_parcel(settings)


def test_a_worker_runs_with_what_is_run_with_here(settings: Settings, tmp_path: Path) -> None:
    there, asked = parcel.unpacked_parcel(parcel.packed_parcel(settings), tmp_path)
    assert parcel.differing(asked) == ""
    assert there.assignment.shipped == settings.assignment.shipped
    assert there.assignment.probes_sha256 == settings.assignment.probes_sha256
    assert there.released_cells == settings.released_cells
    for name in ("source_sha256", "notebook", "profile", "sandboxed", "deadlines", "limits"):
        assert getattr(there, name) == getattr(settings, name)
    for name in ("profiles", "imports", "functions_of", "classes_of", "packages", "changing"):
        assert getattr(there.assignment.declaration, name) == getattr(settings.assignment.declaration, name)
    pairs = zip(settings.source.cells, there.source.cells, strict=True)
    assert all(grade_id(one) == grade_id(other) for one, other in pairs)
    asked_here, asked_there = (
        [wanted(cell) for cell in one.source.cells if is_solution(cell)] for one in (settings, there)
    )
    assert asked_here == asked_there
    assert [*there.assignment.folder.glob("test_*")] == []


def test_a_prepared_submission_arrives_as_it_was() -> None:
    submission, seed, prepared = parcel.unpacked_unit(parcel.packed_unit(ADA, 11, PREPARED, PREPARED.aligned))
    assert (submission.student, submission.assignment, seed) == ("ada", builders.NAME, 11)
    assert prepared == PREPARED


def test_every_field_that_a_run_reads_travels() -> None:
    # One that is new has its default here, or is in no list: it must travel, or say why it need not.
    for one, apart in ((PREPARED, {"not_run"}), (PREPARED.aligned, set()), (PREPARED.beside, set())):
        assert {f.name for f in fields(one) if not getattr(one, f.name)} == apart
    carried = {
        "assignment",
        "source",
        "source_sha256",
        "notebook",
        "files",
        "profile",
        "sandboxed",
        "deadlines",
        "limits",
    }
    with_the_unit, kept_here = {"seed"}, {"reserved", "jobs", "second_seed", "fetched", "cards"}
    assert {f.name for f in fields(Settings)} == carried | with_the_unit | kept_here


def answer(settings: Settings, notebook: str = '{"cells": []}', **changes: object) -> bytes:
    """A Record as a worker gives it back, with some of it changed."""
    record = blank(ADA, settings, PREPARED)
    fields = vars(record) | {"files": PREPARED.files} | changes
    return records.pack(Record(**fields), notebook)


def test_the_record_that_was_asked_for_is_believed(settings: Settings) -> None:
    record, notebook = parcel.believed(answer(settings), ADA, settings, PREPARED)
    assert (record.student, notebook) == ("ada", {"cells": []})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("student", "bob"),
        ("assignment", "hw9"),
        ("profile", "full"),
        ("seed", -1),
        ("submission_sha256", "1" * 64),
        ("source_sha256", "1" * 64),
        ("probes_sha256", "1" * 64),
        ("versions", {"numpy": "1.0"}),
        ("files", (HandedIn("helper.py", 5, "1" * 64),)),
    ],
)
def test_another_record_is_not(settings: Settings, name: str, value: object) -> None:
    with pytest.raises(GraderError, match=f"what differs: {name}$"):
        parcel.believed(answer(settings, **{name: value}), ADA, settings, PREPARED)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("wall_s", "1"),
        ("cpu_s", None),
        ("peak_memory_bytes", True),
        ("times_s", {"ready": []}),
        ("repairs", (1,)),
        ("not_taken", ({},)),
        ("sandbox", {"mounts": 1}),
        ("not_run", 1),
        ("faults", (Fault("todo1", [], "a message"),)),
    ],
)
def test_a_record_with_values_of_another_kind_is_not(settings: Settings, name: str, value: object) -> None:
    with pytest.raises(GraderError, match="another kind"):
        parcel.believed(answer(settings, **{name: value}), ADA, settings, PREPARED)


@pytest.mark.parametrize("notebook", ["", "[]", '{"cells": 1}', "{}", "[" * 100_000])
def test_a_record_with_no_notebook_in_it_is_not(settings: Settings, notebook: str) -> None:
    with pytest.raises(GraderError, match="no notebook"):
        parcel.believed(answer(settings, notebook), ADA, settings, PREPARED)


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x80\x04N.", b"\x01", b"\x81", b"\xdd\xff\xff\xff\xff"])
def test_bytes_that_hold_no_values_are_an_error_of_ours(data: bytes) -> None:
    with pytest.raises(GraderError, match="malformed"):
        parcel.values_in(data)


def test_what_differs_is_named_with_both_versions() -> None:
    told = parcel.differing({"numpy": "1.0", "no-such-package": "2", parcel.OURS: ""})
    assert "numpy 2" in told
    assert "instead of 1.0" in told
    assert "no-such-package (missing) instead of 2" in told
    assert told.endswith(parcel.OURS)

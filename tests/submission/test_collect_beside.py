"""What was handed in with the notebook lands beside it, within bounds.

Covers autograder/submission/further.py.
"""

from pathlib import Path

import pytest

from autograder.course import Course
from autograder.submission.collect import Collected, collect
from tests.builders import NAME
from tests.submission.collecting import BOOK, saved, take, taken
from tests.submission.downloads import unzipped, zipped


def beside(course: Course, student: str) -> dict[str, bytes]:
    folder = course.submitted(student, NAME).parent
    found = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    return {name: data for name, data in found.items() if name not in (f"{NAME}.ipynb", "timestamp.txt")}


WITH_FILES: dict[str, tuple[dict[str, bytes], str]] = {
    "canvas": (
        {
            "adal_1_70001_hw8_lora.ipynb": BOOK,
            "adal_1_70002_lora_utils.py": b"h",
            "adal_1_70003_reviews.csv": b"d",
            "bob_2_70004_hw8_lora.ipynb": BOOK,
            "bob_2_70005_lora_utils.py": b"bob's",
        },
        "adal_1",
    ),
    "canvas, handed in again": (
        {
            "adal_1_70001_hw8_lora.ipynb": b"old",
            "adal_1_70002_lora_utils.py": b"old",
            "adal_1_70007_hw8_lora-2.ipynb": BOOK,
            "adal_1_70008_lora_utils-1.py": b"h",
            "adal_1_70009_reviews-2.csv": b"d",
        },
        "adal_1",
    ),
    "canvas, in an archive": (
        {
            "adal_1_70001_hw8_lora.ipynb": BOOK,
            "adal_1_70002_helpers.zip": zipped({"lora_utils.py": b"h", "reviews.csv": b"d"}),
        },
        "adal_1",
    ),
    "canvas, all in an archive": (
        {"adal_1_70001_hw.zip": zipped({"hw/hw8_lora.ipynb": BOOK, "hw/lora_utils.py": b"h", "hw/reviews.csv": b"d"})},
        "adal_1",
    ),
    "moodle": (
        {
            "Ada_7_assignsubmission_file_/work/final.ipynb": BOOK,
            "Ada_7_assignsubmission_file_/work/lora_utils.py": b"h",
            "Ada_7_assignsubmission_file_/work/reviews.csv": b"d",
            "Ada_7_assignsubmission_onlinetext_/onlinetext.html": b"<p>",
        },
        "Ada",
    ),
    "blackboard": (
        {
            "HW_ada_attempt_2026-01-30-12-00-00.txt": b"Name: Ada (ada)\r\n",
            "HW_ada_attempt_2026-01-29-12-00-00_hw8_lora.ipynb": b"old",
            "HW_ada_attempt_2026-01-29-12-00-00_lora_utils.py": b"old",
            "HW_ada_attempt_2026-01-30-12-00-00_hw8_lora.ipynb": BOOK,
            "HW_ada_attempt_2026-01-30-12-00-00_lora_utils.py": b"h",
            "HW_ada_attempt_2026-01-30-12-00-00_reviews.csv": b"d",
        },
        "ada",
    ),
    "gradescope": (
        {
            "assignment_5_export/submission_101/hw8_lora.ipynb": BOOK,
            "assignment_5_export/submission_101/lora_utils.py": b"h",
            "assignment_5_export/submission_101/reviews.csv": b"d",
            "assignment_5_export/submission_102/hw8_lora.ipynb": BOOK,
        },
        "submission_101",
    ),
    "folder": (
        {
            "ada/hw8_lora.ipynb": BOOK,
            "ada/lora_utils.py": b"h",
            "ada/reviews.csv": b"d",
            "ada/__pycache__/lora_utils.pyc": b"",
            "bob/hw8_lora.ipynb": BOOK,
        },
        "ada",
    ),
    "archive": ({"ada.zip": zipped({"hw8_lora.ipynb": BOOK, "lora_utils.py": b"h", "reviews.csv": b"d"})}, "ada"),
}


@pytest.mark.parametrize("name", WITH_FILES)
def test_a_students_further_files_land_beside_the_notebook(course: Course, tmp_path: Path, name: str) -> None:
    files, student = WITH_FILES[name]
    collected = take(course, tmp_path, files)
    assert beside(course, student) == {"lora_utils.py": b"h", "reviews.csv": b"d"}
    assert saved(course, student) == BOOK
    (mine,) = [one for one in collected.taken if one.student == student]
    assert "with lora_utils.py, reviews.csv" in mine.notes


def test_folders_below_the_notebook_stay_and_what_lies_outside_is_said(course: Course, tmp_path: Path) -> None:
    files = {"ada/nb/hw8_lora.ipynb": BOOK, "ada/nb/lib/__init__.py": b"", "ada/src/x.py": b""}
    collected = take(course, tmp_path, files | {"bob/hw8_lora.ipynb": BOOK})
    assert list(beside(course, "ada")) == ["lib/__init__.py"]
    assert "not taken: src/x.py: not in the notebook's folder or below it" in collected.taken[0].notes


def test_of_notebooks_under_other_names_the_one_of_this_homework_is_taken(course: Course, tmp_path: Path) -> None:
    mine = b'{"cells": [{"cell_type": "code", "source": "def attach_lora(): pass"}]}'
    collected = take(course, tmp_path, {"ada/mine.ipynb": mine, "ada/01_hooks.ipynb": BOOK, "bob/x.ipynb": BOOK})
    assert (saved(course, "ada"), beside(course, "ada")) == (mine, {"01_hooks.ipynb": BOOK})
    assert collected.refused == ()


def test_a_copy_is_taken_along_to_be_compared(course: Course, tmp_path: Path) -> None:
    take(course, tmp_path, {"ada/hw8_lora.ipynb": BOOK, "ada/hw8_lora-Copy1.ipynb": b"copy"})
    assert (saved(course, "ada"), beside(course, "ada")) == (BOOK, {"hw8_lora-Copy1.ipynb": b"copy"})


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("big.pt", b"x" * 20_000_001, "larger than the 20 MB"),
        ("fast.so", b"", "compiled code"),
        ("venv/lib/x.py", b"", "a virtual environment"),
        ("/".join("a" * 12) + ".py", b"", "folders deep"),
    ],
)
def test_what_is_not_taken_along_is_said_with_the_reason(
    course: Course, tmp_path: Path, name: str, data: bytes, reason: str
) -> None:
    folder = unzipped(tmp_path / "download", {"ada/hw8_lora.ipynb": BOOK, f"ada/{name}": data})
    collected = collect(course, NAME, folder)
    assert beside(course, "ada") == {}
    assert reason in str(collected.taken[0].notes)


def test_names_that_lead_out_are_refused_and_the_notebook_is_taken(course: Course, tmp_path: Path) -> None:
    collected = take(course, tmp_path, {"ada/hw8_lora.ipynb": BOOK, "ada/../../lora_utils.py": b"", "/etc/x.csv": b""})
    assert (taken(collected), len(collected.refused), beside(course, "ada")) == (["ada"], 2, {})
    assert not list(tmp_path.rglob("lora_utils.py"))


def test_ten_thousand_files_are_bounded(course: Course, tmp_path: Path) -> None:
    pictures = {f"ada/{n}.png": b"" for n in range(10_000)}
    collected = take(course, tmp_path, {"ada/hw8_lora.ipynb": BOOK, "ada/sub/lora_utils.py": b""} | pictures)
    assert len(beside(course, "ada")) == 200
    assert "more than the 200 files allowed" in str(collected.taken[0].notes)


def test_a_file_that_is_there_is_kept_unless_the_attempt_is_newer(course: Course, tmp_path: Path) -> None:
    def attempt(day: int, helper: bytes) -> Collected:
        start = f"HW_ada_attempt_2026-01-{day}-12-00-00_"
        return take(course, tmp_path, {f"{start}hw8_lora.ipynb": BOOK, f"{start}lora_utils.py": helper})

    attempt(20, b"second")
    assert "another file of this name is there" in str(attempt(20, b"edited").taken[0].notes)
    assert beside(course, "ada") == {"lora_utils.py": b"second"}
    attempt(21, b"third")
    assert beside(course, "ada") == {"lora_utils.py": b"third"}


def test_a_link_in_a_students_folder_is_not_written_through(course: Course, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    folder = course.submitted("ada", NAME).parent
    folder.mkdir(parents=True)
    (folder / "lib").symlink_to(tmp_path / "elsewhere")
    collected = take(course, tmp_path, {"ada/hw8_lora.ipynb": BOOK, "ada/lib/x.py": b"", "bob/hw8_lora.ipynb": BOOK})
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert "a folder on the way is a link" in str(collected.taken[0].notes)

"""Bulk downloads of learning platforms, taken in: one notebook of each student, and a reason for all the rest."""

import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from autograder.course import Course
from autograder.errors import UsageError
from autograder.submission import archive
from autograder.submission.collect import Collected, collect
from tests import builders
from tests.builders import NAME
from tests.conftest import run
from tests.submission import downloads
from tests.submission.downloads import unzipped, zipped

BOOK = b'{"cells": [], "nbformat": 4}'
STUDENTS: dict[Callable[[bytes], dict[str, bytes]], list[str]] = {
    downloads.canvas: ["anon_a1B2c", "lovelaceada_1815", "müllerjosé_77", "turingalan_1912"],
    downloads.moodle: ["Ada_Lovelace", "Alan_Turing", "Ana_O_Neil-Pérez", "Sam_Lee_1003", "Sam_Lee_1004"],
    downloads.blackboard: ["ada_l", "alan"],
    downloads.gradescope: ["1815", "1906", "alan@example.org", "submission_103"],
    downloads.exchange: ["ada"],
    downloads.folders: ["ada", "alan", "grace"],
}


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """A course with its source, and nothing submitted."""
    (tmp_path / "course").mkdir()
    return Course(builders.make_course(tmp_path / "course"))


def taken(collected: Collected) -> list[str]:
    return [one.student for one in collected.taken]


def reasons(collected: Collected) -> dict[str, str]:
    return {one.name: one.reason for one in collected.refused}


def saved(course: Course, student: str) -> bytes:
    return course.submitted(student, NAME).read_bytes()


def take(course: Course, folder: Path, files: dict[str, bytes] | bytes, **options: object) -> Collected:
    """What becomes of an archive of these files."""
    path = folder / "download.zip"
    path.write_bytes(files if isinstance(files, bytes) else zipped(files))
    return collect(course, NAME, path, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("as_folder", [False, True])
@pytest.mark.parametrize("platform", STUDENTS)
def test_every_platforms_download_gives_each_student_the_latest_notebook(
    platform: Callable[[bytes], dict[str, bytes]], as_folder: bool, course: Course, tmp_path: Path
) -> None:
    files = platform(BOOK)
    if as_folder:
        collected = collect(course, NAME, unzipped(tmp_path / "download", files))
    else:
        collected = take(course, tmp_path, files)
    assert sorted(taken(collected)) == STUDENTS[platform]
    assert all(saved(course, student).strip() == BOOK for student in STUDENTS[platform])


def test_the_times_lie_beside_the_notebooks_as_nbgrader_reads_them(course: Course, tmp_path: Path) -> None:
    take(course, tmp_path, downloads.blackboard(BOOK) | downloads.gradescope(BOOK))
    times = {
        s: course.directory.get_existing_timestamp(str(course.submitted(s, NAME).parent)) for s in ("ada_l", "1815")
    }
    assert {student: str(time) for student, time in times.items()} == {
        "ada_l": "2026-01-31 12:00:00",
        "1815": "2026-01-30 10:00:00",
    }


def test_the_first_attempt_is_taken_on_demand_and_the_others_are_counted(course: Course, tmp_path: Path) -> None:
    collected = take(course, tmp_path, downloads.blackboard(BOOK), attempts="first")
    assert saved(course, "ada_l") == b"old"
    assert collected.taken[0].notes == ("1 other attempt left out",)


def test_a_late_submission_is_said_to_be_late(course: Course, tmp_path: Path) -> None:
    late = [one.student for one in take(course, tmp_path, downloads.canvas(BOOK)).taken if "late" in one.notes]
    assert late == ["turingalan_1912"]


def test_a_student_without_a_notebook_is_named_with_what_was_handed_in(course: Course, tmp_path: Path) -> None:
    (reason,) = reasons(take(course, tmp_path, downloads.canvas(BOOK))).values()
    assert reason == "hoppergrace_1906: there is no notebook, only notes.pdf, text.html; ask for the .ipynb"


def test_two_notebooks_of_one_attempt_are_left_to_a_person(course: Course, tmp_path: Path) -> None:
    collected = take(
        course, tmp_path, {"ada/a.ipynb": BOOK, "ada/b.ipynb": b"x", "alan/a.ipynb": BOOK, "alan/b.ipynb": BOOK}
    )
    assert taken(collected) == ["alan"]
    assert "a.ipynb, b.ipynb may each be meant" in reasons(collected)["ada/a.ipynb, ada/b.ipynb"]


def test_a_notebook_without_an_owner_is_refused(course: Course, tmp_path: Path) -> None:
    assert "does not tell whose it is" in reasons(take(course, tmp_path, {"hw8_lora.ipynb": BOOK}))["hw8_lora.ipynb"]


def test_the_courses_own_expression_for_names_is_tried_first(course: Course, tmp_path: Path) -> None:
    pattern = r"(?P<student_id>[a-z]+)--(?P<timestamp>[0-9-]+)--(?P<file_id>.+)"
    course.config.FileNameCollectorPlugin.named_regexp = pattern
    collected = take(course, tmp_path, {"ada--2026-01-31-12-00-00--x.ipynb": BOOK})
    assert [(one.student, str(one.time)) for one in collected.taken] == [("ada", "2026-01-31 12:00:00+00:00")]


def test_a_newer_submission_is_never_overwritten_and_an_older_one_is_reported(course: Course, tmp_path: Path) -> None:
    def attempt(day: int, book: bytes) -> dict[str, bytes]:
        return {f"HW_ada_attempt_2026-01-{day}-12-00-00_hw8_lora.ipynb": book}

    take(course, tmp_path, attempt(20, b"second"))
    assert "another notebook is there (of 2026-01-20" in str(reasons(take(course, tmp_path, attempt(19, b"first"))))
    assert saved(course, "ada") == b"second"
    collected = take(course, tmp_path, attempt(21, b"third"))
    assert collected.taken[0].notes == ("replaced the one of 2026-01-20 12:00",)
    assert take(course, tmp_path, attempt(19, b"first"), replace=True).refused == ()
    assert saved(course, "ada") == b"first"


def test_taking_the_same_download_in_twice_changes_nothing(course: Course, tmp_path: Path) -> None:
    first, second = (take(course, tmp_path, downloads.gradescope(BOOK)) for _ in range(2))
    assert first == second


def test_a_link_in_the_place_of_a_students_folder_is_not_written_through(course: Course, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (course.root / "submitted").mkdir()
    (course.root / "submitted" / "ada").symlink_to(tmp_path / "elsewhere")
    collected = take(course, tmp_path, {"ada/hw8_lora.ipynb": BOOK, "alan/hw8_lora.ipynb": BOOK})
    assert taken(collected) == ["alan"]
    assert list((tmp_path / "elsewhere").iterdir()) == []


HOSTILE_NAMES = {
    "../../escaped.ipynb": "leads out",
    "ada/../../escaped.ipynb": "leads out",
    "/tmp/escaped.ipynb": "absolute",
    "C:\\escaped.ipynb": "absolute",
    "..\\..\\escaped.ipynb": "leads out",
    "ada/NUL.ipynb": "device",
    "ada/\u202egnp.ipynb": "control characters",
    f"ada/{'x' * 300}.ipynb": "too long",
}


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_name_is_refused_and_nothing_else_is_affected(name: str, course: Course, tmp_path: Path) -> None:
    collected = take(course, tmp_path, {name: b"evil", "alan/hw8_lora.ipynb": BOOK})
    assert taken(collected) == ["alan"]
    assert HOSTILE_NAMES[name] in str(reasons(collected))
    assert not list(tmp_path.rglob("escaped*"))


def with_links(files: dict[str, bytes]) -> bytes:
    """An archive whose first entry is a symbolic link."""
    data = zipped(files)
    at = data.index(b"PK\x01\x02")
    return data[: at + 38] + struct.pack("<I", 0o120777 << 16) + data[at + 42 :]


def encrypted(files: dict[str, bytes]) -> bytes:
    """An archive whose first entry says that it needs a password."""
    data = bytearray(zipped(files))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    return bytes(data)


def damaged(files: dict[str, bytes]) -> bytes:
    """An archive whose first entry has other bytes than its checksum says."""
    return zipped(files, zipfile.ZIP_STORED).replace(b"evil", b"EVIL", 1)


def unknown_method(files: dict[str, bytes]) -> bytes:
    """An archive whose first entry is packed in a way that nobody knows."""
    data = bytearray(zipped(files))
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        data[data.index(signature) + offset] = 97
    return bytes(data)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (with_links, "a link"),
        (encrypted, "encrypted"),
        (damaged, "cannot be unpacked"),
        (unknown_method, "cannot be unpacked"),
    ],
)
def test_an_entry_that_cannot_be_read_is_refused_by_itself(
    make: Callable[[dict[str, bytes]], bytes], reason: str, course: Course, tmp_path: Path
) -> None:
    collected = take(course, tmp_path, make({"ada/hw8_lora.ipynb": b"evil", "alan/hw8_lora.ipynb": BOOK}))
    assert taken(collected) == ["alan"]
    assert reason in str(reasons(collected))


def test_a_bomb_is_refused_before_it_is_unpacked(course: Course, tmp_path: Path) -> None:
    bomb = bytes(50_000_000)
    collected = take(course, tmp_path, {"ada/hw8_lora.ipynb": bomb, "alan/hw8_lora.ipynb": BOOK})
    assert taken(collected) == ["alan"]
    assert "two hundredfold" in reasons(collected)["ada/hw8_lora.ipynb"]


def test_archives_within_archives_within_archives_are_refused(course: Course, tmp_path: Path) -> None:
    inner = zipped({"again.zip": zipped({"hw8_lora.ipynb": BOOK})})
    collected = take(
        course, tmp_path, {"ada.zip": inner, "alan.zip": zipped({"hw8_lora.ipynb": BOOK}), "grace.zip": b"PK"}
    )
    assert taken(collected) == ["alan"]
    assert "within an archive" in reasons(collected)["ada.zip/again.zip"]
    assert "cannot be unpacked" in reasons(collected)["grace.zip"]


def test_an_archive_with_too_many_files_is_refused_before_they_are_counted(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "DIRECTORY_MAX_BYTES", 10_000)
    many = zipped({f"{i}.txt": b"" for i in range(500)})
    assert "too many files" in reasons(take(course, tmp_path, {"ada.zip": many}))["ada.zip"]
    monkeypatch.setattr(archive, "ENTRIES_MAX", 100)
    with pytest.raises(UsageError, match="more than 100 files"):
        take(course, tmp_path, many)


def test_two_entries_of_one_name_are_both_refused(course: Course, tmp_path: Path) -> None:
    path = tmp_path / "twice.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("ada/hw8_lora.ipynb", b"a")
        file.writestr("alan/hw8_lora.ipynb", BOOK)
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("ada/hw8_lora.ipynb", b"b")
    collected = collect(course, NAME, path)
    assert taken(collected) == ["alan"]
    assert "several files" in reasons(collected)["ada/hw8_lora.ipynb"]


def test_names_in_utf_8_without_the_flag_for_it_are_read_right(course: Course, tmp_path: Path) -> None:
    data = zipped({"J\u00f6rg/hw8_lora.ipynb": BOOK}).replace(b"\x00\x08", b"\x00\x00")
    assert taken(take(course, tmp_path, data)) == ["J\u00f6rg"]


def test_links_and_pipes_in_a_folder_are_refused(course: Course, tmp_path: Path) -> None:
    root = unzipped(tmp_path / "download", {"alan/hw8_lora.ipynb": BOOK})
    (root / "ada").mkdir()
    (root / "ada" / "hw8_lora.ipynb").symlink_to(root / "alan" / "hw8_lora.ipynb")
    (root / "eve").symlink_to(root / "alan")
    (root / "bob").mkdir()
    os.mkfifo(root / "bob" / "hw8_lora.ipynb")
    collected = collect(course, NAME, root)
    assert taken(collected) == ["alan"]
    assert set(reasons(collected)) == {"ada/hw8_lora.ipynb", "bob/hw8_lora.ipynb", "eve"}


def test_what_is_neither_folder_nor_archive_is_a_usage_error(course: Course, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="neither a folder nor a zip"):
        take(course, tmp_path, b"text")


def test_the_command_prints_where_everything_came_from_and_what_was_refused(course: Course, tmp_path: Path) -> None:
    (tmp_path / "submissions.zip").write_bytes(zipped(downloads.canvas(BOOK)))
    done = run(course.root, "collect", NAME, str(tmp_path / "submissions.zip"))
    assert done["status"] == 1
    assert "lovelaceada_1815  time unknown      Canvas: lovelaceada_1815_70009_hw8_lora-1.ipynb" in str(done["output"])
    assert "4 taken, 1 refused" in str(done["output"])


# What was handed in with the notebook.


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

"""Bulk downloads that are made to do harm: names, links, bombs and damaged archives cost only their own student.

Covers autograder/submission/archive.py.
"""

import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from autograder.course import Course
from autograder.errors import UsageError
from autograder.submission import archive
from autograder.submission.collect import collect
from tests.builders import NAME
from tests.submission.collecting import BOOK, reasons, take, taken
from tests.submission.downloads import unzipped, zipped


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

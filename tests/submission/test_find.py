"""Finding and opening a submitted file: the only notebook under any name, and nothing that is no file."""

import json
import os
from pathlib import Path

import pytest

from autograder.errors import SubmissionError
from autograder.submission.find import SubmittedBytes, read_bytes
from autograder.submission.read import parse_cells

BOOK = json.dumps({"cells": [{"cell_type": "code", "source": "x = 1"}]}).encode()


@pytest.fixture
def expected(tmp_path: Path) -> Path:
    """Where the notebook should lie, in a folder that exists."""
    folder = tmp_path / "submitted" / "ada" / "hw8"
    folder.mkdir(parents=True)
    return folder / "hw8.ipynb"


@pytest.mark.parametrize("name", ["final.ipynb", "hw8.ipynb.txt", "hw8.json", "HW8.IPYNB", "work/x.ipynb", "hw8.py"])
def test_the_only_notebook_is_read_under_any_name_and_that_is_noted(expected: Path, name: str) -> None:
    (expected.parent / name).parent.mkdir(exist_ok=True)
    (expected.parent / name).write_bytes(BOOK)
    (expected.parent / "notes.txt").write_bytes(b"dear grader")
    found = read_bytes(expected)
    assert (found, found.notes) == (BOOK, (f"the notebook was named {Path(name).name} and was read as hw8.ipynb",))
    assert parse_cells(found).notes == found.notes


def test_of_several_notebooks_the_one_that_is_named_alike_is_read(expected: Path) -> None:
    (expected.parent / "Hw-8.ipynb").write_bytes(BOOK)
    (expected.parent / "scratch.ipynb").write_bytes(b"{}")
    assert read_bytes(expected) == BOOK


def test_several_notebooks_that_differ_are_left_to_a_person(expected: Path) -> None:
    for name in ("a.ipynb", "b.ipynb"):
        (expected.parent / name).write_bytes(name.encode())
    with pytest.raises(SubmissionError, match=r"a\.ipynb, b\.ipynb may each be meant"):
        read_bytes(expected)


def test_the_right_name_wins_and_what_else_may_be_the_notebook_is_named(expected: Path) -> None:
    for name in (
        "hw8.ipynb",
        "b.ipynb",
        "helper.py",
        "data.csv",
        ".ipynb_checkpoints/hw8-checkpoint.ipynb",
        "s/C.IPYNB",
    ):
        (expected.parent / name).parent.mkdir(exist_ok=True)
        (expected.parent / name).write_bytes(BOOK)
    others = [file.relative_to(expected.parent).as_posix() for file in read_bytes(expected).others]
    assert others == ["b.ipynb", "s/C.IPYNB", "helper.py"]


def test_a_file_that_was_named_on_purpose_has_only_its_copies_for_company(tmp_path: Path) -> None:
    for name in (
        "mine.ipynb",
        "other.ipynb",
        "mine_2.ipynb",
        "mine-Copy1.ipynb",
        "mine (2).ipynb",
        "Copy of mine.ipynb",
    ):
        (tmp_path / name).write_bytes(BOOK)
    found = read_bytes(tmp_path / "mine.ipynb")
    assert sorted(file.name for file in found.others) == ["Copy of mine.ipynb", "mine (2).ipynb", "mine-Copy1.ipynb"]


@pytest.mark.parametrize("level", [1, 2])
def test_a_link_on_the_way_is_not_followed(expected: Path, tmp_path: Path, level: int) -> None:
    expected.write_bytes(BOOK)
    folder = list(expected.parents)[level - 1]
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SubmissionError, match=f"{folder.name} is a symbolic link"):
        read_bytes(expected)


@pytest.mark.parametrize("name", ["hw8.ipynb", "other.ipynb"])
def test_a_link_to_a_notebook_is_not_followed(expected: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "someone.ipynb").write_bytes(BOOK)
    (expected.parent / name).symlink_to(tmp_path / "someone.ipynb")
    with pytest.raises(SubmissionError, match="not a regular file"):
        read_bytes(expected)


@pytest.mark.parametrize("name", ["hw8.ipynb", "other.ipynb"])
def test_a_pipe_keeps_nobody_waiting(expected: Path, name: str) -> None:
    os.mkfifo(expected.parent / name)
    with pytest.raises(SubmissionError, match="not a regular file"):
        read_bytes(expected)


def test_a_device_and_a_folder_are_no_notebooks(expected: Path) -> None:
    expected.mkdir()
    for path in (expected, Path("/dev/zero")):
        with pytest.raises(SubmissionError, match="not a regular file"):
            read_bytes(path)


def test_a_file_that_may_not_be_read_says_so(expected: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected.write_bytes(BOOK)

    def refuse(*arguments: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(SubmissionError, match=r"cannot be read \(Permission denied\); look at its permissions"):
        read_bytes(expected)


def test_an_empty_folder_names_the_missing_file(expected: Path) -> None:
    with pytest.raises(SubmissionError, match=r"hw8\.ipynb is missing"):
        read_bytes(expected)


def test_bytes_without_a_file_have_no_notes() -> None:
    assert SubmittedBytes(b"x").notes == ()

"""What is mounted twice is hidden at both places."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.kernel import aliases
from autograder.kernel.aliases import Mounted, hidden_names, mounted_names

TABLE = [
    Mounted("8:1", Path("/"), Path("/")),
    Mounted("8:2", Path("/srv/course"), Path("/home/ada/course")),
    Mounted("8:2", Path("/srv"), Path("/usr/srv")),
    Mounted("8:2", Path("/srv/course/tests"), Path("/usr/tests")),
    Mounted("8:3", Path("/"), Path("/usr/other")),
    Mounted("8:4", Path("/"), Path("/home/ada/course/data")),
    Mounted("8:4", Path("/"), Path("/usr/data")),
]


def names(path: str) -> set[str]:
    return {str(name) for name in mounted_names(Path(path), TABLE)}


def test_a_folder_has_a_name_at_every_mount_that_shows_it_or_a_part_of_it() -> None:
    assert names("/home/ada/course") == {
        *("/home/ada/course", "/usr/srv/course", "/usr/tests"),
        *("/home/ada/course/data", "/usr/data"),
    }
    assert names("/home/ada/course/tests/test_one.py") == {
        *("/home/ada/course/tests/test_one.py", "/usr/srv/course/tests/test_one.py", "/usr/tests/test_one.py"),
    }


def test_a_folder_that_is_mounted_once_has_one_name() -> None:
    assert names("/usr/other/folder") == {"/usr/other/folder"}
    assert names("/home/operator") == {"/home/operator"}


def test_a_line_of_the_table_is_read_with_its_spaces() -> None:
    line = "36 35 98:0 /a\\040course /mnt/my\\040course rw,noatime master:1 - ext3 /dev/root rw"
    assert Mounted.of(line) == Mounted("98:0", Path("/a course"), Path("/mnt/my course"))


def test_a_second_name_is_hidden_unless_something_around_it_must_be_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("course/tests", "again/tests", "python/lib"):
        (tmp_path / name).mkdir(parents=True)
    table = [Mounted("8:1", Path("/"), Path("/"))]
    table += [Mounted("8:1", tmp_path / "course", tmp_path / name) for name in ("again", "python", "gone")]
    monkeypatch.setattr(aliases, "mounted_here", lambda: table)
    hidden = hidden_names([str(tmp_path / "course")], [tmp_path / "python" / "lib"])
    assert hidden == (tmp_path / "course", tmp_path / "again")

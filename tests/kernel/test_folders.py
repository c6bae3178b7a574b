import fcntl
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from autograder.errors import SandboxError
from autograder.kernel import folders


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files of our own, short enough for sockets."""
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(folders, "_LONGEST_TAIL", 0)
    return tmp_path


def test_the_folder_of_a_grader_that_crashed_is_swept(temporary: Path) -> None:
    base = folders.base_folder()
    (base / "owner-crashed" / "k-1").mkdir(parents=True)
    (base / "owner-crashed" / "k-1" / "s-1").touch()
    assert folders.sweep_folders(base) == 1
    assert list(base.iterdir()) == []


def test_the_folder_of_a_grader_that_runs_is_kept(temporary: Path) -> None:
    owner = folders.base_folder() / "owner-running"
    owner.mkdir()
    with open(owner / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert folders.sweep_folders(owner.parent) == 0
    assert owner.is_dir()


def test_sweeping_removes_a_link_and_not_what_it_names(temporary: Path) -> None:
    base = folders.base_folder()
    kept = temporary / "kept"
    kept.mkdir()
    (base / "owner-crashed").mkdir()
    (base / "owner-crashed" / "k-1").symlink_to(kept)
    folders.sweep_folders(base)
    assert kept.is_dir()


def test_a_folder_that_others_may_list_is_refused(temporary: Path) -> None:
    (temporary / f"grading-{os.geteuid()}").mkdir(mode=0o777)
    (temporary / f"grading-{os.geteuid()}").chmod(0o777)
    with pytest.raises(SandboxError, match="not a private folder"):
        folders.base_folder()


def test_a_link_in_place_of_the_folder_is_refused(temporary: Path) -> None:
    (temporary / "elsewhere").mkdir(mode=0o700)
    (temporary / f"grading-{os.geteuid()}").symlink_to(temporary / "elsewhere")
    with pytest.raises(SandboxError, match="not a private folder"):
        folders.base_folder()


def test_a_folder_for_a_while_lies_where_the_next_grader_sweeps_and_is_gone_afterwards() -> None:
    with folders.own_folder("work-") as folder:
        (folder / "file").touch()
        assert folder.parent == folders.owner_folder()
    assert not folder.exists()


def test_threads_that_ask_at_once_are_given_one_folder() -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len({*pool.map(lambda _: folders.owner_folder(), range(32))}) == 1

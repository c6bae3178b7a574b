from pathlib import Path

import pytest

from autograder.kernel import cgroup
from autograder.kernel.limits import Limits


@pytest.fixture
def delegated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files of a group that we may divide."""
    (tmp_path / "cgroup.subtree_control").write_text("cpu memory pids\n")
    (tmp_path / "cgroup.procs").touch()
    monkeypatch.setattr(cgroup, "MOUNT", tmp_path)
    monkeypatch.setattr(cgroup, "parent_group", lambda: tmp_path)
    return tmp_path


@pytest.fixture
def group(delegated: Path, monkeypatch: pytest.MonkeyPatch) -> cgroup.Cgroup:
    """A kernel's group there; Linux would have made its files."""
    made = delegated / "autograder-one"
    made.mkdir()
    for name in ("memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cgroup.procs"):
        (made / name).touch()
    monkeypatch.setattr("tempfile.mkdtemp", lambda **_: str(made))
    return cgroup.Cgroup(delegated, Limits(memory_bytes=1000, disk_bytes=24, processes=10))


def test_a_group_has_the_limits_of_its_kernel(group: cgroup.Cgroup) -> None:
    group.close()
    assert (group.path / "memory.max").read_text() == "1024"
    assert (group.path / "memory.swap.max").read_text() == "0"
    assert (group.path / "pids.max").read_text() == str(10 + cgroup.GROUP_SPARE_PROCESSES)


def test_a_group_tells_what_its_kernel_cost(group: cgroup.Cgroup) -> None:
    (group.path / "memory.peak").write_text("900\n")
    (group.path / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 1\n")
    (group.path / "memory.events").write_text("low 0\noom 1\noom_kill 1\n")
    group.close()
    assert (group.peak_bytes(), group.cpu_s(), group.ran_out_of_memory()) == (900, 1.5, True)


def test_figures_that_linux_does_not_tell_are_zero(group: cgroup.Cgroup) -> None:
    group.close()
    assert (group.peak_bytes(), group.cpu_s(), group.ran_out_of_memory()) == (0, 0.0, False)


def test_there_is_no_group_where_none_can_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup, "parent_group", lambda: None)
    assert cgroup.open_group(Limits()) is None


def test_a_group_without_the_controllers_is_not_divided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cgroup.subtree_control").write_text("cpu\n")
    monkeypatch.setattr(cgroup, "MOUNT", tmp_path)
    assert cgroup.parent_group() is None


def test_empty_groups_of_crashed_graders_are_swept_and_used_ones_kept(delegated: Path) -> None:
    (delegated / "autograder-empty").mkdir()
    (delegated / "autograder-used").mkdir()
    (delegated / "autograder-used" / "process").touch()
    cgroup.sweep_groups()
    assert [path.name for path in delegated.glob("autograder-*")] == ["autograder-used"]

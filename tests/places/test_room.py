"""A container's memory is found in both versions of control groups, and the grader keeps some of it."""

from pathlib import Path

import psutil
import pytest

from autograder.kernel.limits import MIB
from autograder.places import room


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty tree of control groups, and a machine with eight gigabytes."""
    monkeypatch.setattr(room, "CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(room, "OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"total": 8192 * MIB}))
    return tmp_path


def limit(root: Path, name: str, text: str) -> None:
    """Write a group's file."""
    path = root / "cgroup" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_without_a_limit_the_machine_is_what_there_is(groups: Path) -> None:
    assert room.memory_here_bytes() == 8192 * MIB
    (groups / "own").write_text("0::/user.slice\n")
    limit(groups, "user.slice/memory.max", "max\n")
    assert room.group_memory_bytes() is None
    assert room.limits_in({})["memory_bytes"] == 4096 * MIB


def test_the_least_limit_of_the_groups_around_counts(groups: Path) -> None:
    (groups / "own").write_text("0::/a/b\n")
    limit(groups, "memory.max", str(900 * MIB))
    limit(groups, "a/memory.max", str(768 * MIB))
    limit(groups, "a/b/memory.max", "max")
    assert room.memory_here_bytes() == 768 * MIB
    assert room.limits_in({"cpu_s": 5.0}) == {"cpu_s": 5.0, "memory_bytes": 320 * MIB}


def test_in_a_container_the_groups_path_may_be_the_hosts(groups: Path) -> None:
    (groups / "own").write_text("5:cpu,cpuacct:/\n4:memory:/docker/0123\n0::/\n")
    limit(groups, "memory/memory.limit_in_bytes", str(768 * MIB))
    assert room.memory_here_bytes() == 768 * MIB


def test_the_largest_number_of_the_first_version_is_no_limit(groups: Path) -> None:
    (groups / "own").write_text("4:memory:/\n")
    limit(groups, "memory/memory.limit_in_bytes", "9223372036854771712")
    assert room.group_memory_bytes() is None


def test_a_lower_limit_of_the_assignments_own_is_kept_and_none_is_set_below_what_starts_anything(groups: Path) -> None:
    assert room.limits_in({"memory_bytes": 100 * MIB})["memory_bytes"] == 100 * MIB
    (groups / "own").write_text("0::/\n")
    limit(groups, "memory.max", str(300 * MIB))
    assert room.limits_in({})["memory_bytes"] == room.SUBMISSION_MIN_BYTES

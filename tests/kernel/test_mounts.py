from pathlib import Path

import pytest

import autograder
from autograder.errors import SandboxError
from autograder.kernel import mounts
from autograder.kernel.mounts import SandboxPlan


def test_an_installed_package_is_covered_with_its_hidden_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    package = Path(autograder.__file__).resolve().parent
    monkeypatch.setattr(mounts, "interpreter_folders", lambda: [str(package.parent)])
    assert mounts.cover(SandboxPlan())[:2] == ["--tmpfs", str(package)]


def test_a_course_root_inside_the_interpreter_can_be_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounts, "interpreter_folders", lambda: [str(tmp_path)])
    assert str(tmp_path / "course") in mounts.cover(SandboxPlan(hidden=(str(tmp_path / "course"),)))


def test_what_is_hidden_stays_hidden_behind_a_link_and_at_another_path(tmp_path: Path) -> None:
    (tmp_path / "course" / "tests").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "course")
    plan = SandboxPlan(read_only=((str(tmp_path / "link"), "/data"),), hidden=(str(tmp_path / "course" / "tests"),))
    assert mounts.cover(plan) == ["--tmpfs", "/data/tests", "--remount-ro", "/data/tests"]


def test_an_interpreter_that_fills_the_home_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounts, "interpreter_folders", lambda: [str(Path.home())])
    with pytest.raises(SandboxError, match="virtual environment"):
        mounts.interpreter(SandboxPlan())


@pytest.mark.parametrize("place", ["/home/operator/course/.venv", "/tmp/course/.venv"])
def test_an_interpreter_in_home_or_tmp_is_shown_on_top_of_the_writable_folders(
    monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(mounts, "interpreter_folders", lambda: [place])
    words = [word for step in mounts.STEPS for word in step(SandboxPlan())]
    disks = {words[i + 1]: i for i, word in enumerate(words) if word == "--tmpfs"}
    bound = words.index(place)
    assert disks["/home"] < bound
    assert disks["/tmp"] < bound
    assert words[bound - 1 : bound + 2] == ["--ro-bind", place, place]

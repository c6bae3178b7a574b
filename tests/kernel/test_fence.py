"""What surrounds a kernel under Landlock, taken apart.

Covers autograder/kernel/landlock.py, autograder/kernel/shown.py, autograder/kernel/storage.py,
autograder/kernel/users.py, autograder/inside/fenced.py and autograder/inside/walls.py.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from autograder.errors import SandboxError, UsageError
from autograder.inside import fenced
from autograder.kernel import choice, fence, landlock, sandbox, shown, users
from autograder.kernel.limits import Limits
from autograder.kernel.mounts import HOME, SandboxPlan
from autograder.kernel.rehearsal import rehearse
from autograder.kernel.storage import Stored
from tests.kernel.driver import eventually


def no_namespaces() -> None:
    raise SandboxError("namespaces", "no permission", remedy="None")


@pytest.fixture
def chooses_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of which nothing is known yet, and an operator who insists on nothing."""
    monkeypatch.delenv(choice.SANDBOX_VARIABLE, raising=False)
    monkeypatch.setattr(choice, "choose", choice.choose.__wrapped__)


@pytest.mark.usefixtures("chooses_afresh")
def test_landlock_is_chosen_where_namespaces_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "require", no_namespaces)
    monkeypatch.setattr(choice, "rehearse", lambda: None)
    assert choice.sandbox_name() == "landlock"
    assert choice.sandbox_in_words() == "in a sandbox of Landlock (no permission)"


@pytest.mark.usefixtures("chooses_afresh")
def test_namespaces_are_chosen_where_they_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "require", lambda: None)
    assert choice.sandbox_name() == "namespaces"
    assert choice.sandbox_in_words() == "in a sandbox"


@pytest.mark.usefixtures("chooses_afresh")
def test_a_machine_with_neither_is_refused_with_both_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "require", no_namespaces)
    monkeypatch.setattr(fence, "filter_problem", lambda: "")
    monkeypatch.setattr(landlock, "landlock_abi", lambda: 0)
    with pytest.raises(SandboxError, match=r"(?s)no permission.*Landlock is not here.*lsm="):
        choice.require_sandbox()


def test_a_sandbox_that_is_none_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(choice.SANDBOX_VARIABLE, "chroot")
    with pytest.raises(UsageError, match="AUTOGRADER_SANDBOX is 'chroot': it may be namespaces or landlock"):
        choice.sandbox_name()


def test_an_old_landlock_suffices_for_root_and_not_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "landlock_abi", lambda: 4)
    assert landlock.require_abi(landlock.ABI_WITH_USERS) == 4
    with pytest.raises(SandboxError, match=r"version 4 of Landlock is here, and 6 is needed.*Linux 6\.12"):
        landlock.require_abi(landlock.ABI_ALONE)


def test_without_libseccomp_there_is_no_sandbox_of_landlock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fence, "filter_problem", lambda: "libseccomp.so.2 is not installed")
    with pytest.raises(SandboxError, match="apt-get install libseccomp2"):
        fence.open_fence(SandboxPlan())


def test_what_is_hidden_is_left_out_and_what_stands_beside_it_is_not(tmp_path: Path) -> None:
    for name in ("hidden", "beside", "way/hidden", "way/beside"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "file").touch()
    found = dict(shown.around(tmp_path, (tmp_path / "hidden", tmp_path / "way" / "hidden")))
    readable = {str(path.relative_to(tmp_path)) for path, rights in found.items() if rights & landlock.READ_FILE}
    assert readable == {"beside", "file", "way/beside"}
    assert not any(path.name == "hidden" for path in found)


def test_a_link_to_what_is_hidden_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "hidden").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "hidden")
    assert tmp_path / "link" not in dict(shown.around(tmp_path, (tmp_path / "hidden",)))


def test_a_link_to_a_folder_around_a_hidden_one_is_not_allowed(tmp_path: Path) -> None:
    (tmp_path / "lib" / "hidden").mkdir(parents=True)
    (tmp_path / "lib64").symlink_to("lib")
    assert tmp_path / "lib64" not in dict(shown.around(tmp_path, (tmp_path / "lib" / "hidden",)))


def test_a_link_out_of_what_is_shown_opens_nothing_there(tmp_path: Path) -> None:
    for name in ("shown/hidden", "gradebook"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "shown" / "link").symlink_to(tmp_path / "gradebook")
    found = [path for path, _ in shown.around(tmp_path / "shown", (tmp_path / "shown" / "hidden",))]
    assert found == [tmp_path / "shown"]


def test_shipped_files_lie_in_the_home_without_what_is_hidden(tmp_path: Path) -> None:
    for name in ("data/hidden/test.py", "data/weights.bin"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("text")
    home = tmp_path / "home"
    home.mkdir()
    plan = SandboxPlan(
        read_only=((str(tmp_path / "data"), f"{HOME}/data"),), hidden=(str(tmp_path / "data" / "hidden"),)
    )
    copies = shown.furnished(plan, home)
    assert (home / "data" / "weights.bin").read_text() == "text"
    assert os.listdir(home / "data") == ["weights.bin"]
    assert [(path.stat().st_mode & 0o777, rights) for path, rights in copies] == [(0o755, shown.READING)]


def test_a_copy_has_nothing_that_a_link_leads_to_outside_or_into_what_is_hidden(tmp_path: Path) -> None:
    data, home = tmp_path / "data", tmp_path / "home"
    for name in ("data/blobs/weights", "data/hidden/test.py", "outside/secret"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("text")
    links = {"weights": "blobs/weights", "tests": "hidden", "test": "hidden/test.py", "out": "../outside", "up": ".."}
    for name, target in {**links, "again": "."}.items():
        (data / name).symlink_to(target)
    home.mkdir()
    plan = SandboxPlan(read_only=((str(data), f"{HOME}/data"),), hidden=(str(data / "hidden"),))
    shown.furnished(plan, home)
    assert sorted(os.listdir(home / "data")) == ["blobs", "weights"]
    assert (home / "data" / "weights").read_text() == "text"


def test_a_folder_that_is_shown_at_its_own_place_is_opened_around_what_is_hidden(tmp_path: Path) -> None:
    for name in ("hidden", "beside"):
        (tmp_path / name).mkdir()
    plan = SandboxPlan(read_only=((str(tmp_path), str(tmp_path)),), hidden=(str(tmp_path / "hidden"),))
    readable = [path for path, rights in shown.furnished(plan, tmp_path) if rights & landlock.READ_FILE]
    assert readable == [tmp_path / "beside"]


def test_a_place_that_cannot_be_made_up_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="Show it below /home/student"):
        shown.furnished(SandboxPlan(read_only=((str(tmp_path), "/data"),)), tmp_path)


def test_the_folder_that_stands_in_the_way_of_others_is_named(tmp_path: Path) -> None:
    (tmp_path / "closed" / "inner").mkdir(parents=True)
    tmp_path.joinpath("closed").chmod(0o700)
    found = shown.blocked_way(tmp_path / "closed" / "inner")
    assert found is not None
    assert (tmp_path / "closed").is_relative_to(found)


@pytest.mark.skipif(not users.has_users(), reason="only root can give a kernel a user of its own")
def test_no_two_kernels_have_the_same_user() -> None:
    first, second = users.take_user(), users.take_user()
    assert first.uid != second.uid
    first.give_back()
    again = users.take_user()
    assert again.uid == first.uid
    for taken in (second, again):
        taken.give_back()


def test_a_user_that_others_of_the_machine_have_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "candidates", lambda: range(os.geteuid(), os.geteuid() + 1))
    with pytest.raises(SandboxError, match="Run fewer submissions at a time"):
        users.take_user()


def test_files_and_their_space_are_counted(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_bytes(bytes(1 << 20))
    assert Stored.of(tmp_path, Limits()) == Stored(2)
    assert Stored.of(tmp_path, Limits(disk_bytes=1 << 19)).bytes_over >= 1 << 19


def test_a_folder_too_deep_to_be_looked_into_is_too_much(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(40):
        os.mkdir("d" * 200, dir_fd=here)
        inner = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    assert Stored.of(tmp_path, Limits()).files > Limits().files


def test_a_process_outside_of_a_domain_is_found_not_to_be_scoped() -> None:
    child = os.fork()
    if child == 0:
        os._exit(fenced.is_scoped())
    assert os.waitpid(child, 0)[1] == 0


def test_a_process_in_a_domain_can_signal_its_children_and_not_its_parent() -> None:
    if landlock.landlock_abi() < landlock.SCOPE_ABI:
        pytest.skip("Landlock 6 is not here")
    child = os.fork()
    if child == 0:
        code = 1
        try:
            fenced.hold_together(landlock.Ruleset(files=False, abi=landlock.landlock_abi()).descriptor)
            grandchild = os.fork()
            if grandchild == 0:
                os.execv("/bin/sleep", ["sleep", "600"])
            fenced.kill_all()
            code = 0 if os.waitpid(grandchild, 0)[1] == 9 else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def start_daemons() -> None:
    """Be a kernel that starts processes in sessions of their own, which lose their parents, and waits."""
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            if os.fork():
                os._exit(0)
            signal.pause()
    signal.pause()


def test_SECURITY_what_a_kernel_started_ends_when_the_grader_goes_and_nothing_else_does() -> None:
    if landlock.landlock_abi() < landlock.SCOPE_ABI:
        pytest.skip("Landlock 6 is not here")
    ours, theirs = socket.socketpair()
    supervisor = os.fork()
    if supervisor == 0:
        code = 1
        try:
            ours.close()
            fenced.hold_together(landlock.Ruleset(files=False, abi=landlock.landlock_abi()).descriptor)
            kernel = os.fork()
            if kernel == 0:
                start_daemons()
            status, _ = fenced.Household(theirs, None, scoped=True).stay(kernel)
            code = 0 if status == signal.SIGKILL and not fenced.has_children() else 2
        finally:
            os._exit(code)
    theirs.close()
    eventually(lambda: len(fenced.children_of(supervisor)) == 4, "three daemons lose their parents")
    daemons = fenced.children_of(supervisor)
    ours.close()
    assert os.waitstatus_to_exitcode(os.waitpid(supervisor, 0)[1]) == 0
    assert [pid for pid in daemons if Path(f"/proc/{pid}").exists()] == []


def test_every_act_that_must_fail_is_found_where_nothing_stands_in_its_way(tmp_path: Path) -> None:
    outside = tmp_path / "proof"
    outside.touch()
    proof = {"file": str(outside), "parent": os.getppid()}
    with pytest.raises(OSError, match="it is still possible to read a file"):
        fenced.prove_closed(proof)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator who can give no kernel a user of its own."""
    if landlock.landlock_abi() < landlock.ABI_ALONE:
        pytest.skip("Landlock 6 is not here")
    monkeypatch.setattr(users, "has_users", lambda: False)


@pytest.mark.usefixtures("alone")
def test_SECURITY_all_that_must_fail_does_under_all_layers() -> None:
    rehearse()


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(("layer", "act"), [("landlock", "read a file outside"), ("seccomp", "open a socket")])
def test_twin_without_a_layer_the_proof_finds_what_is_possible(
    layer: str, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fence, "PROVED", frozenset())
    with pytest.raises(SandboxError, match=f"layer 'proof'.*{act}"):
        rehearse(SandboxPlan(layers_off=frozenset({layer})))


def test_the_interpreter_of_this_run_is_shown() -> None:
    places = [path for path, rights in shown.visible_paths(SandboxPlan()) if rights & landlock.READ_FILE]
    assert any(Path(sys.executable).resolve().is_relative_to(place) for place in places)
    assert not any(Path(choice.__file__).resolve().is_relative_to(place) for place in places)

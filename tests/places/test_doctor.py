"""`autograder doctor` on several kinds of machine: the right rows, remedies and exit status.

Covers autograder/places/machine.py and autograder/places/finding.py.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from autograder.authoring.new import new
from autograder.classrun import ready
from autograder.course import Course
from autograder.errors import CourseError, UsageError
from autograder.kernel import sandbox
from autograder.kernel.limits import MIB
from autograder.places import doctor, machine
from autograder.places.finding import Finding, tried
from tests import containers, operators
from tests.builders import ROOT

NAME = "ps1"
MAIN = "from autograder.cli import main; main()"
OLD_LANDLOCK = f"from autograder.kernel import landlock; landlock.landlock_abi = lambda: 2; {MAIN}"
NO_NAMESPACES = ("unshare", "--user", "--map-root-user", "sh", "-c",
                 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"', "sh")  # fmt: skip
NO_LIBSECCOMP = ("unshare", "--mount", "sh", "-c",
                 'for file in $(ldconfig -p | sed -n "s/.*libseccomp.so.2.*=> //p"); do '
                 'mount --bind /dev/null "$(readlink -f "$file")"; done; exec "$@"', "sh")  # fmt: skip
"""Prefixes that make another kind of machine for one command."""


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small course with nothing handed in, open to every user."""
    root = tmp_path_factory.mktemp("course")
    new(root, NAME)
    return root


def page(root: Path, *prefix: str, main: str = MAIN, **variables: str) -> tuple[int, dict[str, str], str]:
    """Exit status, rows by name, and verdict of the doctor on the machine that the prefix makes."""
    command = [*prefix, sys.executable, "-c", main, "doctor", NAME]
    env = os.environ | {"COLUMNS": "2000", "PYTHONDONTWRITEBYTECODE": "1"} | variables
    if prefix and subprocess.run([*prefix, "true"], env=env, capture_output=True, check=False).returncode:
        pytest.skip(f"this machine cannot be made here: {prefix[:2]}")
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)
    *table, verdict = done.stdout.strip().splitlines() or [done.stderr]
    rows = {name: " ".join(line.split()) for line in table for name in ROWS if line.strip().startswith(name)}
    assert rows, done.stdout + done.stderr
    return done.returncode, rows, verdict


ROWS = (
    "Python", "user", "namespaces", "Landlock", "sandbox", "seccomp", "control groups", "descriptors", "memory",
    "shared memory", "graphics", "libraries of ps1", "gradebook, for ps1", "kernel",
)  # fmt: skip


def test_where_namespaces_are_free_every_row_is_there_and_grading_would_start(course: Path) -> None:
    status, rows, verdict = page(course)
    assert (status, verdict) == (0, "grading would start")
    assert set(rows) == set(ROWS)
    assert rows["sandbox"] == "sandbox ok runs take namespaces"
    assert "kernel ok started in namespaces" in rows["kernel"]


def test_where_namespaces_are_forbidden_landlock_is_taken_and_the_way_to_have_them_is_told(course: Path) -> None:
    status, rows, verdict = page(course, *NO_NAMESPACES)
    assert (status, verdict) == (0, "grading would start")
    assert "namespaces without" in rows["namespaces"]
    assert "sysctl -w user.max_user_namespaces=10000" in rows["namespaces"]
    assert "--no-sandbox" not in rows["namespaces"]
    assert "sandbox ok runs take landlock, since: bwrap: Creating new namespace failed" in rows["sandbox"]
    assert "kernel ok started in landlock" in rows["kernel"]


def test_where_landlock_is_too_old_besides_grading_would_not_start(course: Path) -> None:
    status, rows, verdict = page(course, *NO_NAMESPACES, main=OLD_LANDLOCK)
    assert (status, verdict) == (1, "grading would not start: sandbox")
    assert "version 2 of Landlock is here, and 6 is needed" in rows["Landlock"]
    assert "6 comes with Linux 6.12" in rows["Landlock"]
    assert "sandbox stops none can be had here Do what one of the two rows above says" in rows["sandbox"]
    assert "kernel" not in rows


def test_an_old_landlock_alone_stops_nothing(course: Path) -> None:
    status, rows, _ = page(course, main=OLD_LANDLOCK)
    assert status == 0
    assert "Landlock without" in rows["Landlock"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can hide a library from others")
def test_without_libseccomp_kernels_start_in_namespaces_and_the_package_is_named(course: Path) -> None:
    status, rows, _ = page(course, *NO_LIBSECCOMP)
    assert status == 0
    assert "seccomp without libseccomp.so.2 is not installed Install libseccomp 2.5" in rows["seccomp"]
    assert "not seccomp" in rows["kernel"] or "; seccomp" in rows["kernel"]


@pytest.mark.skipif(os.geteuid() != 0, reason="this run is by an ordinary operator already")
def test_an_ordinary_user_is_told_that_grading_would_start(tmp_path: Path) -> None:
    if operators.blocked_folder(Path(machine.__file__)) or operators.blocked_folder(Path(sys.prefix, "bin")):
        pytest.skip("this checkout is in a folder that only root may enter")
    home = Path("/tmp", f"doctor-{os.getpid()}")
    home.mkdir()
    new(home, NAME)
    subprocess.run(["chown", "-R", "54321:54321", str(home)], check=True)
    blocked = str(operators.blocked_folder(Path(sys.base_prefix)) or "")
    folders = {"PYTHON_FOLDER": sys.base_prefix, "BLOCKED": blocked, "STAGE": str(tmp_path)}
    try:
        become = ("unshare", "--mount", "sh", "-c", operators.BECOME, "sh", *operators.DROP, "--bounding-set=-all")
        status, rows, verdict = page(home, *become, HOME=str(home), TMPDIR=str(home), **folders)
    finally:
        shutil.rmtree(home)
    assert (status, verdict) == (0, "grading would start")
    assert "an ordinary user (54321)" in rows["user"]
    assert "kernels run as this user" in rows["Landlock"]


@pytest.mark.slow
@pytest.mark.parametrize(("root", "whose"), [(True, "a user of its own"), (False, "kernels run as this user")])
def test_in_a_container_with_dockers_profile_landlock_is_taken(course: Path, root: bool, whose: str) -> None:
    if problem := containers.missing():
        pytest.skip(problem)
    subprocess.run(["chmod", "-R", "a+rwX", str(course)], check=True)
    command = [sys.executable, "-c", MAIN, "doctor", NAME]
    env = {"COLUMNS": "2000", "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = containers.run_in_container(command, root=root, mounts={course: "/course"}, env=env, cwd="/course")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "grading would start" in done.stdout
    assert "runs take landlock, since: bwrap" in done.stdout
    assert whose in done.stdout


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Finding]]:
    """What the machine says, without looking at it; a kernel starts unless a test says otherwise."""
    found: list[Finding] = [Finding("sandbox", "fine")]
    monkeypatch.setattr(doctor, "machine_findings", lambda: iter(found))
    monkeypatch.setattr(doctor, "kernel_starts", lambda kernel=None: "started")
    return found


def names(course: Path | None, assignment: str = "") -> dict[str, str]:
    """Row -> state."""
    return {row.what: row.state for row in doctor.findings(Course(course) if course else None, assignment)}


def test_outside_a_course_only_the_machine_is_looked_at(rows: list[Finding]) -> None:
    assert names(None) == {"sandbox": "ok", "kernel": "ok"}


def test_no_kernel_is_tried_where_the_machine_refuses(rows: list[Finding], course: Path) -> None:
    rows[:] = [Finding("sandbox", "none", "stops")]
    assert names(course) == {"sandbox": "stops", "libraries of ps1": "ok", "gradebook, for ps1": "ok"}


def test_a_gradebook_that_the_run_would_refuse_stops_the_doctor_too(
    rows: list[Finding], course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise UsageError("the gradebook cannot be written. Change its owner.")

    monkeypatch.setattr(ready, "require_ready", refuse)
    found = [row for row in doctor.findings(Course(course), NAME) if row.state == "stops"]
    assert found == [
        Finding("gradebook, for ps1", "the gradebook cannot be written", "stops", "Change its owner.")
    ]  # fmt: skip


def test_hidden_tests_that_are_not_there_stop_the_doctor_with_a_row(
    rows: list[Finding], course: Path, tmp_path: Path
) -> None:
    shutil.copytree(course, tmp_path / "c", ignore=shutil.ignore_patterns("probes.py"))
    (stopped, *_) = [row for row in doctor.findings(Course(tmp_path / "c"), "") if row.state == "stops"]
    assert "there are no hidden tests for 'ps1'" in stopped.said


def test_a_library_that_the_course_declares_and_nobody_installed_is_named(
    rows: list[Finding], course: Path, tmp_path: Path
) -> None:
    shutil.copytree(course, tmp_path / "c")
    path = tmp_path / "c" / "grading" / NAME / "assignment.py"
    path.write_text(path.read_text().replace('imports=("numpy",)', 'imports=("no_such_module.part",)'))
    (stopped,) = [row for row in doctor.findings(Course(tmp_path / "c"), NAME) if row.state == "stops"]
    assert (stopped.what, stopped.said) == ("libraries of ps1", "not installed: no_such_module")
    assert "pip install" in stopped.remedy


def test_the_page_shows_no_escape_sequence_and_its_status_says_whether_grading_would_start() -> None:
    with open(os.devnull, "w") as nowhere:
        console = Console(record=True, width=200, file=nowhere)
        rows = [Finding("a", "[red]x\x1b[31m", "without", "do"), Finding("b", "no", "stops", "buy")]
        assert doctor.print_page(iter(rows), console) == 1
        assert doctor.print_page(iter(rows[:1]), console) == 0
    text = console.export_text()
    assert "[red]x" in text
    assert "\x1b" not in text
    assert "grading would not start: b" in text


@pytest.mark.parametrize(("size", "state"), [(500, "without"), (768, "without"), (8192, "ok")])
def test_a_small_memory_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch, size: int, state: str) -> None:
    monkeypatch.setattr(machine, "memory_here_bytes", lambda: size * MIB)
    monkeypatch.setattr(machine, "group_memory_bytes", lambda: size * MIB)
    found = machine.memory_finding()
    assert (found.state, f"{size:,} MiB of this container" in found.said) == (state, True)
    assert bool(found.remedy) == (state != "ok")


def test_a_refusal_is_told_in_the_words_of_the_run() -> None:
    def refuse() -> str:
        raise CourseError("it cannot be. Do this. Then that.")

    assert tried("x", refuse) == Finding("x", "it cannot be", "stops", "Do this. Then that.")
    assert tried("x", lambda: "fine") == Finding("x", "fine")
    assert sandbox.NO_SANDBOX.startswith("or run with --no-sandbox")

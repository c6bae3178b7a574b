"""The files in docs/ci/ are well-formed, call commands that exist, and take in clones as students push them."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from autograder.authoring.new import new
from autograder.cli import app
from autograder.course import Course
from autograder.submission.collect import collect
from tests.builders import ROOT

CI = ROOT / "docs" / "ci"
JOBS = {"grade-github.yml", "grade-gitlab.yml"}
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands_called(text: str) -> set[str]:
    """The commands of ours that lines of a script begin with."""
    return set(re.findall(r"(?:run: |- |&& )autograder ([\w-]+)", text))


def known_commands() -> set[str]:
    return {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}


@pytest.mark.parametrize("name", sorted(JOBS))
def test_a_job_takes_in_grades_and_tells(name: str) -> None:
    text = (CI / name).read_text(encoding="utf-8")
    assert {"collect", "doctor", "grade", "export-results"} <= commands_called(text) <= known_commands()
    assert yaml.safe_load(text)


def scripts(name: str) -> list[str]:
    """Every shell text of a job."""
    found = yaml.safe_load((CI / name).read_text(encoding="utf-8"))
    if name.endswith("github.yml"):
        return [step["run"] for step in found["jobs"]["grade"]["steps"] if "run" in step]
    return [*found["grade"]["before_script"], *found["grade"]["script"]]


@pytest.mark.parametrize("name", sorted(JOBS))
def test_the_shell_of_a_job_can_be_parsed(name: str) -> None:
    for script in scripts(name):
        subprocess.run(["bash", "-n", "-c", script], check=True)


def test_no_student_sees_the_token_of_the_class() -> None:
    steps = yaml.safe_load((CI / "grade-github.yml").read_text(encoding="utf-8"))["jobs"]["grade"]["steps"]
    with_token = [step["name"] for step in steps if "STUDENTS_TOKEN" in str(step)]
    assert with_token == ["Clone what students have pushed"]


def test_clones_are_taken_in_by_the_names_of_their_folders(tmp_path: Path) -> None:
    (tmp_path / "course").mkdir()
    new(tmp_path / "course", "ps1")
    course = Course(tmp_path / "course")
    for student in ("ada", "bob"):
        (tmp_path / "clones" / student / ".git").mkdir(parents=True)
        (tmp_path / "clones" / student / ".git" / "config").write_text("token")
        notebook = course.source("ps1").read_bytes()
        (tmp_path / "clones" / student / "ps1.ipynb").write_bytes(notebook)
    collected = collect(course, "ps1", tmp_path / "clones", replace=True)
    assert [one.student for one in collected.taken] == ["ada", "bob"]
    assert not [*course.root.glob("submitted/**/config")]


def test_the_image_is_made_with_the_readmes_commands() -> None:
    lines = (CI / "Dockerfile").read_text(encoding="utf-8").splitlines()
    calls = [line.removeprefix("RUN ") for line in lines if line.startswith("RUN ") and "apt-get" not in line]
    assert calls
    assert all(f"`{call}`" in README or f"    {call}" in README for call in calls)


def test_the_pod_asks_for_no_privilege() -> None:
    pod = yaml.safe_load((CI / "pod.yaml").read_text(encoding="utf-8"))
    (container,) = pod["spec"]["containers"]
    assert container["args"][0] in known_commands()
    assert container["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "runAsGroup": 1000,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }

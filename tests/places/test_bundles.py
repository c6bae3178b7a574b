"""What is handed to a platform is whole: course, tool and list of libraries, and it grades where it is unpacked.

Covers autograder/places/needed.py, autograder/places/wheel.py and autograder/places/upload.py.
"""

import io
import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import nbformat
import pytest

from autograder.authoring.answers import fill
from autograder.authoring.new import new
from autograder.course import CONFIG_FILE, Course
from autograder.errors import UsageError
from autograder.places import bundles, needed, wheel
from autograder.places.upload import INBOX_CONFIG, grade_upload, lay_out
from tests.builders import NAME as HOMEWORK
from tests.builders import ROOT, assignment
from tests.small_course import WRONG

NAME = "ps1"
INSTALLED = "/opt/autograder/bin/autograder"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gradescope's layout around the upload for a small homework, before anything is handed in."""
    root = tmp_path_factory.mktemp("gradescope")
    (root / "course").mkdir()
    new(root / "course", NAME)
    bundles.write_gradescope_zip(Course(root / "course"), NAME, root / "upload.zip")
    for folder in ("submission", "results"):
        (root / "autograder" / folder).mkdir(parents=True)
    with zipfile.ZipFile(root / "upload.zip") as archive:
        archive.extractall(root / "autograder" / "source")
    return root / "autograder"


def test_the_programs_can_be_run_and_lie_at_the_archives_root(unpacked: Path) -> None:
    with zipfile.ZipFile(unpacked.parent / "upload.zip") as archive:
        modes = {info.filename: info.external_attr >> 16 for info in archive.infolist()}
    assert {name for name, mode in modes.items() if mode & stat.S_IXUSR} == {"setup.sh", "run_autograder"}
    for name in ("setup.sh", "run_autograder"):
        text = (unpacked / "source" / name).read_text()
        assert bundles.NAME_OF_ASSIGNMENT not in text
        subprocess.run(["bash", "-n", str(unpacked / "source" / name)], check=True)
    assert f"course/grading/{NAME}/probes.py" in modes


def test_the_same_course_gives_the_same_bytes(unpacked: Path, tmp_path: Path) -> None:
    bundles.write_gradescope_zip(Course(unpacked.parent / "course"), NAME, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == (unpacked.parent / "upload.zip").read_bytes()


def test_a_small_homework_needs_no_pytorch(unpacked: Path) -> None:
    lines = (unpacked / "source" / "requirements.txt").read_text().splitlines()
    assert not any("torch" in line for line in lines)
    assert {line.partition("==")[0] for line in lines[1:]} >= {"numpy", "nbgrader", "pytest"}


def test_pytorch_is_wanted_without_cuda_and_from_where_it_is_to_be_had() -> None:
    lines = needed.requirements_text(Course(ROOT), assignment()).splitlines()
    assert f"--extra-index-url {needed.CPU_INDEX}" in lines
    assert [line for line in lines if line.startswith("torch==") and line.endswith("+cpu")]
    assert {"peft", "transformers", "datasets"} <= {line.partition("==")[0] for line in lines}
    assert not {"jupyter", "mypy", "ruff", "distributed", "autograder"} & {line.partition("==")[0] for line in lines}


def test_a_course_whose_source_lies_elsewhere_cannot_be_packed(tmp_path: Path) -> None:
    (tmp_path / "course").mkdir()
    new(tmp_path / "course", NAME)
    shutil.move(tmp_path / "course" / "source", tmp_path / "elsewhere")
    (tmp_path / "course" / "source").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="lies outside of it"):
        bundles.write_gradescope_zip(Course(tmp_path / "course"), NAME, tmp_path / "upload.zip")


def test_the_wheel_holds_the_package_its_kernel_and_its_entry_points(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(wheel.wheel())) as archive:
        names = set(archive.namelist())
        points = archive.read("autograder-0.1.0.dist-info/entry_points.txt").decode()
        metadata = archive.read("autograder-0.1.0.dist-info/METADATA").decode()
    assert {"autograder/cli/__init__.py", "autograder/authoring/template/nbgrader_config.py"} <= names
    assert f"autograder-0.1.0.data/data/{wheel.SPEC_PLACE}/kernel.json" in names
    assert "autograder = autograder.cli:main" in points
    assert "autograder-sandbox = autograder.kernel.provisioner:SandboxProvisioner" in points
    assert "Requires-Dist: nbgrader" in metadata
    assert "torch" not in metadata


def test_pip_takes_the_wheel(tmp_path: Path) -> None:
    path = tmp_path / wheel.wheel_name()
    path.write_bytes(wheel.wheel())
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", str(tmp_path / "there"), str(path)], check=True)
    code = "import autograder.cli; print(autograder.cli.__file__)"
    env = os.environ | {"PYTHONPATH": str(tmp_path / "there")}
    done = subprocess.run([sys.executable, "-c", code], env=env, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.startswith(str(tmp_path / "there")), done.stderr


def test_installed_without_a_checkout_the_metadata_says_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheel, "CHECKOUT", Path("/nowhere/pyproject.toml"))
    assert any(text.startswith("nbgrader") for text in wheel.tool_requirements())
    assert not any("extra ==" in text for text in wheel.tool_requirements())


def test_classroom_50_gets_a_program_beside_the_course(unpacked: Path, tmp_path: Path) -> None:
    names = bundles.write_classroom_folder(Course(unpacked.parent / "course"), NAME, tmp_path / "autograders" / NAME)
    assert names[0] == "autograder.py"
    text = (tmp_path / "autograders" / NAME / "autograder.py").read_text()
    compile(text, "autograder.py", "exec")
    assert "WARNING" in text
    assert (tmp_path / "autograders" / NAME / "course" / "grading" / NAME / "probes.py").is_file()


def handed_in(unpacked: Path, files: dict[str, str]) -> dict[str, Any]:
    """Exit status as "status", and what lies in results/, after the platform's call for these files."""
    for folder in ("submission", "results"):
        shutil.rmtree(unpacked / folder)
        (unpacked / folder).mkdir()
    for name, text in files.items():
        (unpacked / "submission" / name).write_text(text)
    program = unpacked / "run_autograder"
    # Where the image has the tool installed, these tests have their own.
    program.write_text((unpacked / "source" / program.name).read_text().replace(INSTALLED, "python -m autograder"))
    program.chmod(0o755)
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run([str(program)], cwd=unpacked, env=env, capture_output=True, text=True)
    path = unpacked / "results" / "results.json"
    return {"status": done.returncode, "said": done.stdout + done.stderr} | (
        json.loads(path.read_text()) if path.is_file() else {}
    )


def solved(unpacked: Path, answers: dict[str, str]) -> str:
    """The homework with its solutions, but for these."""
    source = nbformat.read(unpacked / "source" / "course" / "source" / NAME / f"{NAME}.ipynb", as_version=4)
    return str(nbformat.writes(fill(source, answers)))


def test_an_upload_under_any_name_is_graded_where_gradescope_lays_it(unpacked: Path) -> None:
    result = handed_in(unpacked, {"my homework (1).ipynb": solved(unpacked, {"solution_1": WRONG})})
    assert result["status"] == 0, result["said"]
    assert result["score"] == 7.0
    assert [test["score"] for test in result["tests"]] == [2.0, 5.0]
    assert oct((unpacked / "source").stat().st_mode & 0o777) == oct((unpacked / "results").stat().st_mode & 0o777)
    assert (unpacked / "source").stat().st_mode & 0o077 == 0
    assert not (unpacked / "source" / "course" / "submitted").exists()


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "no file was handed in"),
        ({"essay.txt": "hello"}, "there is no notebook"),
        ({f"{NAME}.ipynb": "<html>"}, "it is a web page"),
    ],
)
def test_what_cannot_be_graded_leaves_no_result_and_a_reason_in_the_log(
    unpacked: Path, files: dict[str, str], reason: str
) -> None:
    result = handed_in(unpacked, files)
    assert result["status"] == 1
    assert reason in result["said"]
    assert not (unpacked / "results" / "results.json").exists()


def test_an_upload_that_is_no_folder_and_no_archive_is_a_usage_error(unpacked: Path, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(UsageError, match="neither a folder nor a zip"):
        grade_upload(Course(unpacked / "source" / "course"), NAME, tmp_path / "x", "ada")


def test_a_link_among_the_files_leads_nowhere(unpacked: Path, tmp_path: Path) -> None:
    course, inbox = Course(unpacked / "source" / "course"), tmp_path / "inbox"
    inbox.mkdir()
    (inbox / CONFIG_FILE).write_text(INBOX_CONFIG)
    (tmp_path / "upload").mkdir()
    (tmp_path / "upload" / "work.ipynb").write_text(solved(unpacked, {}))
    (tmp_path / "upload" / "helper.py").symlink_to(course.grading(NAME) / "reference.py")
    said = lay_out(Course(inbox), course, NAME, tmp_path / "upload", "ada")
    assert [path.name for path in (inbox / "submitted" / "ada" / NAME).iterdir()] == [f"{NAME}.ipynb"]
    assert [line for line in said if "helper.py" in line and "it is a link" in line]


def test_the_homeworks_own_course_is_packed_whole() -> None:
    names = set(bundles.grading_files(Course(ROOT), HOMEWORK))
    assert {f"course/source/{HOMEWORK}/{HOMEWORK}.ipynb", f"course/grading/{HOMEWORK}/test_todo1.py"} <= names
    assert not any("__pycache__" in name for name in names)

"""Files handed in with a notebook, with real kernels: right work scores, wrong work does not, nobody sees another's.

Covers autograder/classrun/prepare.py.
"""

import hashlib
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from autograder.classrun.grade import grade
from autograder.classrun.judging import rejudge
from autograder.classrun.settings import Settings, settings_of
from autograder.models import Graded, Submission
from autograder.observe import record as records
from autograder.publish.feedback import run_notes
from tests import builders
from tests.builders import MAX_SCORES, NAME
from tests.conftest import GradedCourse
from tests.conftest import run as run_command

FULL: list[float | None] = list(MAX_SCORES.values())
KEPT = "('score.', 'transformer.h.10.attn.c_attn.', 'transformer.h.11.attn.c_attn.')"
HELPER = """
def freeze_all_but(model, names):
    for name, parameter in model.named_parameters():
        parameter.requires_grad = name.startswith(names)
"""
USES_HELPER = f"""
from lora_utils import freeze_all_but

def train_attention_only(model):
    freeze_all_but(model, {KEPT})
"""
USES_PACKAGE = USES_HELPER.replace("lora_utils", "lora_lib")
USES_SUBFOLDER = "import sys\nsys.path.append('src')\n" + USES_HELPER
READS_DATA = """
import csv

with open("kept/layers.csv") as file:
    KEPT = tuple(row["prefix"] for row in csv.DictReader(file))

def train_attention_only(model):
    for name, parameter in model.named_parameters():
        parameter.requires_grad = name.startswith(KEPT)
"""
READS_LATE = READS_DATA.replace("\nwith", "\ndef kept():\n  with").replace(" KEPT = tuple", " return tuple").replace(
    "startswith(KEPT)", "startswith(kept())"
)  # fmt: skip
WRITES = f"""
with open("log.txt", "a") as log:
    log.write(" run")
assert open("log.txt").read() == "old run"
{HELPER}
{USES_HELPER.replace("from lora_utils import freeze_all_but", "")}
"""
LAYERS = b"prefix\nscore.\ntransformer.h.10.attn.c_attn.\ntransformer.h.11.attn.c_attn.\n"
BOMB = b"raise SystemExit('this must not be imported')\n"
SHADOWS = dict.fromkeys(
    (
        "torch.py", "random.py", "json.py", "numpy/__init__.py", "peft/__init__.py", "datasets/__init__.py",
        "sitecustomize.py", "usercustomize.py", "conftest.py", "ipython_config.py", "src/tqdm.py", "warm.py",
        "tiny/config.json", "gpt2/config.json",
    ),
    BOMB,
)  # fmt: skip

CLASS: dict[str, tuple[str | None, dict[str, bytes], list[float | None]]] = {
    "helper": (USES_HELPER, {"lora_utils.py": HELPER.encode()}, FULL),
    "helper_wrong": (USES_HELPER, {"lora_utils.py": HELPER.replace("starts", "ends").encode()}, [0, *FULL[1:]]),
    "helper_not_handed_in": (USES_HELPER, {}, [None, *FULL[1:]]),
    "helper_too_large": (USES_HELPER, {"lora_utils.py": b"#" * 21_000_000}, [None, *FULL[1:]]),
    "package": (
        USES_PACKAGE,
        {
            "lora_lib/__init__.py": b"from .inner.random import freeze_all_but\n",
            "lora_lib/inner/__init__.py": b"",
            "lora_lib/inner/random.py": b"from .. import inner\n" + HELPER.encode(),
        },
        FULL,
    ),
    "subfolder": (USES_SUBFOLDER, {"src/lora_utils.py": HELPER.encode()}, FULL),
    "data": (READS_DATA, {"kept/layers.csv": LAYERS}, FULL),
    "data_wrong": (READS_DATA, {"kept/layers.csv": LAYERS.replace(b"10", b"1")}, [2, *FULL[1:]]),
    "data_not_handed_in": (READS_DATA, {}, [None, *FULL[1:]]),
    "data_not_there_when_called": (READS_LATE, {}, [None, *FULL[1:]]),
    "writes": (WRITES, {"log.txt": b"old"}, FULL),
    "shadows": (None, SHADOWS, FULL),
    "shadows_wrong": ("def train_attention_only(model):\n    pass\n", SHADOWS, [0, *FULL[1:]]),
}


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with this class."""
    root = builders.make_course(tmp_path_factory.mktemp("course"))
    for student, (answer, files, _) in CLASS.items():
        path = builders.hand_in(root, student, builders.submission({"solution_todo1": answer} if answer else {}))
        for name, data in files.items():
            (path.parent / name).parent.mkdir(parents=True, exist_ok=True)
            (path.parent / name).write_bytes(data)
    return root


@pytest.fixture(scope="module")
def settings(course: Path) -> Settings:
    """How the class is graded."""
    return replace(settings_of(builders.assignment(), course / "source" / NAME / f"{NAME}.ipynb"), seed=7)


def submissions(course: Path) -> list[Submission]:
    return [Submission(s, NAME, course / "submitted" / s / NAME / f"{NAME}.ipynb") for s in CLASS]


@pytest.fixture(scope="module")
def graded(course: Path, settings: Settings) -> dict[str, Graded]:
    """The class, graded in kernels that were all forked from one parent."""
    return {g.submission.student: g for g in grade(submissions(course), settings, course / "records" / NAME)}


def points(graded: Graded) -> list[float | None]:
    return [score.points for score in graded.scores]


@pytest.mark.parametrize("student", CLASS)
def test_what_was_handed_in_with_a_notebook_counts_as_it_deserves(graded: dict[str, Graded], student: str) -> None:
    assert points(graded[student]) == CLASS[student][2], run_notes(graded[student])


def test_the_record_names_the_files_with_size_and_digest(graded: dict[str, Graded]) -> None:
    (file,) = graded["helper"].record.files
    assert (file.name, file.size_bytes) == ("lora_utils.py", len(HELPER))
    assert file.sha256 == hashlib.sha256(HELPER.encode()).hexdigest()
    assert "beside the notebook: lora_utils.py" in run_notes(graded["helper"])


def test_what_was_not_taken_is_said_with_the_reason(graded: dict[str, Graded]) -> None:
    said = "\n".join(run_notes(graded["shadows"]))
    assert graded["shadows"].record.files == ()
    for what in ("torch.py: it would stand in for the module torch", "ipython_config.py: settings of Jupyter", "gpt2/"):
        assert what in said
    assert "lora_utils.py: larger than the 20 MB" in "\n".join(run_notes(graded["helper_too_large"]))


def test_a_missing_file_is_named_with_the_line_that_wanted_it(graded: dict[str, Graded]) -> None:
    (why,) = graded["data_not_handed_in"].scores[0].messages
    assert "kept/layers.csv" in why
    assert "is not there when graded" in why


def test_rejudging_needs_no_files(course: Path, settings: Settings, graded: dict[str, Graded], tmp_path: Path) -> None:
    moved = shutil.move(course / "submitted", tmp_path / "elsewhere")
    again = rejudge(submissions(course), settings, course / "records" / NAME)
    shutil.move(moved, course / "submitted")
    assert [(points(g), g.record.files) for g in again] == [(points(g), g.record.files) for g in graded.values()]


@pytest.mark.parametrize("student", ["helper", "helper_wrong"])
def test_check_without_a_sandbox_places_them_too(course: Path, student: str) -> None:
    done = run_command(course, "check", "--no-sandbox", f"submitted/{student}/{NAME}/{NAME}.ipynb")
    assert f"total: {100 if student == 'helper' else 90} of 100" in str(done["output"]), done["output"]
    assert "beside the notebook: lora_utils.py" in str(done["output"])


def test_check_in_any_folder_places_what_the_notebook_names(course: Path, tmp_path: Path) -> None:
    shutil.copytree(course / "submitted" / "helper" / NAME, tmp_path / "mine")
    (tmp_path / "mine" / "private.txt").write_text("")
    notebook = (tmp_path / "mine" / f"{NAME}.ipynb").rename(tmp_path / "mine" / "try.ipynb")
    done = run_command(course, "check", str(notebook))
    assert "total: 100 of 100" in str(done["output"]), done["output"]
    assert "beside the notebook: lora_utils.py\n" in str(done["output"])


def test_plain_nbgrader_autograde_places_them_too(graded_course: GradedCourse, tmp_path: Path) -> None:
    root = tmp_path / "course"
    shutil.copytree(graded_course.root, root)
    path = builders.hand_in(root, "helper", builders.submission({"solution_todo1": USES_HELPER}))
    (path.parent / "lora_utils.py").write_text(HELPER)
    (path.parent / f"{NAME}-Copy1.ipynb").write_text(nbformat.writes(builders.release_notebook()))
    command = [sys.executable, "-m", "nbgrader", "autograde", NAME, "--student", "helper"]
    done = subprocess.run(command, cwd=root, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    record = records.load(records.path_of(root / "records" / NAME, "helper"))
    assert [file.name for file in record.files] == ["lora_utils.py"]
    again = run_command(root, "rejudge", NAME, "--student", "helper")
    assert again["status"] == 0, again["output"]

"""What the tests share: a class that was graded once, for real, and read by many tests."""

import dataclasses
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from tests import builders
from tests.builders import NAME

os.environ.setdefault("OMP_NUM_THREADS", "1")


@dataclass
class GradedCourse:
    """A course after `autograder grade`, and what the command said."""

    root: Path
    status: int
    output: str

    def autograder(self, *arguments: str) -> "GradedCourse":
        """The course after one more command."""
        return dataclasses.replace(self, **run(self.root, *arguments))


def run(root: Path, *arguments: str) -> dict[str, object]:
    """Exit status and output of the command line."""
    command = [sys.executable, "-m", "autograder", *arguments]
    done = subprocess.run(
        command, cwd=root, capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "200"}
    )
    return {"status": done.returncode, "output": done.stdout + done.stderr}


CRASH = "import os\n\ndef attach_lora_to_gpt2(model, r, lora_alpha):\n    os._exit(1)\n"
UNSCALED = """
def attach_lora(layer, r, lora_alpha, in_features, out_features):
    layer.lora_A = nn.Parameter(torch.ones(r, in_features))
    layer.lora_B = nn.Parameter(torch.ones(out_features, r))
    return lambda module, input, output: output + input[0] @ layer.lora_A.T @ layer.lora_B.T
"""


@pytest.fixture(scope="session")
def graded_course(tmp_path_factory: pytest.TempPathFactory) -> GradedCourse:
    """Released, handed in and graded through the command line, kernels, judge and gradebook included."""
    root = builders.make_course(tmp_path_factory.mktemp("course"))
    released = GradedCourse(root, **run(root, "release", NAME))  # type: ignore[arg-type]
    assert released.status == 0, released.output
    release = nbformat.read(root / "release" / NAME / f"{NAME}.ipynb", as_version=4)
    class_ = {
        "perfect": builders.submission(),
        "untouched": release,
        "unscaled": builders.submission({"solution_todo2_3": UNSCALED}),
        "crash": builders.submission({"solution_todo5": CRASH}),
        "cut_off": nbformat.writes(release).encode()[:3000],
    }
    for student, notebook in class_.items():
        builders.hand_in(root, student, notebook)
    (root / "submitted" / "no_file" / NAME).mkdir(parents=True)
    return released.autograder("grade", NAME)

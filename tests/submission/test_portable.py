"""What works in a student's own environment only: left out or run apart, so that the solution below it counts."""

import pytest

from autograder.submission.portable import portable
from autograder.submission.syntax import parsed

SOLUTION = "def solve(x):\n    return x + 1"


@pytest.mark.parametrize(
    "line",
    [
        "!pip install torch",
        "! pip3 install -q torch",
        "%pip install torch",
        "!python -m pip install torch",
        "%conda install x",
        "!apt-get -y install git",
        "!sudo apt install git",
        "!wget http://example.org/a.csv",
        "!git clone https://example.org/r",
        "!curl -O http://example.org",
        "pip install torch",
        "!pip install a \\\n    b",
        "!gdown 1234",
        "!uv pip install torch",
    ],
)
def test_a_line_that_needs_the_network_is_left_out_and_named(line: str) -> None:
    result = portable(f"{line}\n{SOLUTION}")
    (piece,) = result.pieces
    assert "left out" in piece
    assert parsed(piece) is not None
    assert piece.endswith(SOLUTION)
    assert line.split("\n")[0].strip() in result.notes[0]


@pytest.mark.parametrize(
    "line", ["!pip list", "!ls", "%matplotlib inline", "!nvidia-smi", "x = 5 % 3", "# !pip install x"]
)
def test_other_lines_stay_as_they_are(line: str) -> None:
    assert portable(f"{line}\n{SOLUTION}").notes == ()


def test_a_line_within_a_string_is_text() -> None:
    source = f'TEXT = """\n!pip install x\n"""\n{SOLUTION}'
    assert portable(source).pieces == (source,)


def test_a_shell_cell_installs_nothing_and_stays_a_shell_cell() -> None:
    result = portable("%%bash\nif true; then\n  pip install x\nfi\necho done\n")
    assert result.pieces == ("%%bash\nif true; then\n  :  # left out: pip install x\nfi\necho done\n",)
    assert "`pip install x` was left out" in result.notes[0]


@pytest.mark.parametrize("magic", ["%%ruby", "%%writefile a.sh", "%%html"])
def test_a_cell_that_is_no_python_is_left_alone(magic: str) -> None:
    source = f"{magic}\npip install x\n{SOLUTION}"
    assert portable(source).pieces == (source,)


@pytest.mark.parametrize(
    "line",
    [
        "from google.colab import drive",
        "from google import colab",
        "import google.colab.files as f",
        "import not_a_module",
        "from not_a_module.inner import x",
        "drive.mount('/content/drive')",
        "name = input()",
        "model = make().cuda()",
        "with open('/content/x') as f:\n    data = f.read()",
        "for i in range(3):\n    show(i)",
        "import getpass, not_a_module",
    ],
)
def test_what_may_fail_above_a_definition_runs_in_a_cell_of_its_own(line: str) -> None:
    result = portable(f"import math\n{line}\n# my answer\n{SOLUTION}\nprint(solve(1))")
    assert result.pieces == ("import math\n", f"{line}\n", f"# my answer\n{SOLUTION}\nprint(solve(1))")
    assert result.notes


@pytest.mark.parametrize(
    "source",
    [
        f'"""My answer."""\nimport math\nRANK = 4\n{SOLUTION}',
        f"{SOLUTION}\nsolve(1)\ninput()",
        "solve(1)\nmodel.cuda()",
        "def broken(:\n",
        f"%%time\nsolve(1)\n{SOLUTION}",
    ],
)
def test_a_cell_without_such_lines_stays_whole(source: str) -> None:
    assert portable(source).pieces == (source,)


def test_the_modules_that_are_missing_are_named() -> None:
    assert "`google.colab` is not there" in portable(f"from google.colab import files\n{SOLUTION}").notes[0]


def test_the_pieces_together_are_the_cell() -> None:
    source = f"a()\n\n\n# comment\nb(); c()\nif d:\n    e()\n@wraps\n{SOLUTION}\n\nf()\n"
    assert "".join(portable(source).pieces) == source

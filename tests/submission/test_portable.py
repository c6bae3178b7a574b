"""What works in a student's own environment only is left out, so that the solution below it counts."""

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
    assert "left out" in result.text
    assert parsed(result.text) is not None
    assert result.text.endswith(SOLUTION)
    assert line.split("\n")[0].strip() in result.notes[0]


@pytest.mark.parametrize(
    "line", ["!pip list", "!ls", "%matplotlib inline", "!nvidia-smi", "x = 5 % 3", "# !pip install x"]
)
def test_other_lines_stay_as_they_are(line: str) -> None:
    assert portable(f"{line}\n{SOLUTION}").notes == ()


def test_a_line_within_a_string_is_text() -> None:
    source = f'TEXT = """\n!pip install x\n"""\n{SOLUTION}'
    assert portable(source).text == source


def test_a_shell_cell_installs_nothing_and_stays_a_shell_cell() -> None:
    result = portable("%%bash\nif true; then\n  pip install x\nfi\necho done\n")
    assert result.text == "%%bash\nif true; then\n  :  # left out: pip install x\nfi\necho done\n"
    assert "`pip install x` was left out" in result.notes[0]


@pytest.mark.parametrize("magic", ["%%ruby", "%%writefile a.sh", "%%html"])
def test_a_cell_that_is_no_python_is_left_alone(magic: str) -> None:
    source = f"{magic}\npip install x\n{SOLUTION}"
    assert portable(source).text == source


@pytest.mark.parametrize("magic", ["%%time", "%%capture", "\n%%time ", "%%capture --no-stderr"])
def test_a_cell_magic_that_would_make_one_statement_of_the_cell_is_a_comment(magic: str) -> None:
    text = portable(f"{magic}\nimport gone\n{SOLUTION}").text
    assert parsed(text) is not None
    assert text.count("\n") == f"{magic}\nimport gone\n{SOLUTION}".count("\n")
    assert text.lstrip().startswith(f"# {magic.strip()}")


@pytest.mark.parametrize("magic", ["%%timeit", "%%capture shown", "%%time solve(1)", "%%bash"])
def test_other_cell_magics_stay(magic: str) -> None:
    assert portable(f"{magic}\n{SOLUTION}").text == f"{magic}\n{SOLUTION}"


def test_the_lines_keep_their_numbers() -> None:
    source = f"%%time\n\n!pip install a \\\n  b\n# comment\n%pip install c\n{SOLUTION}\n"
    assert portable(source).text.split("\n")[6:] == source.split("\n")[6:]

"""Sample submissions: answers filled into the release."""

from pathlib import Path

import pytest

from autograder.authoring.answers import fill, read_answers
from autograder.errors import UsageError
from tests.builders import ROOT, SOLUTION_CELLS, perfect_answers, release_notebook


def test_answers_may_build_on_another_file(tmp_path: Path) -> None:
    (tmp_path / "base.py").write_text("# %% a\nx = 1\n\n# %% b\ny = 2\n")
    (tmp_path / "other.py").write_text("# like: base\n\n# %% b\ny = 3\n")
    assert read_answers(tmp_path / "other.py") == {"a": "x = 1", "b": "y = 3"}


def test_an_unknown_cell_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="no cell 'solution_todo9'"):
        fill(release_notebook(), {"solution_todo9": ""})


def test_the_perfect_sample_answers_every_todo() -> None:
    assert perfect_answers().keys() == SOLUTION_CELLS.keys()


@pytest.mark.parametrize("path", sorted((ROOT / "examples" / "class").glob("*.py")), ids=lambda p: p.stem)
def test_every_sample_fits_the_release(path: Path) -> None:
    assert len(fill(release_notebook(), read_answers(path)).cells) == len(release_notebook().cells)

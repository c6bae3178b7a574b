"""The ungraded companion notebooks run from top to bottom without a download, and keep the same form."""

import contextlib
import io
import re
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).parents[2] / "source" / "hw8_lora" / "companions"
NAMES = ["01_forward_hooks", "02_inside_gpt2_attention", "03_beyond_the_homework"]


def cells(name):
    """Return the cells of a companion notebook."""
    return nbformat.read(FOLDER / f"{name}.ipynb", 4).cells


@pytest.mark.parametrize("name", NAMES)
def test_a_companion_runs_from_top_to_bottom(name):
    namespace, printed = {"__name__": "__main__"}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        for cell in cells(name):
            if cell.cell_type == "code":
                exec(compile(cell.source, cell["id"], "exec"), namespace)
    assert len(printed.getvalue().splitlines()) > 8


@pytest.mark.parametrize("name", NAMES)
def test_a_companion_keeps_its_cells_short_and_its_outputs_cleared(name):
    for cell in cells(name):
        if cell.cell_type == "code":
            assert len(cell.source.splitlines()) <= 25
            assert not cell.outputs
        else:
            assert len(cell.source.split()) <= 120


@pytest.mark.parametrize("name", NAMES)
def test_a_companion_has_a_figure_with_a_text_alternative(name):
    text = "\n".join(cell.source for cell in cells(name))
    assert "<img" in text
    assert all("alt=" in tag for tag in re.findall(r"<img[^>]*", text))


@pytest.mark.parametrize("name", NAMES)
def test_a_companion_asks_for_predictions_and_has_one_title(name):
    text = "\n".join(cell.source for cell in cells(name) if cell.cell_type == "markdown")
    assert text.count("**Predict") >= 4
    assert len(re.findall(r"^# ", text, re.M)) == 1
    assert not re.findall(r"^###", text, re.M)

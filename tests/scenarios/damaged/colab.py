"""Notebooks as Colab saves them."""

from tests.scenarios.damaged.notebooks import Notebook, cells, code, damages, nbgrader, solutions, text

COLAB_LINES = "from google.colab import drive, files\nfrom google.colab import output\n"


def as_colab(notebook: Notebook, *, keep_nbgrader: bool) -> None:
    """Change a notebook as Colab does when it saves it."""
    notebook |= {"nbformat": 4, "nbformat_minor": 0}
    notebook["metadata"] = {
        "colab": {"provenance": [], "gpuType": "T4", "toc_visible": True, "include_colab_link": True},
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "language_info": {"name": "python"},
        "accelerator": "GPU",
        "widgets": {"application/vnd.jupyter.widget-state+json": {"8f3a": {"state": {"value": [1, {"outputs": []}]}}}},
    }
    for i, cell in enumerate(cells(notebook)):
        kept = {"nbgrader": nbgrader(cell)} if keep_nbgrader and nbgrader(cell) else {}
        cell["metadata"] = kept | {"id": cell.pop("id", f"id{i}"), "cellView": "form"}
        cell["source"] = text(cell).splitlines(keepends=True)
        if cell["cell_type"] == "code":
            info = {"status": "ok", "timestamp": 1769860800000, "user_tz": -60, "elapsed": 12, "user": {"userId": "0"}}
            cell["metadata"] |= {
                "colab": {"base_uri": "https://localhost:8080/"},
                "outputId": "a-b",
                "executionInfo": info,
            }
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["passed\n"]}]


def colab(notebook: Notebook) -> None:
    as_colab(notebook, keep_nbgrader=True)


def colab_without_nbgrader(notebook: Notebook) -> None:
    as_colab(notebook, keep_nbgrader=False)


def colab_with_new_ids(notebook: Notebook) -> None:
    as_colab(notebook, keep_nbgrader=False)
    for i, cell in enumerate(cells(notebook)):
        cell["metadata"]["id"] = f"x{i:011d}"


def colab_badge_and_drive(notebook: Notebook) -> None:
    as_colab(notebook, keep_nbgrader=True)
    badge = {"cell_type": "markdown", "metadata": {"id": "view-in-github", "colab_type": "text"}, "source": "<a></a>"}
    mount = code(
        COLAB_LINES + "drive.mount('/content/drive')\n%cd /content/drive/MyDrive\n!pip install -q peft datasets"
    )
    cells(notebook)[:0] = [badge, mount]


def colab_form_titles(notebook: Notebook) -> None:
    as_colab(notebook, keep_nbgrader=False)
    for position in solutions(notebook):
        cells(notebook)[position]["source"] = '#@title My answer {display-mode: "form"}\n' + text(
            cells(notebook)[position]
        )


CASES = damages(
    colab,
    colab_without_nbgrader,
    colab_with_new_ids,
    colab_badge_and_drive,
    colab_form_titles,
)

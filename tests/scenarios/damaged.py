"""Damaged but honest submissions, made from any assignment's filled notebook: name -> what the student's folder holds.

Each takes the solved release notebook and returns the bytes of the file, or the files of the folder by name.
``UNREADABLE`` names those from which nothing can be graded: there a person is told why.
"""

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.builders import NAME

Notebook = dict[str, Any]
Cell = dict[str, Any]
Damaged = bytes | dict[str, bytes]

PERCENT = {"code": "# %%", "markdown": "# %% [markdown]", "raw": "# %% [raw]"}
COLAB_LINES = "from google.colab import drive, files\nfrom google.colab import output\n"


def cells(notebook: Notebook) -> list[Cell]:
    """The notebook's cells."""
    found: list[Cell] = notebook["cells"]
    return found


def nbgrader(cell: Cell) -> dict[str, Any]:
    """The cell's nbgrader settings, empty when it has none."""
    settings: dict[str, Any] = cell["metadata"].get("nbgrader", {})
    return settings


def solutions(notebook: Notebook) -> list[int]:
    """Positions of the solution cells."""
    return [i for i, cell in enumerate(cells(notebook)) if nbgrader(cell).get("solution")]


def grades(notebook: Notebook) -> list[int]:
    """Positions of the grade cells that are no solution cells."""
    return [i for i, c in enumerate(cells(notebook)) if nbgrader(c).get("grade") and not nbgrader(c).get("solution")]


def text(cell: Cell) -> str:
    """The cell's source as one string."""
    source = cell["source"]
    ends = "" if any("\n" in line for line in source) else "\n"
    return ends.join(source) if isinstance(source, list) else str(source)


def dumped(notebook: Notebook, **options: Any) -> bytes:
    """The notebook as Jupyter saves it."""
    return json.dumps(notebook, **({"indent": 1, "ensure_ascii": False} | options)).encode()


def code(source: str) -> Cell:
    """A cell that a student added."""
    return {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None}


Act = Callable[[Notebook], Any]
DAMAGED: dict[str, Callable[[Notebook], Damaged]] = {}
UNREADABLE = {"empty", "web_page", "cut_off", "merge_conflict", "zip_as_notebook", "nested_without_end"}


def damage(act: Act) -> Act:
    """Register a function that changes a copy of the notebook, or returns what is in the folder instead."""

    def damaged(notebook: Notebook) -> Damaged:
        notebook = copy.deepcopy(notebook)
        result = act(notebook)
        return dumped(notebook) if result is None else result

    DAMAGED[act.__name__] = damaged
    return act


# The file


@damage
def wrong_name(notebook: Notebook) -> Damaged:
    return {"Homework 8 (final).ipynb": dumped(notebook)}


@damage
def ending_of_a_browser(notebook: Notebook) -> Damaged:
    return {"notebook.ipynb.txt": dumped(notebook)}


@damage
def in_a_folder_of_its_own(notebook: Notebook) -> Damaged:
    return {"my work/Untitled3.ipynb": dumped(notebook), "__MACOSX/._Untitled3.ipynb": b"\0\5\26\7", ".DS_Store": b"x"}


@damage
def copied_by_jupyter(notebook: Notebook) -> Damaged:
    return {"a-Copy1.ipynb": dumped(notebook), ".ipynb_checkpoints/a-checkpoint.ipynb": b"{}"}


@damage
def byte_order_mark(notebook: Notebook) -> Damaged:
    return b"\xef\xbb\xbf" + dumped(notebook)


@damage
def utf_16(notebook: Notebook) -> Damaged:
    return dumped(notebook).decode().encode("utf-16")


@damage
def utf_16_without_a_mark(notebook: Notebook) -> Damaged:
    return dumped(notebook).decode().encode("utf-16-le")


@damage
def latin_1(notebook: Notebook) -> Damaged:
    return dumped(notebook).decode().encode("latin-1", "xmlcharrefreplace").replace(b"<details>", b"<details> na\xefve")


@damage
def bytes_after_the_end(notebook: Notebook) -> Damaged:
    return dumped(notebook) + b"\n}\n\0\0\0"


@damage
def one_line(notebook: Notebook) -> Damaged:
    return dumped(notebook, indent=None, separators=(",", ":"))


@damage
def nan_in_outputs_and_metadata(notebook: Notebook) -> None:
    notebook["metadata"]["loss"] = float("nan")
    cells(notebook)[solutions(notebook)[0]]["outputs"] = [{"output_type": "display_data", "data": {"x": float("inf")}}]


@damage
def a_million_digits(notebook: Notebook) -> Damaged:
    notebook["metadata"]["count"] = "DIGITS"
    return dumped(notebook).replace(b'"DIGITS"', b"9" * 1_000_000)


@damage
def raw_line_ends_in_strings(notebook: Notebook) -> Damaged:
    cells(notebook)[0]["source"] = "A title\nwith a LINE"
    return dumped(notebook).replace(b"with a LINE", b"with\ta\nline")


@damage
def outputs_of_megabytes(notebook: Notebook) -> None:
    image = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "iVBORw0KGgo" * 50_000}}
    numbers = {"output_type": "display_data", "metadata": {}, "data": {"application/json": [[0.25, -1.5]] * 20_000}}
    for position in solutions(notebook)[:2]:
        cells(notebook)[position]["outputs"] = [image, numbers]


@damage
def nested_outputs(notebook: Notebook) -> Damaged:
    cells(notebook)[solutions(notebook)[0]]["outputs"] = ["DEEP"]
    return dumped(notebook).replace(b'"DEEP"', b"[" * 50_000 + b"]" * 50_000)


@damage
def nbformat_3(notebook: Notebook) -> Damaged:
    old = [{k: v for k, v in cell.items() if k != "id"} for cell in cells(notebook)]
    for cell in old:
        if cell["cell_type"] == "code":
            cell |= {"input": cell.pop("source"), "language": "python", "collapsed": False, "prompt_number": 1}
    return dumped({"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": old}]})


@damage
def nbformat_5(notebook: Notebook) -> None:
    notebook |= {"nbformat": 5, "nbformat_minor": 2, "schema": {"new": True}}
    for cell in cells(notebook):
        cell["provenance"] = {"author": None}


@damage
def sources_as_lines(notebook: Notebook) -> None:
    for cell in cells(notebook):
        cell["source"] = text(cell).splitlines(keepends=True)


@damage
def lines_without_ends(notebook: Notebook) -> None:
    for cell in cells(notebook):
        cell["source"] = text(cell).split("\n")


@damage
def windows_line_ends(notebook: Notebook) -> None:
    for cell in cells(notebook):
        cell["source"] = text(cell).replace("\n", "\r\n")


@damage
def text_within_json(notebook: Notebook) -> Damaged:
    return json.dumps(dumped(notebook).decode()).encode()


@damage
def without_cell_types(notebook: Notebook) -> None:
    for cell in cells(notebook):
        if cell["cell_type"] == "code":
            del cell["cell_type"]


@damage
def empty(notebook: Notebook) -> Damaged:
    return b""


@damage
def web_page(notebook: Notebook) -> Damaged:
    return b"<!DOCTYPE html>\n<html><body>" + dumped(notebook) + b"</body></html>"


@damage
def cut_off(notebook: Notebook) -> Damaged:
    return dumped(notebook)[:-2000]


@damage
def merge_conflict(notebook: Notebook) -> Damaged:
    return dumped(notebook).replace(b' "cells": [', b'<<<<<<< HEAD\n "cells": [\n=======\n "cells": [\n>>>>>>> x', 1)


@damage
def zip_as_notebook(notebook: Notebook) -> Damaged:
    return b"PK\x03\x04" + bytes(100)


@damage
def nested_without_end(notebook: Notebook) -> Damaged:
    notebook["metadata"]["deep"] = "DEEP"
    return dumped(notebook).replace(b'"DEEP"', b"[" * 100_000)


# Scripts that the notebook was exported to


def script(notebook: Notebook, marker: Callable[[Cell], str]) -> bytes:
    """The cells one after the other, markdown as comments."""
    blocks = []
    for cell in cells(notebook):
        lines = text(cell).split("\n")
        lines = lines if cell["cell_type"] == "code" else [f"# {line}" for line in lines]
        blocks.append("\n".join([marker(cell), *lines]))
    return ("\n\n".join(blocks) + "\n").encode()


@damage
def percent_script(notebook: Notebook) -> Damaged:
    return b"# ---\n# jupyter:\n#   jupytext: {}\n# ---\n\n" + script(notebook, lambda c: PERCENT[c["cell_type"]])


@damage
def percent_script_with_metadata(notebook: Notebook) -> Damaged:
    def marker(cell: Cell) -> str:
        settings = f" nbgrader={json.dumps(nbgrader(cell))}" if nbgrader(cell) else ""
        return f'{PERCENT[cell["cell_type"]]} id="x"{settings}'

    return {"notebook.py": script(notebook, marker)}


@damage
def nbconvert_script(notebook: Notebook) -> Damaged:
    head = b"#!/usr/bin/env python\n# coding: utf-8\n\n"
    return {"notebook.py": head + script(notebook, lambda c: "# In[ ]:\n\n" if c["cell_type"] == "code" else "")}


@damage
def colab_script(notebook: Notebook) -> Damaged:
    blocks = ['"""Homework.ipynb\n\nAutomatically generated by Colab.\n"""']
    for cell in cells(notebook):
        blocks.append(text(cell) if cell["cell_type"] == "code" else '"""' + text(cell).replace('"', "'") + '"""')
    return {"homework.py": "\n\n".join(b.replace("\\", "\\\\") if b.startswith('"""') else b for b in blocks).encode()}


# Colab


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


@damage
def colab(notebook: Notebook) -> None:
    as_colab(notebook, keep_nbgrader=True)


@damage
def colab_without_nbgrader(notebook: Notebook) -> None:
    as_colab(notebook, keep_nbgrader=False)


@damage
def colab_with_new_ids(notebook: Notebook) -> None:
    as_colab(notebook, keep_nbgrader=False)
    for i, cell in enumerate(cells(notebook)):
        cell["metadata"]["id"] = f"x{i:011d}"


@damage
def colab_badge_and_drive(notebook: Notebook) -> None:
    as_colab(notebook, keep_nbgrader=True)
    badge = {"cell_type": "markdown", "metadata": {"id": "view-in-github", "colab_type": "text"}, "source": "<a></a>"}
    mount = code(
        COLAB_LINES + "drive.mount('/content/drive')\n%cd /content/drive/MyDrive\n!pip install -q peft datasets"
    )
    cells(notebook)[:0] = [badge, mount]


@damage
def colab_form_titles(notebook: Notebook) -> None:
    as_colab(notebook, keep_nbgrader=False)
    for position in solutions(notebook):
        cells(notebook)[position]["source"] = '#@title My answer {display-mode: "form"}\n' + text(
            cells(notebook)[position]
        )


# Identity of cells


@damage
def metadata_lost(notebook: Notebook) -> None:
    for cell in cells(notebook):
        cell["metadata"] = {}


@damage
def metadata_and_ids_lost(notebook: Notebook) -> None:
    for cell in cells(notebook):
        cell["metadata"] = {}
        cell.pop("id", None)


@damage
def one_id_for_all(notebook: Notebook) -> None:
    for cell in cells(notebook):
        cell["id"] = "same"


@damage
def ids_of_another_release(notebook: Notebook) -> None:
    for i, cell in enumerate(cells(notebook)):
        cell["id"] = f"new-{i}"
        if nbgrader(cell):
            nbgrader(cell)["grade_id"] = f"cell-{i:016x}"


@damage
def grade_ids_one_too_far(notebook: Notebook) -> None:
    settings = [cell["metadata"] for cell in cells(notebook)]
    for cell, other in zip(cells(notebook), settings[-1:] + settings[:-1], strict=True):
        cell["metadata"] = other
        cell.pop("id", None)


@damage
def one_grade_id_for_all_solutions(notebook: Notebook) -> None:
    first = nbgrader(cells(notebook)[solutions(notebook)[0]])
    for position in solutions(notebook):
        cells(notebook)[position]["metadata"]["nbgrader"] = dict(first)


@damage
def flags_flipped(notebook: Notebook) -> None:
    for cell in cells(notebook):
        for flag in ("grade", "solution", "locked"):
            if flag in nbgrader(cell):
                nbgrader(cell)[flag] = not nbgrader(cell)[flag]


@damage
def points_and_checksums_changed(notebook: Notebook) -> None:
    for cell in cells(notebook):
        if nbgrader(cell):
            nbgrader(cell).update(points=1000, checksum="0" * 32)


@damage
def other_kernel(notebook: Notebook) -> None:
    notebook["metadata"] = {
        "kernelspec": {"name": "ir", "display_name": "R", "language": "R"},
        "language_info": {"name": "R", "version": "4.3"},
    }


@damage
def julia_and_no_metadata(notebook: Notebook) -> None:
    notebook["metadata"] = {"kernelspec": {"name": "julia-1.9", "display_name": "Julia"}}


@damage
def python_2(notebook: Notebook) -> None:
    notebook["metadata"]["kernelspec"] = {"name": "python2", "display_name": "Python 2", "language": "python"}


# Locked cells


@damage
def grade_cells_deleted(notebook: Notebook) -> None:
    notebook["cells"] = [c for i, c in enumerate(cells(notebook)) if i not in grades(notebook)]


@damage
def all_locked_cells_deleted(notebook: Notebook) -> None:
    notebook["cells"] = [cells(notebook)[i] for i in solutions(notebook)]


@damage
def grade_cells_edited(notebook: Notebook) -> None:
    for position in grades(notebook):
        cells(notebook)[position]["source"] = "print('all good')"


@damage
def grade_cells_as_markdown(notebook: Notebook) -> None:
    for position in grades(notebook):
        cells(notebook)[position]["cell_type"] = "markdown"


@damage
def grade_cells_moved_to_the_top(notebook: Notebook) -> None:
    top = [cells(notebook)[i] for i in grades(notebook)]
    notebook["cells"] = top + [c for c in cells(notebook) if c not in top]


@damage
def grade_cells_copied(notebook: Notebook) -> None:
    for position in reversed(grades(notebook)):
        cells(notebook).insert(position, copy.deepcopy(cells(notebook)[position]))


@damage
def every_cell_copied(notebook: Notebook) -> None:
    notebook["cells"] = [copy.deepcopy(cell) for cell in cells(notebook) for _ in range(2)]


@damage
def setup_edited_with_a_mistake(notebook: Notebook) -> None:
    locked = next(c for c in cells(notebook) if c["cell_type"] == "code" and nbgrader(c).get("locked"))
    locked["source"] = "1 / 0\n" + text(locked)


# Solution cells


@damage
def solutions_split(notebook: Notebook) -> None:
    for position in reversed(solutions(notebook)):
        cell = cells(notebook)[position]
        lines = text(cell).split("\n")
        body = next((i for i, line in enumerate(lines) if line[:1] in (" ", "\t")), None)
        if body is not None and body + 1 < len(lines):
            cell["source"] = "\n".join(lines[: body + 1])
            cells(notebook).insert(position + 1, code("\n".join(lines[body + 1 :])))


@damage
def solutions_split_after_the_signature(notebook: Notebook) -> None:
    for position in reversed(solutions(notebook)):
        cell = cells(notebook)[position]
        head, colon, rest = text(cell).partition(":\n")
        if colon and head.startswith("def "):
            cell["source"] = head + ":"
            cells(notebook).insert(position + 1, copy.deepcopy(cell) | {"source": rest, "id": "rest"})


@damage
def solutions_at_the_end(notebook: Notebook) -> None:
    last = [cells(notebook)[i] for i in solutions(notebook)]
    notebook["cells"] = [c for c in cells(notebook) if c not in last] + last


@damage
def cells_reversed(notebook: Notebook) -> None:
    notebook["cells"].reverse()


@damage
def solutions_merged_into_the_first(notebook: Notebook) -> None:
    first, *others = solutions(notebook)
    cells(notebook)[first]["source"] = "\n\n".join(text(cells(notebook)[i]) for i in (first, *others))
    notebook["cells"] = [c for i, c in enumerate(cells(notebook)) if i not in others]


@damage
def solutions_merged_with_the_check_below(notebook: Notebook) -> None:
    for position in reversed(solutions(notebook)):
        below = next(
            (i for i in range(position + 1, len(cells(notebook))) if cells(notebook)[i]["cell_type"] == "code"), 0
        )
        if below and below not in solutions(notebook):
            cells(notebook)[position]["source"] = (
                text(cells(notebook)[position]) + "\n\n" + text(cells(notebook)[below])
            )
            del cells(notebook)[below]


@damage
def solutions_merged_into_the_example_above(notebook: Notebook) -> None:
    for position in reversed(solutions(notebook)):
        above = next((i for i in range(position - 1, -1, -1) if cells(notebook)[i]["cell_type"] == "code"), None)
        if above is not None and above not in solutions(notebook):
            cells(notebook)[above]["source"] = text(cells(notebook)[above]) + "\n\n" + text(cells(notebook)[position])
            del cells(notebook)[position]


@damage
def all_code_in_one_cell(notebook: Notebook) -> None:
    joined = "\n\n".join(text(cell) for cell in cells(notebook) if cell["cell_type"] == "code")
    notebook["cells"] = [code(joined)]


@damage
def solutions_as_markdown(notebook: Notebook) -> None:
    for position in solutions(notebook):
        cells(notebook)[position]["cell_type"] = "markdown"
        cells(notebook)[position].pop("outputs", None)


@damage
def solutions_as_nameless_markdown(notebook: Notebook) -> None:
    solutions_as_markdown(notebook)
    metadata_and_ids_lost(notebook)


@damage
def solution_ids_exchanged(notebook: Notebook) -> None:
    first, *_, last = solutions(notebook)
    a, b = cells(notebook)[first], cells(notebook)[last]
    a["source"], b["source"] = b["source"], a["source"]


@damage
def solution_in_a_new_cell_below_the_stub(notebook: Notebook) -> None:
    for position in reversed(solutions(notebook)):
        cell = cells(notebook)[position]
        cells(notebook).insert(position + 1, code(text(cell)))
        cell["source"] = stubbed(text(cell))


@damage
def stub_kept_below_the_solution(notebook: Notebook) -> None:
    for position in reversed(solutions(notebook)):
        cell = cells(notebook)[position]
        cells(notebook).insert(position + 1, copy.deepcopy(cell) | {"source": stubbed(text(cell)), "id": "again"})


@damage
def solution_in_the_grade_cell(notebook: Notebook) -> None:
    for position in solutions(notebook):
        cell = cells(notebook)[position]
        grade = next((i for i in grades(notebook) if i > position), None)
        if grade is not None:
            cells(notebook)[grade]["source"] = text(cell) + "\n\n" + text(cells(notebook)[grade])
            cell["source"] = stubbed(text(cell))


def stubbed(source: str) -> str:
    """Each top-level function with its body replaced by what the release has there."""
    return re.sub(r"^(def .*?:)\n(?:(?:[ \t].*)?\n?)+", r"\1\n    raise NotImplementedError()\n\n", source, flags=re.M)


# What only works elsewhere


def above_each_solution(notebook: Notebook, lines: str) -> None:
    """Put lines at the top of every solution cell."""
    for position in solutions(notebook):
        cells(notebook)[position]["source"] = f"{lines}\n{text(cells(notebook)[position])}"


@damage
def installs_at_the_top(notebook: Notebook) -> None:
    above_each_solution(
        notebook, "!pip install -q peft \\\n    transformers\n%pip install torch\n!apt-get -y install git"
    )


@damage
def colab_imports_at_the_top(notebook: Notebook) -> None:
    above_each_solution(notebook, f"{COLAB_LINES}drive.mount('/content/drive')\nuploaded = files.upload()")


@damage
def questions_at_the_top(notebook: Notebook) -> None:
    above_each_solution(notebook, "import getpass\nname = input('Your name? ')\ntoken = getpass.getpass()")


@damage
def widgets_at_the_top(notebook: Notebook) -> None:
    lines = "import ipywidgets as widgets\nfrom IPython.display import display\ndisplay(widgets.IntSlider(value=4))"
    above_each_solution(notebook, lines)


@damage
def packages_that_are_not_here(notebook: Notebook) -> None:
    above_each_solution(notebook, "import wandb_of_mine\nwandb_of_mine.init(project='hw')\nassert wandb_of_mine.run")


@damage
def files_and_gpus_of_their_own(notebook: Notebook) -> None:
    above_each_solution(notebook, "data = open('/content/drive/MyDrive/data.csv').read()\nassert data, 'on my machine'")


@damage
def magics_around_the_solution(notebook: Notebook) -> None:
    for position in solutions(notebook):
        source = text(cells(notebook)[position])
        cells(notebook)[position]["source"] = f"%%time\n%matplotlib inline\n{source}\n%whos\n!nvidia-smi"


@damage
def help_and_shell_around_the_solution(notebook: Notebook) -> None:
    for position in solutions(notebook):
        source = text(cells(notebook)[position])
        cells(notebook)[position]["source"] = f"here = !pwd\n%time 1 + 1\n{source}\nprint?\n?print"


@damage
def cells_that_fail_and_ask(notebook: Notebook) -> None:
    extra = ["input('go on?')", "files.upload()", "1/0", "%%bash\npip install x", "%run missing.py", "while", "\x00"]
    for position in reversed(solutions(notebook)):
        cells(notebook)[position:position] = [code(source) for source in extra[:4]]
    cells(notebook)[:0] = [code(source) for source in extra]


@damage
def escapes_and_form_feeds(notebook: Notebook) -> None:
    above_each_solution(notebook, "pattern = '\\d'  # \u2028 a separator\n\x0c")


def hand_in(folder: Path, damaged: Damaged) -> Path:
    """Put the files where nbgrader looks for them; the path of the notebook as it should be named."""
    files = damaged if isinstance(damaged, dict) else {f"{NAME}.ipynb": damaged}
    for name, data in files.items():
        (folder / NAME / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / NAME / name).write_bytes(data)
    return folder / NAME / f"{NAME}.ipynb"

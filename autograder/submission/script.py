"""Cells out of a Python script that a notebook was exported to: Jupytext, VS Code, nbconvert, Colab."""

import json
import re
from collections.abc import Iterator
from typing import Any

MARKER = re.compile(r"^#[ \t]*+(?:%%(?P<percent>.*)|(?:In ?\[[ \d*]*+\]:?|<(?P<old>code|markdown)cell>)[ \t]*+)$")
"""The line that begins a cell: ``# %%`` with a title and metadata, ``# In[3]:``, ``# <codecell>``."""
KIND = re.compile(r"\[(markdown|md|raw)\]")
ATTRIBUTE = re.compile(r"(?<!\w)(\w++)=(\"[^\"]*\"|\{.*)")
PYTHON = re.compile(r"^(?:import |from \w|def |class |@\w|# In ?\[|# ?%%)", re.MULTILINE)
LINES_MAX = 100_000

Row = dict[str, Any]


def looks_like_script(text: str) -> bool:
    """Whether this may be Python: it has a line that begins like one."""
    return PYTHON.search(text[:1_000_000]) is not None


def script_rows(text: str) -> list[Row]:
    """Cells as nbformat writes them, at least one; a script without markers is one code cell."""
    rows: list[Row] = [{"cell_type": "code", "metadata": {}, "source": []}]
    # Not splitlines: form feeds and the separators of Unicode do not end a line of Python.
    for line in text.replace("\r\n", "\n").split("\n")[:LINES_MAX]:
        found = MARKER.match(line) if line.startswith("#") else None
        if found:
            rows.append(opened(found))
        else:
            rows[-1]["source"].append(line)
    return [closed(row) for row in rows if any(line.strip() for line in row["source"])]


def opened(marker: re.Match[str]) -> Row:
    """An empty cell with what its marker says: kind, and the metadata that Jupytext writes."""
    about = (marker["percent"] or "")[:10_000]
    kind = KIND.search(about)
    markdown = marker["old"] == "markdown" or (kind is not None and kind[1] != "raw")
    return {
        "cell_type": "markdown" if markdown else "raw" if kind else "code",
        "metadata": dict(attributes(about)),
        "source": [],
    }


def attributes(about: str) -> Iterator[tuple[str, Any]]:
    """(name, value) of ``name="text"`` and ``name={...}`` in a marker; what is not JSON is left out."""
    for name, value in ATTRIBUTE.findall(about):
        try:
            yield name, json.JSONDecoder().raw_decode(value)[0]
        except (ValueError, RecursionError):
            continue


def closed(row: Row) -> Row:
    """The cell with its lines joined; comment marks are taken off text."""
    lines = "\n".join(row["source"]).strip("\n").split("\n")
    if row["cell_type"] != "code":
        lines = [re.sub(r"^# ?", "", line) for line in lines]
    return row | {"source": "\n".join(lines)}

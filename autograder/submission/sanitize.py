"""Make an executed notebook safe to show: no active content of a student's reaches a grader's browser."""

import re
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output

KEPT_MIME = ("text/plain", "image/png", "image/jpeg")
SHOWN_MAX_CHARS = 20_000
ACTIVE = frozenset("<>&\"'`*_[]()!#\\|~")
"""Characters that Markdown or HTML may take for more than themselves."""
ACTING = re.compile(r"\\(?=(?:href|url|require|style|class|cssId|data|includegraphics|html)[A-Za-z]*)")
"""TeX commands with which MathJax does more than to typeset."""
CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""ANSI escape sequences, and control characters other than tab and newline."""


def sanitized(notebook: NotebookNode) -> NotebookNode:
    """A copy whose outputs are plain text and bitmaps only, without escape sequences."""
    metadata = NotebookNode({key: value for key, value in notebook.metadata.items() if key != "widgets"})
    return NotebookNode(notebook | {"metadata": metadata, "cells": [safe_cell(cell) for cell in notebook.cells]})


def safe_cell(cell: NotebookNode) -> NotebookNode:
    """The cell with only the harmless part of its outputs."""
    if cell.cell_type != "code":
        return NotebookNode(cell)
    outputs = [kept for output in cell.outputs[:200] if (kept := safe_output(output)) is not None]
    return NotebookNode(cell | {"outputs": outputs})


def safe_output(output: NotebookNode) -> Any:
    """The harmless part of one output, or None."""
    if output.output_type == "stream":
        return NotebookNode(output_type="stream", name=output.name, text=plain_text(output.text))
    if output.output_type == "error":
        lines = [plain_text(line) for line in output.traceback[-30:]]
        return new_output("error", ename=plain_text(output.ename), evalue=plain_text(output.evalue), traceback=lines)
    data = {mime: output.data[mime] for mime in KEPT_MIME if mime in output.get("data", {})}
    if "text/plain" in data:
        data["text/plain"] = plain_text(data["text/plain"])
    return new_output("display_data", data=data) if data else None


def literal(text: str) -> str:
    """Text that stays text when it is rendered as Markdown and HTML."""
    return "".join(f"&#{ord(c)};" if c in ACTIVE else c for c in text)


def as_typed(answer: str) -> str:
    """An answer in a student's words as Markdown that shows the words, line by line; formulas are still typeset.

    Nothing of it acts in the browser of the person who grades it.
    """
    text = ACTING.sub(r"\\ ", CONTROL.sub("", answer))
    # As entities, a dollar's formula reaches MathJax untouched by Markdown, and an address becomes no link.
    lines = [literal(line).replace("$", "&#36;").replace(":", "&#58;") for line in text.splitlines()]
    return "  \n".join("&nbsp;" * (len(line) - len(line.lstrip())) + line.lstrip() for line in lines)


def plain_text(text: object) -> str:
    """Text without escape sequences and control characters, cut to a readable length."""
    return CONTROL.sub("", str(text))[:SHOWN_MAX_CHARS]

"""Make an executed notebook safe to show: no active content of a student's reaches a grader's browser."""

import re
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output

from autograder.text import inert, plain_text

BITMAPS = ("image/png", "image/jpeg")
KEPT_MIME = ("text/plain", *BITMAPS)
ACTIVE = frozenset("<>&\"'`*_[]()!#\\|~")
"""Characters that Markdown or HTML may take for more than themselves."""
ACTING = re.compile(r"\\(?=(?:href|url|require|style|class|cssId|data|includegraphics|html)[A-Za-z]*)")
"""TeX commands with which MathJax does more than to typeset."""
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*+")


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
    found = output.get("data", {})
    data = {mime: found[mime] for mime in BITMAPS if mime in found and BASE64.fullmatch(str(found[mime]))}
    if "text/plain" in found:
        data["text/plain"] = plain_text(found["text/plain"])
    return new_output("display_data", data=data) if data else None


def literal(text: str) -> str:
    """Text that stays text when it is rendered as Markdown and HTML."""
    return "".join(f"&#{ord(c)};" if c in ACTIVE else c for c in text)


def as_typed(answer: str) -> str:
    """An answer in a student's words as Markdown that shows the words, line by line; formulas are still typeset.

    Nothing of it acts in the browser of the person who grades it.
    """
    text = ACTING.sub(r"\\ ", inert(answer))
    # As entities, a dollar's formula reaches MathJax untouched by Markdown, and an address becomes no link.
    lines = [literal(line).replace("$", "&#36;").replace(":", "&#58;") for line in text.splitlines()]
    return "  \n".join("&nbsp;" * (len(line) - len(line.lstrip())) + line.lstrip() for line in lines)

"""The file: its name, its encoding, its format, or no notebook at all."""

import json

from tests.scenarios.damaged.notebooks import Damaged, Notebook, cells, damages, dumped, solutions, text


def wrong_name(notebook: Notebook) -> Damaged:
    return {"Homework 8 (final).ipynb": dumped(notebook)}


def ending_of_a_browser(notebook: Notebook) -> Damaged:
    return {"notebook.ipynb.txt": dumped(notebook)}


def in_a_folder_of_its_own(notebook: Notebook) -> Damaged:
    return {"my work/Untitled3.ipynb": dumped(notebook), "__MACOSX/._Untitled3.ipynb": b"\0\5\26\7", ".DS_Store": b"x"}


def copied_by_jupyter(notebook: Notebook) -> Damaged:
    return {"a-Copy1.ipynb": dumped(notebook), ".ipynb_checkpoints/a-checkpoint.ipynb": b"{}"}


def byte_order_mark(notebook: Notebook) -> Damaged:
    return b"\xef\xbb\xbf" + dumped(notebook)


def utf_16(notebook: Notebook) -> Damaged:
    return dumped(notebook).decode().encode("utf-16")


def utf_16_without_a_mark(notebook: Notebook) -> Damaged:
    return dumped(notebook).decode().encode("utf-16-le")


def latin_1(notebook: Notebook) -> Damaged:
    return dumped(notebook).decode().encode("latin-1", "xmlcharrefreplace").replace(b"<details>", b"<details> na\xefve")


def bytes_after_the_end(notebook: Notebook) -> Damaged:
    return dumped(notebook) + b"\n}\n\0\0\0"


def one_line(notebook: Notebook) -> Damaged:
    return dumped(notebook, indent=None, separators=(",", ":"))


def nan_in_outputs_and_metadata(notebook: Notebook) -> None:
    notebook["metadata"]["loss"] = float("nan")
    cells(notebook)[solutions(notebook)[0]]["outputs"] = [{"output_type": "display_data", "data": {"x": float("inf")}}]


def a_million_digits(notebook: Notebook) -> Damaged:
    notebook["metadata"]["count"] = "DIGITS"
    return dumped(notebook).replace(b'"DIGITS"', b"9" * 1_000_000)


def raw_line_ends_in_strings(notebook: Notebook) -> Damaged:
    cells(notebook)[0]["source"] = "A title\nwith a LINE"
    return dumped(notebook).replace(b"with a LINE", b"with\ta\nline")


def outputs_of_megabytes(notebook: Notebook) -> None:
    image = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "iVBORw0KGgo" * 50_000}}
    numbers = {"output_type": "display_data", "metadata": {}, "data": {"application/json": [[0.25, -1.5]] * 20_000}}
    for position in solutions(notebook)[:2]:
        cells(notebook)[position]["outputs"] = [image, numbers]


def nested_outputs(notebook: Notebook) -> Damaged:
    cells(notebook)[solutions(notebook)[0]]["outputs"] = ["DEEP"]
    return dumped(notebook).replace(b'"DEEP"', b"[" * 50_000 + b"]" * 50_000)


def nbformat_3(notebook: Notebook) -> Damaged:
    old = [{k: v for k, v in cell.items() if k != "id"} for cell in cells(notebook)]
    for cell in old:
        if cell["cell_type"] == "code":
            cell |= {"input": cell.pop("source"), "language": "python", "collapsed": False, "prompt_number": 1}
    return dumped({"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": old}]})


def nbformat_5(notebook: Notebook) -> None:
    notebook |= {"nbformat": 5, "nbformat_minor": 2, "schema": {"new": True}}
    for cell in cells(notebook):
        cell["provenance"] = {"author": None}


def sources_as_lines(notebook: Notebook) -> None:
    for cell in cells(notebook):
        cell["source"] = text(cell).splitlines(keepends=True)


def lines_without_ends(notebook: Notebook) -> None:
    for cell in cells(notebook):
        cell["source"] = text(cell).split("\n")


def windows_line_ends(notebook: Notebook) -> None:
    for cell in cells(notebook):
        cell["source"] = text(cell).replace("\n", "\r\n")


def text_within_json(notebook: Notebook) -> Damaged:
    return json.dumps(dumped(notebook).decode()).encode()


def without_cell_types(notebook: Notebook) -> None:
    for cell in cells(notebook):
        if cell["cell_type"] == "code":
            del cell["cell_type"]


def empty(notebook: Notebook) -> Damaged:
    return b""


def web_page(notebook: Notebook) -> Damaged:
    return b"<!DOCTYPE html>\n<html><body>" + dumped(notebook) + b"</body></html>"


def cut_off(notebook: Notebook) -> Damaged:
    return dumped(notebook)[:-2000]


def merge_conflict(notebook: Notebook) -> Damaged:
    return dumped(notebook).replace(b' "cells": [', b'<<<<<<< HEAD\n "cells": [\n=======\n "cells": [\n>>>>>>> x', 1)


def zip_as_notebook(notebook: Notebook) -> Damaged:
    return b"PK\x03\x04" + bytes(100)


def nested_without_end(notebook: Notebook) -> Damaged:
    notebook["metadata"]["deep"] = "DEEP"
    return dumped(notebook).replace(b'"DEEP"', b"[" * 100_000)


CASES = damages(
    wrong_name,
    ending_of_a_browser,
    in_a_folder_of_its_own,
    copied_by_jupyter,
    byte_order_mark,
    utf_16,
    utf_16_without_a_mark,
    latin_1,
    bytes_after_the_end,
    one_line,
    nan_in_outputs_and_metadata,
    a_million_digits,
    raw_line_ends_in_strings,
    outputs_of_megabytes,
    nested_outputs,
    nbformat_3,
    nbformat_5,
    sources_as_lines,
    lines_without_ends,
    windows_line_ends,
    text_within_json,
    without_cell_types,
    empty,
    web_page,
    cut_off,
    merge_conflict,
    zip_as_notebook,
    nested_without_end,
)
UNREADABLE = {"empty", "web_page", "cut_off", "merge_conflict", "zip_as_notebook", "nested_without_end"}
"""From these nothing can be graded: there a person is told why."""

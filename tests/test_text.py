"""Whatever text strangers write, people can be shown it and every store takes it."""

import csv
import dataclasses
import json
import re
import tempfile
from pathlib import Path

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_notebook, new_output
from rich.console import Console

from autograder.models import Fault, Graded, Observation, Score, Submission
from autograder.observe import record as records
from autograder.observe import wire
from autograder.publish.feedback import autograded_notebook
from autograder.publish.table import class_notes, class_table, row_of, write_csv
from autograder.text import encodable, inert, plain_name, plain_text, short_name, without_formula
from tests.builders import NAME, record

NASTY = ("\ud800", "\udcf6", "\x1b[2J", "\x1b]0;title\x07", "\u202e", "\u2066", "\u2028", "\0", "\r", "\x9b", "\ufeff")
OTHERS = ('"', ",", "=", "\n", "\\")


def paired(parts: list[str]) -> str:
    """One text; two halves of a character that meet are the character, as in JSON."""
    return "".join(parts).encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


texts = st.lists(st.text(st.characters(), max_size=8) | st.sampled_from([*NASTY, *OTHERS])).map(paired)
ACTS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]")
few = settings(max_examples=40)


@given(texts)
def test_text_that_leaves_can_be_encoded_and_acts_nowhere(text: str) -> None:
    for shown in (inert(text), plain_text(text), plain_name(text), short_name(text)):
        assert not ACTS.search(shown)
        shown.encode()
    assert plain_name(text).isprintable()


@given(texts, texts)
def test_two_names_do_not_become_one(first: str, second: str) -> None:
    if "\\" not in first + second:
        assert (plain_name(first) == plain_name(second)) == (first == second)


@given(st.text())
def test_text_without_anything_odd_stays(text: str) -> None:
    assert encodable(text) == text
    assert inert("ä € 日本 😀\tx\n") == "ä € 日本 😀\tx\n"


@given(texts)
def test_a_reply_of_a_probe_with_any_text_in_it_is_decoded_and_saved(text: str) -> None:
    values = wire.decode_values(json.dumps({text: [text, {"x": text}]}).encode())
    told = encodable(text)
    assert values == {told: [told, {"x": told}]}
    json.dumps(values, ensure_ascii=False).encode()


def test_what_is_no_utf_8_in_a_reply_is_encodable_too() -> None:
    assert wire.decode_values('"\ud800"'.encode("utf-8", "surrogatepass")) == "\\ud800"


def hostile(text: str, notebook: bool = True) -> Graded:
    """A submission that holds one text wherever a text may stand."""
    observed = {"todo1": Observation({"replaced": [text], "left_on": [text]}, {})}
    made = record(
        text, observed, faults=(Fault(text, "limit", text),), repairs=(text,), not_taken=(text,), not_run=text
    )  # fmt: skip
    return Graded(Submission(text, NAME, Path(text.replace("\0", ""))), made, (Score("todo1", 10, None, (text,)),))


@few
@given(texts)
def test_a_record_with_any_text_in_it_comes_back_as_it_was_saved(text: str) -> None:
    made = hostile(text).record
    found, _ = records.unpack(records.pack(made, json.dumps(new_notebook(metadata={"x": text}))))
    assert dataclasses.replace(found, observations={}) == dataclasses.replace(made, observations={})
    assert found.observations["todo1"].values == made.observations["todo1"].values


@few
@given(texts, texts)
def test_the_csv_keeps_a_line_for_everybody_whatever_is_written_in_it(first: str, second: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.csv")
        for one in (hostile(f"a{first}"), hostile(f"b{second}"), hostile("honest")):
            write_csv(path, [row_of(one)])
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
    assert [len(row) for row in rows] == [4] * 4
    assert rows[-1][0] == "honest"


@few
@given(texts)
def test_the_terminal_and_the_autograded_notebook_take_it(text: str) -> None:
    with tempfile.TemporaryFile("w", encoding="utf-8") as file:
        console = Console(file=file, width=80)
        console.print(class_table(NAME, [row_of(hostile(text))]))
        for note in class_notes([row_of(hostile(text))]):
            assert not ACTS.search(note)
            console.print(note, markup=False)
    outputs = [
        new_output("stream", text=text),
        new_output("error", ename=text, evalue=text, traceback=[text]),
        new_output("display_data", data={"text/plain": text, "image/png": text}),
    ]
    cell = new_code_cell("x", outputs=outputs, metadata={"nbgrader": {"grade": True, "grade_id": "todo1"}})
    shown = autograded_notebook(hostile(text), new_notebook(cells=[cell]))
    nbformat.validate(shown)
    nbformat.writes(shown).encode()


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1+1", "@x", "\t=1", "\rx", " =1", "\n\n=cmd|x", "\u00a0@x", "\ufeff=1", "\u200b=1", "\uff1d1"],
)
def test_a_text_that_a_spreadsheet_could_calculate_begins_with_a_quotation_mark(text: str) -> None:
    assert without_formula(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "-", "=", "a=1", "1-1", "'=1", "Ada", " Ada", "7.5"])
def test_any_other_text_is_left_alone(text: str) -> None:
    assert without_formula(text) == text

"""Tables, comments and notebooks that people read.

Covers autograder/publish/feedback.py, autograder/publish/notebook_json.py and autograder/publish/table.py.
"""

import csv
import json
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from rich.console import Console

from autograder.models import Fault, Graded, Observation, Record, Score, Submission
from autograder.publish.feedback import autograded_notebook, run_notes
from autograder.publish.notebook_json import as_json, is_valid
from autograder.publish.table import class_notes, class_table, row_of, write_csv
from autograder.submission.sanitize import literal
from tests.builders import NAME, record, source_notebook


def graded(student: str, points: float | None, message: str = "", **fields: object) -> Graded:
    messages = (message,) if message else ()
    made: Record = record(student, sandbox={"mounts": "applied"}, **fields)
    return Graded(Submission(student, NAME, Path()), made, (Score("todo1", 10, points, messages),))


def rendered(*class_: Graded) -> str:
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    with console.file:
        console.print(class_table(NAME, [*map(row_of, class_)]))
        return console.export_text()


def test_the_table_marks_what_is_undecided() -> None:
    text = rendered(graded("a", 7), graded("b", None))
    rows = [line.split() for line in text.splitlines()]
    assert [row for row in rows if row[:1] in (["a"], ["b"])] == [["a", "7", "7"], ["b", "?", "0?"]]


def test_markup_in_a_students_name_is_only_text() -> None:
    assert "[red]x" in rendered(graded("[red]x", 1))


def test_notes_are_printed_for_those_who_have_some() -> None:
    class_ = [graded("a", 1), graded("b", 2, faults=(Fault("todo1", "deadline", "late"),))]
    assert class_notes([*map(row_of, class_)]) == ["b: todo1: late"]


def test_a_cell_of_the_csv_never_becomes_a_formula(tmp_path: Path) -> None:
    write_csv(tmp_path / "x.csv", [row_of(graded("=HYPERLINK(1)", 3)), row_of(graded("-5", None))])
    with (tmp_path / "x.csv").open() as file:
        rows = list(csv.reader(file))
    assert [row[0] for row in rows] == ["student", "'-5", "'=HYPERLINK(1)"]
    assert rows[1][1:3] == ["", ""]


def test_grading_one_student_again_keeps_the_lines_of_the_others(tmp_path: Path) -> None:
    write_csv(tmp_path / "x.csv", [row_of(graded("a", 1)), row_of(graded("b", 2))])
    write_csv(tmp_path / "x.csv", [row_of(graded("b", 9))])
    with (tmp_path / "x.csv").open() as file:
        assert [row[:2] for row in csv.reader(file)] == [["student", "todo1"], ["a", "1"], ["b", "9"]]


def test_a_missing_sandbox_is_said_in_every_notebook_it_was_missing_for() -> None:
    run = Graded(Submission("s", NAME, Path()), record("s"), ())
    assert run_notes(run) == ["graded without a sandbox"]


def test_replaced_library_functions_are_named_and_nothing_else_the_kernel_says() -> None:
    names = ["torch.allclose", "<script>", 7, "torch.nn.modules.module.Module.named_parameters", "a b"]
    observed = {"todo1": Observation({"replaced": names}, {}), "todo2": Observation({"replaced": "x"}, {})}
    run = Graded(Submission("s", NAME, Path()), record("s", observed, sandbox={"mounts": "applied"}), ())
    (note,) = run_notes(run)
    assert note == (
        "the notebook replaced torch.allclose, torch.nn.modules.module.Module.named_parameters; "
        "the graded calls ran with the original"
    )


def test_a_comment_stays_text_in_markdown_and_html() -> None:
    text = literal("<img src=x onerror=alert(1)> [x](javascript:y) `a` **b**")
    assert not set("<>[]()`*") & set(text)


def test_the_autograded_notebook_shows_points_and_reasons_and_nothing_active() -> None:
    notebook = source_notebook()
    cell = next(c for c in notebook.cells if c.id == "todo1")
    cell.outputs = [new_output("display_data", data={"text/html": "<script>1</script>"})]
    made = autograded_notebook(graded("s", 4, "\x1b[31mnothing was frozen"), notebook)
    (output,) = next(c for c in made.cells if c.id == "todo1").outputs
    assert output.text == "--- todo1: 4 of 10 points ---\n- nothing was frozen\n"
    nbformat.validate(made)


def test_a_line_of_the_csv_is_never_longer_than_the_next_run_can_read(tmp_path: Path) -> None:
    faults = tuple(Fault("todo1", "deadline", f"{number} " + "x" * 10_000) for number in range(20))
    for one in (graded("a", 1, faults=faults), graded("b", 2)):
        write_csv(tmp_path / "x.csv", [row_of(one)])
    with (tmp_path / "x.csv").open() as file:
        assert [row[:2] for row in csv.reader(file)][1:] == [["a", "1"], ["b", "2"]]


def test_the_csv_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> object:
        raise OSError("no space left on device")

    write_csv(tmp_path / "x.csv", [row_of(graded("a", 1))])
    before = (tmp_path / "x.csv").read_bytes()
    monkeypatch.setattr(csv, "writer", full)
    with pytest.raises(OSError, match="no space"):
        write_csv(tmp_path / "x.csv", [row_of(graded("b", 2))])
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]
    assert (tmp_path / "x.csv").read_bytes() == before


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe\0", b'student,todo1,total,notes\n"' + b"x" * 200_000])
def test_a_damaged_csv_is_put_aside_and_not_lost(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "x.csv").write_bytes(damage)
    write_csv(tmp_path / "x.csv", [row_of(graded("a", 1))])
    assert (tmp_path / "x.damaged.csv").read_bytes() == damage
    assert (tmp_path / "x.csv").read_text().splitlines()[1].startswith("a,1")


def test_a_notebook_as_json_is_what_json_makes_of_it() -> None:
    for notebook in (new_notebook(), new_notebook(cells=[new_code_cell("x = 'ä\\n'"), new_markdown_cell("text")])):
        data, cells = as_json(notebook)
        assert data == json.dumps(notebook).encode()
        assert [json.loads(cell) for cell in cells] == notebook.cells


def test_a_cell_that_is_no_cell_is_found_beside_those_that_were_seen_before() -> None:
    seen: set[bytes] = set()
    whole = new_notebook(cells=[new_code_cell("x = 1"), new_markdown_cell("text")])
    no_cell = NotebookNode(new_code_cell("y") | {"outputs": [NotebookNode(output_type="nonsense")]})
    broken = NotebookNode(whole | {"cells": [*whole.cells, no_cell]})
    for notebook, valid in ((broken, False), (whole, True), (whole, True), (broken, False)):
        assert is_valid(notebook, as_json(notebook)[1], seen) is valid
    assert len(seen) == len(whole.cells)

"""Submissions are read where reading can be killed: what does it costs nobody but the student, and says why.

Covers autograder/submission/prepare.py.
"""

import dataclasses
import os
import threading
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_output

from autograder.cells import grade_id
from autograder.classrun import prepare as module
from autograder.classrun.prepare import Prepared, from_worker, prepare, readers
from autograder.classrun.settings import Settings, settings_in
from autograder.course import Course
from autograder.errors import GraderError
from autograder.frames import Message
from autograder.models import Submission
from autograder.submission.prepare import Homework, packed_homework
from autograder.submission.prepare import prepared as read_here
from autograder.workers import Pool, RequestBounds
from tests.builders import NAME, ROOT, deep, hand_in, perfect_answers, submission

ELIFS = "if x == 0:\n    y = 0\n" + "".join(f"elif x == {n}:\n    y = {n}\n" for n in range(800))


@pytest.fixture(scope="module")
def settings() -> Settings:
    """Those of HW 8."""
    return settings_in(Course(ROOT), NAME)


def read(settings: Settings, path: Path) -> Prepared:
    return prepare(Submission("ada", NAME, path), settings)


def test_what_a_worker_reads_is_what_would_be_read_here(settings: Settings, tmp_path: Path) -> None:
    path = hand_in(tmp_path, "ada", submission())
    (path.parent / "helper.py").write_text("type Name = str\n")
    found = read(settings, path)
    here = from_worker(read_here(path, NAME, Homework(settings.source, settings.reserved)), settings.source)
    assert found == here
    assert found.newer == {"helper.py": "line 1 needs Python 3.12 or later (type statement)"}
    assert [file.name for file in found.files] == ["helper.py"]


def test_the_instructors_cells_come_from_the_source_and_solutions_from_the_student(
    settings: Settings, tmp_path: Path
) -> None:
    aligned = read(settings, hand_in(tmp_path, "ada", submission())).aligned
    assert aligned is not None
    assert by_grade_id(aligned.notebook) == by_grade_id(settings.source) | perfect_answers()


def by_grade_id(notebook: nbformat.NotebookNode) -> dict[str, str]:
    return {grade_id(cell): cell.source for cell in notebook.cells if grade_id(cell)}


def test_a_worker_imports_nothing_heavy(settings: Settings) -> None:
    pool = Pool("tests.modules", Message({"of": "autograder.submission.prepare"}), size=1)
    done = pool.ask(Message())
    pool.close()
    assert {"autograder.submission.align", "nbformat"} <= set(done.values["modules"])
    assert not {"torch", "numpy", "nbgrader", "sqlalchemy", "rfc3987_syntax", "hw8_lora"} & set(done.values["modules"])


BLANKS = "# In[1]:" + " " * 3_000_000 + "x\n"


@pytest.mark.parametrize(
    "text",
    [
        "import os\n" + BLANKS,
        "# %% a=" + "a" * 2_000_000 + "\nx = 1\n",
        "import os\n" + "[" * 1_000_000,
        "import os\nx = " + "-" * 90_000 + "1",
        "import os\nx = f'" + "{" * 90_000,
        "[" * 9_000_000,
        '{"cells": ' + "[" * 9_000_000,
    ],
    ids=["blanks", "attributes", "brackets", "minuses", "fields", "lists", "cells"],
)
def test_text_that_was_made_to_be_slow_or_deep_is_read_or_refused(
    settings: Settings, tmp_path: Path, text: str
) -> None:
    found = read(settings, hand_in(tmp_path, "ada", text.encode()))
    assert found.aligned is not None or found.not_run
    assert "could not be read" not in found.not_run


def test_eight_hundred_branches_and_a_deep_folder_are_read(settings: Settings, tmp_path: Path) -> None:
    solution = f"x = 1\n{ELIFS}{perfect_answers()['solution_todo1']}"
    path = hand_in(tmp_path, "ada", submission({"solution_todo1": solution}))
    with deep(path.parent / "d"):
        found = read(settings, path)
    assert found.aligned is not None
    assert not found.aligned.ambiguous


def test_a_name_that_is_no_utf_8_is_taken_and_told(settings: Settings, tmp_path: Path) -> None:
    path = hand_in(tmp_path, "ada", submission())
    os.rename(path, os.fsencode(path.parent) + b"/L\xf6sung.ipynb")
    found = read(settings, path)
    assert found.aligned is not None
    assert found.aligned.repairs[0].startswith("the notebook was named L\\udcf6sung.ipynb and was read as")


def test_several_large_notebooks_do_not_add_up(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = hand_in(tmp_path, "ada", b"")
    path.unlink()
    made = submission()
    first = next(cell for cell in made.cells if cell.cell_type == "code")
    first.outputs = [new_output("stream", text="x" * 30_000_000)]
    for number in range(10):
        (path.parent / f"copy{number}.ipynb").write_text(nbformat.writes(made))
    pool = tight_pool(settings, monkeypatch, memory_bytes=400 << 20)
    found = read(settings, path)
    pool.close()
    assert found.aligned is not None, found.not_run


def tight_pool(settings: Settings, monkeypatch: pytest.MonkeyPatch, **bounds: int) -> Pool:
    """Readers who have little of something."""
    hello = packed_homework(Homework(settings.source, settings.reserved))
    made = Pool("autograder.submission.prepare", hello, size=2, bounds=RequestBounds(**bounds))
    monkeypatch.setattr(module, "readers", lambda settings: made)
    return made


def test_of_a_file_that_takes_too_much_the_limit_is_told_and_others_are_read_meanwhile(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = tight_pool(settings, monkeypatch, memory_bytes=300 << 20)
    honest = hand_in(tmp_path, "ada", submission())
    large = hand_in(tmp_path, "eve", nbformat.writes(submission()).encode() + "é😀".encode() * 20_000_000)
    found: list[Prepared] = []
    others = [threading.Thread(target=lambda: found.append(read(settings, honest))) for _ in range(4)]
    for other in others:
        other.start()
    refused = read(settings, large)
    for other in others:
        other.join()
    pool.close()
    assert refused.not_run == f"{NAME}.ipynb could not be read with 300 MiB of memory; {module.ASK}"
    assert refused.aligned is None
    assert [one.aligned is not None for one in found] == [True] * 4


@pytest.mark.parametrize(
    "change",
    [
        {"cells": [{"at": 0, "source": "x"}]},
        {"cells": [{"at": 10**6}]},
        {"cells": ["x"]},
        {"names": ["../x"]},
        {"names": ["a", "b"]},
        {"ambiguous": 1},
    ],
    ids=str,
)
def test_a_worker_that_says_what_our_code_never_says_is_a_fault_of_ours(
    settings: Settings, tmp_path: Path, change: dict[str, object]
) -> None:
    path = hand_in(tmp_path, "ada", submission())
    reply = read_here(path, NAME, Homework(settings.source, settings.reserved))
    with pytest.raises(GraderError, match="malformed"):
        from_worker(Message(reply.values | change, reply.parts), settings.source)


def test_the_same_homework_has_the_same_readers(settings: Settings) -> None:
    assert readers(settings) is readers(dataclasses.replace(settings, seed=1))
    other = dataclasses.replace(settings.reserved, named=frozenset({"x"}))
    assert readers(settings) is not readers(dataclasses.replace(settings, reserved=other))

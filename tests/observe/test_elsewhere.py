"""The table of what works only elsewhere, and what follows from it for the TODOs."""

import json

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from autograder.judge.case import why_unobserved
from autograder.models import Fault, Observation
from autograder.observe.elsewhere import LeftOut, cell_request, changed_names, newer_modules, words_for
from autograder.observe.wire import FAILURES_MAX, Failure, decode_outputs
from tests.builders import assignment, record

CHANGED = changed_names(assignment().declaration.changing)

ELSEWHERE = [
    ("ModuleNotFoundError", "No module named 'google.colab'", "", "module"),
    ("ImportError", "cannot import name 'AdamW' from 'transformers'", "", "installed version"),
    ("AttributeError", "module transformers has no attribute AdamW", "", "installed version"),
    ("AttributeError", "module 'peft.utils' has no attribute 'gone'", "", "installed version"),
    ("AttributeError", "module 'numpy' has no attribute 'float'.\n`np.float` was", "", "installed version"),
    ("AttributeError", "module 'numpy' has no attribute 'int0'", "", "installed version"),
    ("AttributeError", "module 'math' has no attribute 'sumprod'", "", "installed version"),
    ("AttributeError", "module 'collections' has no attribute 'Mapping'", "", "installed version"),
    ("AssertionError", "Torch not compiled with CUDA enabled", "", "GPU"),
    ("AttributeError", "module 'torch._C' has no attribute '_cuda_setDevice'", "", "GPU"),
    ("KeyError", "'allocated_bytes.all.current'", "torch.cuda.memory_summary()", "GPU"),
    ("NotImplementedError", "Could not run 'aten::empty' with arguments from the 'MPS' backend.", "", "GPU"),
    ("AssertionError", "", "assert torch.cuda.is_available()", "GPU"),
    ("RuntimeError", "switch the runtime to GPU", "", "GPU"),
    ("StdinNotImplementedError", "raw_input was called", "", "answer"),
    ("BdbQuit", "", "pdb.set_trace()", "answer"),
    ("RuntimeError", "asyncio.run() cannot be called from a running event loop", "asyncio.run(f())", "event loop"),
    ("OSError", "We couldn't connect to 'https://huggingface.co' to load the files", "", "network"),
    ("OSError", "gpt2 is not a local folder and is not a\nvalid model identifier", "", "network"),
    ("ValueError", "Can't find 'adapter_config.json' at 'me/adapter'", "", "network"),
    ("FileNotFoundError", "[Errno 2] No such file or directory: '/content/x'", "", "file"),
    ("RuntimeError", "Parent directory /content/drive does not exist.", "", "file"),
    ("Exception", "File `'helpers.ipynb'` not found.", "%run helpers.ipynb", "file"),
    ("IndexError", "list index out of range", "first = gpu_info.splitlines()[2]", "GPU"),
    ("CalledProcessError", "Command 'nvidia-smi' returned non-zero exit status 127.", "", "program"),
    ("UsageError", "Line magic function `%tensorboard` not found.", "", "command"),
    ("KeyError", "'HF_TOKEN'", "token = os.environ['HF_TOKEN']", "environment variable"),
]
OWN = [
    ("NameError", "name 'mymodel' is not defined", "mymodel.train()"),
    ("AttributeError", "module 'torch' has no attribute 'zerros'", "torch.zerros(3)"),
    ("AttributeError", "module 'math' has no attribute 'sqroot'", "math.sqroot(5)"),
    ("AttributeError", "'Conv1D' object has no attribute 'in_features'", "layer.in_features"),
    ("AttributeError", "module 'numpy' has no attribute 'zerros'", "np.zerros(3)"),
    ("TypeError", "LoraConfig.__init__() got an unexpected keyword argument 'rank'", "LoraConfig(rank=1)"),
    ("RuntimeError", "mat1 and mat2 shapes cannot be multiplied (4x3 and 4x3)", "x @ layer.lora_A"),
    ("NotImplementedError", "TODO 1", "raise NotImplementedError('TODO 1')"),
    ("NotImplementedError", "Could not run 'aten::a' with arguments from the 'Meta' backend: [CPU, CUDA, MPS]", "a"),
    ("KeyError", "'lora_A'", "parameters['lora_A']"),
    ("AssertionError", "", "assert len(handles) == 2"),
    ("ZeroDivisionError", "division by zero", "1 / 0"),
    ("ValueError", "Target modules {'attn'} not found in the base model.", "get_peft_model(model, config)"),
    ("SyntaxError", "'return' outside function", "return 1"),
]


@pytest.mark.parametrize(("kind", "message", "line", "words"), ELSEWHERE)
def test_what_fails_for_the_sake_of_this_place_is_told_in_our_words(
    kind: str, message: str, line: str, words: str
) -> None:
    assert words in words_for(kind, message, line, CHANGED)


@pytest.mark.parametrize(("kind", "message", "line"), OWN)
def test_a_mistake_is_nobody_elses(kind: str, message: str, line: str) -> None:
    assert words_for(kind, message, line, CHANGED) == ""


def test_a_library_that_no_assignment_declares_does_not_change() -> None:
    assert changed_names(()) == ()
    assert words_for("AttributeError", "module transformers has no attribute AdamW", "") == ""


@pytest.mark.parametrize("part", ["a ", "cud", "nvidi", "log", "'", ":", "directory "])
def test_a_long_message_that_nearly_says_so_says_nothing(part: str) -> None:
    assert words_for("E" * 100, part * (2_000 // len(part)), part * 20) == ""


def noted(*cells: tuple[str, list[Failure]]) -> tuple[LeftOut, list[Fault]]:
    """What follows from these cells and their failures."""
    made = [new_code_cell(source) for source, _ in cells]
    left_out = LeftOut.of(new_notebook(cells=made), {}, ())
    faults = [
        fault for cell, (_, found) in zip(made, cells, strict=True) for fault in left_out.note(cell, "here", found)
    ]
    return left_out, faults


GONE = Failure(2, "ImportError", "cannot import name 'AdamW' from 'x' (secret)", ("AdamW",))
CELL = "import math\nfrom x import AdamW, other\nscale = AdamW\n"


def raised(kind: str, message: str, *frames: str) -> Observation:
    error = {"type": kind, "message": message, "frames": list(frames)}
    return Observation({"first": {"error": error}, "second": [1, None, {"error": None}]}, {})


def test_a_line_that_was_left_out_is_named_with_its_cause_and_nothing_that_the_kernel_said() -> None:
    _, (fault,) = noted((CELL, [GONE]))
    assert (fault.where, fault.kind) == ("here", "left_out")
    assert fault.message.startswith("line 2, `from x import AdamW, other`, was not run for `AdamW`: the installed")
    assert "secret" not in fault.message


def test_a_todo_that_needs_the_name_is_not_run_and_says_why() -> None:
    left_out, _ = noted((CELL, [GONE]))
    observation = raised("NameError", "name 'AdamW' is not defined", "in f, line 3: scale = AdamW")
    (fault,) = left_out.explain("todo1", observation)
    assert (fault.where, fault.kind) == ("todo1", "not_run")
    assert fault.message.startswith("`scale = AdamW` could not be run: it needs `AdamW`; in here, line 2, `from x")
    assert fault.message in why_unobserved(record(faults=(fault,)), "todo1")


def test_a_statement_that_hangs_on_a_missing_name_passes_the_first_cause_on() -> None:
    hangs = Failure(3, "NameError", "name 'AdamW' is not defined", ("scale",))
    left_out, faults = noted((CELL, [GONE, hangs]))
    assert len(faults) == 2
    assert left_out.lost["scale"] == left_out.lost["AdamW"]


def test_a_name_that_nobody_lost_is_the_students_own_mistake() -> None:
    left_out, _ = noted((CELL, [GONE]))
    assert list(left_out.explain("todo1", raised("NameError", "name 'AdamX' is not defined"))) == []


def test_after_a_star_import_that_failed_any_name_may_be_missing_for_it() -> None:
    left_out, _ = noted(("from gone import *", [Failure(1, "ModuleNotFoundError", "No module", ("*",))]))
    assert [f.kind for f in left_out.explain("todo1", raised("NameError", "name 'f' is not defined"))] == ["not_run"]


def test_what_nobody_reads_and_what_killed_the_kernel_is_missing_from_the_start() -> None:
    cells = [
        new_code_cell("import os\nKEEP, (a, *b) = 1\ndef f():\n    local = 1\nos._exit(1)"),
        new_code_cell("c = 1"),
    ]
    left_out = LeftOut.of(new_notebook(cells=cells), {"size": "it stood in a locked cell"}, {0})
    assert left_out.lost.keys() == {"size", "os", "KEEP", "a", "b", "f"}


def test_names_that_do_not_stand_in_the_cell_are_not_believed() -> None:
    left_out, _ = noted(("import gone", [Failure(1, "ModuleNotFoundError", "No module", ("gone", "torch"))]))
    assert list(left_out.lost) == ["gone"]


def test_a_line_that_is_not_in_the_notebook_is_not_repeated() -> None:
    left_out, _ = noted((CELL, []))
    (fault,) = left_out.explain("todo1", raised("ImportError", "secret", "in f, line 1: weights = [0.25]"))
    assert fault.message == "the installed version of the library has no such name, or lacks something that it needs"


def test_a_cell_in_newer_syntax_is_a_question_and_one_that_is_no_python_an_error_with_pythons_words() -> None:
    whole = Failure(0, "SyntaxError", "f-string: expecting '}'", ("f",))
    absent = Observation(
        {"error": {"type": "NameError", "message": "the notebook defines no function `f`", "frames": []}}, {}
    )
    left_out, (fault,) = noted(("def f[T](x):\n    pass\n", [whole]))
    assert fault.message == "line 1 needs Python 3.12 or later (type parameters), and none of the cell was run"
    assert [f.kind for f in left_out.explain("todo1", absent)] == ["not_run"]
    left_out, faults = noted(("def f(x:\n    pass\n", [whole]))
    assert faults == []
    (stopped,) = left_out.explain("todo1", absent)
    assert stopped.kind == "stopped"
    assert "before it defined `f`: SyntaxError: '(' was never closed (line 1: `def f(x:`)" in stopped.message


def test_the_error_that_kept_a_name_from_being_defined_is_told_wherever_the_name_is_missed() -> None:
    own = Failure(1, "ValueError", "no rank", ("pick",))
    hangs = Failure(2, "NameError", "name 'pick' is not defined", ("layers",))
    left_out, faults = noted(("from helper import pick", [own]), ("import math\nlayers = pick(2)", [hangs]))
    assert faults == []
    for name in ("pick", "layers"):
        (stopped,) = left_out.explain("todo1", raised("NameError", f"name '{name}' is not defined"))
        assert (stopped.kind, stopped.message) == (
            "stopped",
            f"the cell failed before it defined `{name}`: ValueError: no rank (line 1: `from helper import pick`)",
        )


@pytest.mark.parametrize(
    "values", [[], None, {"error": {"type": 1, "message": [], "frames": {}}}, {"a": [[{"b": {}}]]}]
)
def test_any_reply_can_be_looked_at(values: object) -> None:
    assert list(noted((CELL, [GONE]))[0].explain("todo1", Observation(values, {}))) == []


def test_a_notebook_full_of_such_lines_is_told_in_few() -> None:
    many = [Failure(1, "ImportError", "", (f"a{i}",)) for i in range(FAILURES_MAX)]
    _, faults = noted(*[("import a", many)] * 30)
    assert 0 < len(faults) <= 40


def test_failures_are_bounded_and_of_the_right_kind_when_they_are_decoded() -> None:
    rows = [{"line": -3, "type": 7, "names": ["a", 1, "b" * 900]}, 5, {"line": 2, "message": "m" * 9_000}]
    data = json.dumps([{"failures": rows * 100}]).encode()
    (cell,) = decode_outputs([data], 1)
    assert len(cell.failures) <= FAILURES_MAX
    first, second = cell.failures[:2]
    assert (first.line, first.type, len(first.names[1])) == (0, "7", 100)
    assert len(second.message) == 2_000


def test_the_runner_is_told_what_a_cell_is_asked_for_and_which_names_newer_syntax_costs() -> None:
    assert cell_request(marked("x", locked=True), ())["locked"]
    asked = cell_request(marked("type X = int\ndef f(): pass", locked=False), {"f"})
    assert (asked["locked"], asked["asked"], asked["newer"]) == (False, ["f"], ["X", "f"])


@pytest.mark.parametrize(
    ("source", "idle"),
    [
        ("", True),
        ("# to do", True),
        ("%%bash\nls", True),
        ("x = 1", False),
        ("%%time\nx = 1", False),
        ("def f(", False),
    ],
)
def test_a_cell_that_is_empty_or_a_shells_answers_for_no_function(source: str, *, idle: bool) -> None:
    assert cell_request(marked(source, locked=False), {"f"})["idle"] is idle


def marked(source: str, *, locked: bool) -> NotebookNode:
    """A cell of the frame."""
    return new_code_cell(source, metadata={"nbgrader": {"grade_id": "a", "solution": not locked}})


def test_a_module_beside_the_notebook_in_newer_syntax_is_a_cause_of_its_submission() -> None:
    causes = newer_modules({"kit/fr.py": "line 2 needs Python 3.12 or later (type statement)"})
    assert [cause.words for cause in causes] == ["in kit/fr.py, line 2 needs Python 3.12 or later (type statement)"]
    assert words_for("SyntaxError", "invalid syntax (fr.py, line 2)", "import kit.fr", causes) == causes[0].words
    assert not words_for("SyntaxError", "invalid syntax (broken.py, line 1)", "import broken", causes)
    assert LeftOut.of(new_notebook(), {}, (), causes).patterns[0] == causes[0].pattern

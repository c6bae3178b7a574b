"""Files handed in with a notebook: what lies beside it when it runs, and what may not, with the reason.

Covers autograder/submission/shadow.py.
"""

import os
from pathlib import Path

import pytest

from autograder.kernel.place import place_files
from autograder.kernel.zygote import visible_path
from autograder.submission.beside import BESIDE_MAX_BYTES, FILES_MAX, Beside, asked_for, gathered, sentences
from autograder.submission.shadow import Reserved, reserved, without_shadows
from tests.builders import ROOT, source_notebook

TINY = ROOT / "source" / "hw8_lora" / "tiny"


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """A submitted notebook in a folder of its own."""
    path = tmp_path / "ada" / "hw8_lora" / "hw8_lora.ipynb"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"{}")
    return path


@pytest.fixture(scope="module")
def homework() -> Reserved:
    """What this homework and the interpreter have already."""
    return reserved(source_notebook(), [TINY], visible_path())


def lay(notebook: Path, *names: str, data: bytes = b"x = 1\n") -> None:
    for name in names:
        path = notebook.parent / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def names(beside: Beside) -> list[str]:
    return [name for name, _ in beside.files]


def refused(beside: Beside) -> dict[str, str]:
    return {one.name: one.reason for one in beside.not_taken}


def test_modules_packages_and_data_are_taken_with_their_folders(notebook: Path) -> None:
    lay(notebook, "lora_utils.py", "data/reviews.csv", "weights.pt", "notes.txt", "lib/__init__.py", "lib/low/rank.py")
    assert sorted(names(gathered(notebook))) == [
        "data/reviews.csv", "lib/__init__.py", "lib/low/rank.py", "lora_utils.py", "notes.txt", "weights.pt",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        ".hidden.py", ".ipynb_checkpoints/old.py", "__pycache__/lora_utils.cpython-311.pyc", "__MACOSX/._lora_utils.py",
        ".git/config", "hw8_lora-Copy1.ipynb", "sub/other.ipynb", "timestamp.txt", "Thumbs.db",
    ],
)  # fmt: skip
def test_what_nobody_would_miss_is_passed_over_in_silence(notebook: Path, name: str) -> None:
    lay(notebook, name)
    assert gathered(notebook) == Beside()


@pytest.mark.parametrize("name", ["venv/lib/python3.11/x.py", "node_modules/a/b.js", "mine/pyvenv.cfg"])
def test_a_virtual_environment_is_left_out_and_named_once(notebook: Path, name: str) -> None:
    lay(notebook, name, f"{name.split('/')[0]}/more.py")
    beside = gathered(notebook)
    assert (names(beside), refused(beside)) == (
        [], {f"{name.split('/')[0]}/": "a virtual environment or installed packages"}
    )  # fmt: skip


def test_of_ten_thousand_files_the_modules_near_the_notebook_come_first(notebook: Path) -> None:
    lay(notebook, *(f"{n:05}.png" for n in range(5_000)), *(f"deep/{n:05}.py" for n in range(5_000)), data=b"")
    lay(notebook, "zz_lora_utils.py")
    beside = gathered(notebook)
    assert (names(beside)[0], len(beside.files)) == ("zz_lora_utils.py", FILES_MAX)
    (sentence,) = sentences(beside.not_taken)
    assert sentence.endswith(f"and 9,797 more: more than the {FILES_MAX} files allowed beside a notebook")


def test_more_files_than_anybody_looks_at_are_said(notebook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.submission.beside.SEEN_MAX", 10)
    lay(notebook, *(f"{n}.txt" for n in range(20)))
    assert "more than the 10 files and folders" in refused(gathered(notebook))["the rest"]


def test_a_file_of_one_gigabyte_is_not_read(notebook: Path) -> None:
    with (notebook.parent / "big.pt").open("wb") as file:
        file.truncate(1_000_000_000)
    assert refused(gathered(notebook)) == {"big.pt": "larger than the 20 MB allowed beside a notebook"}


def test_all_files_together_have_a_bound_and_the_small_ones_still_fit(notebook: Path) -> None:
    for name in ("a.pt", "b.pt", "c.pt"):
        with (notebook.parent / name).open("wb") as file:
            file.truncate(BESIDE_MAX_BYTES)
    lay(notebook, "small.csv")
    beside = gathered(notebook)
    assert names(beside) == ["a.pt", "b.pt", "small.csv"]
    assert refused(beside) == {"c.pt": "more than the 50 MB that all files together may have"}


def test_folders_within_folders_end_somewhere(notebook: Path) -> None:
    lay(notebook, "/".join("a" * 60) + "/x.py")
    assert list(refused(gathered(notebook)).values()) == ["more than 8 folders deep"]


@pytest.mark.parametrize(
    "name", [b"\xff\xfe.py", b"two\nlines.py", b"\x1b[31mred.csv", "\u202egpj.py".encode(), b"con.txt"]
)
def test_a_name_that_somebody_could_trip_over_is_refused_and_printed_harmlessly(notebook: Path, name: bytes) -> None:
    (notebook.parent / os.fsdecode(name)).write_bytes(b"")
    beside = gathered(notebook)
    (sentence,) = sentences(beside.not_taken)
    assert (beside.files, sentence.isprintable(), "name" in sentence) == ((), True, True)


@pytest.mark.parametrize("target", ["file", "folder", "nothing"])
def test_a_link_to_another_student_is_not_followed(notebook: Path, tmp_path: Path, target: str) -> None:
    lay(notebook, "../../bob/hw8_lora/secret.py")
    bob = tmp_path / "bob" / "hw8_lora"
    (notebook.parent / "link").symlink_to({"file": bob / "secret.py", "folder": bob, "nothing": bob / "gone"}[target])
    beside = gathered(notebook)
    assert (beside.files, list(refused(beside))) == ((), ["link"])


def test_a_pipe_keeps_nobody_waiting(notebook: Path) -> None:
    os.mkfifo(notebook.parent / "data.csv")
    assert refused(gathered(notebook)) == {"data.csv": "a link, a pipe or a device, none of which is ever followed"}


@pytest.mark.parametrize("name", ["fast.so", "x.pyc", "lib.zip", "torch-9.9-py3-none-any.whl"])
def test_what_nobody_can_read_is_refused(notebook: Path, name: str) -> None:
    lay(notebook, name)
    assert list(refused(gathered(notebook))) == [name]


# What would stand in for something.


def kept(notebook: Path, homework: Reserved, code: str = "") -> list[str]:
    return sorted(names(without_shadows(gathered(notebook), code, homework)))


@pytest.mark.parametrize(
    "name",
    [
        "torch.py", "random.py", "json.py", "numpy/__init__.py", "peft/__init__.py", "peft/tuners/lora.py",
        "datasets/__init__.py", "transformers/models/gpt2.py", "sitecustomize.py", "usercustomize.py", "conftest.py",
        "warm.py", "autograder/__init__.py", "ipykernel/kernelapp.py", "IPython/__init__.py", "src/torch.py",
        "src/deep/random.py", "ipython_kernel_config.py", "tiny/config.json", "tiny/extra.csv", "tiny",
        "gpt2/config.json", "nyu-mll/glue/x.csv", "results/lora.json", "tqdm.py",
    ],
)  # fmt: skip
def test_a_file_that_would_stand_in_for_something_is_not_taken_and_the_reason_is_said(
    notebook: Path, homework: Reserved, name: str
) -> None:
    lay(notebook, name, "lora_utils.py")
    beside = without_shadows(gathered(notebook), "", homework)
    assert (names(beside), list(refused(beside))) == (["lora_utils.py"], [name])


@pytest.mark.parametrize(
    "name",
    [
        "torch.csv",
        "datasets/reviews.csv",
        "random.txt",
        "my_torch.py",
        "Torch.py",
        "data/train.csv",
        "lora.py",
        "loss.py",
    ],
)
def test_a_file_that_stands_in_for_nothing_is_taken(notebook: Path, homework: Reserved, name: str) -> None:
    lay(notebook, name)
    assert kept(notebook, homework) == [name]


def test_a_module_of_a_package_is_its_own_unless_the_path_is_changed(notebook: Path, homework: Reserved) -> None:
    lay(notebook, "lora/__init__.py", "lora/random.py", "lora/inner/__init__.py", "lora/inner/types.py")
    assert len(kept(notebook, homework, "from lora.random import draw")) == 4
    assert kept(notebook, homework, "sys.path.insert(0, 'lora')") == ["lora/__init__.py", "lora/inner/__init__.py"]


def test_a_helper_that_changes_the_path_counts_as_well(notebook: Path, homework: Reserved) -> None:
    lay(notebook, "lora/__init__.py", "lora/random.py")
    lay(notebook, "start.py", data=b"import sys\nsys.path.insert(0, 'lora')\n")
    assert kept(notebook, homework, "import start") == ["lora/__init__.py", "start.py"]


def test_the_released_folder_handed_in_again_is_no_news(notebook: Path, homework: Reserved) -> None:
    for file in TINY.iterdir():
        lay(notebook, f"tiny/{file.name}", data=file.read_bytes())
    assert without_shadows(gathered(notebook), "", homework) == Beside()


# In somebody's own folder.


def test_in_a_folder_that_is_no_submission_only_what_is_named_is_taken(tmp_path: Path) -> None:
    notebook = tmp_path / "mine.ipynb"
    lay(notebook, "lora_utils.py", data=b"from lora_math import scale\n")
    lay(notebook, "lora_math.py", "bank_account.csv", "bob_lora_utils.py", "my-data.csv", "Documents/letter.txt")
    found = asked_for(notebook, "from lora_utils import f\nopen('my-data.csv')")
    assert sorted(names(found)) == ["lora_math.py", "lora_utils.py", "my-data.csv"]


@pytest.mark.parametrize("course", ["", "course"], ids=["in a course", "around one"])
def test_SECURITY_no_notebook_is_given_the_hidden_tests_by_naming_them(tmp_path: Path, course: str) -> None:
    notebook = tmp_path / "mine.ipynb"
    lay(notebook, *(str(Path(course, name)) for name in ("nbgrader_config.py", "grading/hw/test_todo1.py")))
    assert asked_for(notebook, "open('course/grading/hw/test_todo1.py')").files == ()


# On their way into the kernel.


def test_files_are_placed_with_their_folders_for_anybody_in_the_sandbox_to_change(tmp_path: Path) -> None:
    place_files(tmp_path, [("a/b/c.py", b"1"), ("a/b/d.py", b"2"), ("e.txt", b"3")])
    modes = {p.relative_to(tmp_path).as_posix(): p.stat().st_mode & 0o777 for p in tmp_path.rglob("*")}
    assert modes == {"a": 0o777, "a/b": 0o777, "a/b/c.py": 0o666, "a/b/d.py": 0o666, "e.txt": 0o666}


def test_what_is_there_already_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "tiny").write_bytes(b"ours")
    with pytest.raises(OSError, match="exists"):
        place_files(tmp_path, [("tiny", b"theirs")])
    assert (tmp_path / "tiny").read_bytes() == b"ours"

"""Everything that people read is spelled right, and its links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.builders import ROOT

NOTEBOOKS = sorted([*ROOT.glob("source/*/*.ipynb"), *ROOT.glob("release/*/*.ipynb"), *ROOT.glob("notebooks/*.ipynb")])
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("source/*/*/*.md"), *NOTEBOOKS])
MARKDOWN = [path for path in PAGES if path.suffix == ".md"]
FOLDERS = ("autograder", "benchmarks", "docs", "examples", "grading", "notebooks", "source", "tests")
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def prose(path: Path) -> str:
    """The text of a page; of a notebook, its text cells."""
    if path.suffix != ".ipynb":
        return path.read_text(encoding="utf-8")
    return "\n".join(c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "markdown")


def anchors(text: str) -> set[str]:
    """What GitHub and Jupyter make of the headings: lower case, no punctuation, hyphens for spaces."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def broken(path: Path, link: str) -> bool:
    """Whether a link's file or heading is missing; of an external one only its form is looked at."""
    if "://" in link:
        return not re.fullmatch(r"https://[\w.-]+\.\w{2,}(/[\w./#%?=&~+-]*)?", link)
    file, _, anchor = link.partition("#")
    target = (path.parent / file).resolve() if file else path
    return not target.exists() or (anchor != "" and anchor not in anchors(prose(target)))


def test_codespell_finds_no_misspelt_word() -> None:
    pages = [relative(path) for path in (*ROOT.glob("*.md"), ROOT / "CITATION.cff")]
    skip = "*.safetensors,*.csv,*/tiny/*.json,*/tiny/merges.txt,*/__pycache__/*"
    command = [
        sys.executable,
        "-m",
        "codespell_lib",
        "--skip",
        skip,
        "--ignore-words-list",
        "whos,ist",
        *pages,
        *FOLDERS,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_a_misspelt_word_would_be_found() -> None:
    word = "recie" + "ve"
    done = subprocess.run([sys.executable, "-m", "codespell_lib", "-"], input=word, capture_output=True, text=True)
    assert "receive" in done.stdout


@pytest.mark.parametrize("path", PAGES, ids=relative)
def test_every_link_of_a_page_leads_somewhere(path: Path) -> None:
    assert [link for link in LINK.findall(prose(path)) if broken(path, link)] == []


@pytest.mark.parametrize(
    "link", ["docs/nowhere.md", "#no-such-heading", "README.md#no-such-heading", "http://arxiv.org/abs/1", "https://x"]
)
def test_a_broken_link_would_be_found(link: str) -> None:
    assert broken(ROOT / "README.md", link)


def test_a_heading_can_be_linked_to() -> None:
    assert not broken(ROOT / "docs" / "sandbox.md", "../README.md#how-a-grade-comes-about")


@pytest.mark.parametrize("path", sorted([*ROOT.glob("docs/*.md"), *ROOT.glob("*.md")]), ids=relative)
def test_the_readme_leads_to_every_page(path: Path) -> None:
    assert path.name == "README.md" or relative(path) in LINK.findall(README)


def test_the_readme_shows_the_class_that_the_demo_grades() -> None:
    table = README.partition("─\n")[2].partition("\n\n")[0]
    samples = {path.stem for path in (ROOT / "examples" / "class").glob("*.py")} | {"cut_off"}
    assert [line.split()[0] for line in table.splitlines()] == sorted(samples)


WORDS_MIN_CHARS = 12


def test_the_feedback_that_the_readme_shows_is_worded_as_the_homework_words_it() -> None:
    shown = re.findall(r"^    - (.+)$", README, re.MULTILINE)
    tests = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("grading/*/*.py"))
    # Names, numbers and what a sentence is put together from are filled in when it is told.
    words = [part.strip() for reason in shown for part in re.split(r"`[^`]*`|[\d.]+|[,;:]", reason)]
    told = [part for part in words if len(part) >= WORDS_MIN_CHARS]
    assert len(told) >= len(shown)
    assert [part for part in told if part not in tests] == []


def dead(text: str) -> list[str]:
    """Modules that a text names by their path, from the root or within the package, and that are not there."""
    # What the pages call warmup is what `autograder new` writes.
    text = text.replace("grading/warmup/", "authoring/template/grading/")
    places = re.findall(r"`((?:[\w<>.-]+/)+[\w*-]+\.py)`", text.replace("<name>", "*").replace("NAME", "*"))
    return [place for place in places if not [*ROOT.glob(place), *ROOT.glob(f"autograder/{place}")]]


@pytest.mark.parametrize("path", MARKDOWN, ids=relative)
def test_every_module_that_a_page_names_is_there(path: Path) -> None:
    assert dead(prose(path)) == []


def test_a_module_that_is_gone_would_be_found() -> None:
    assert dead("`observe/wire.py`, `autograder/observe/gone.py`") == ["autograder/observe/gone.py"]


@pytest.mark.parametrize("path", MARKDOWN, ids=relative)
def test_every_make_target_that_a_page_names_is_there(path: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:`|^    )make ([\w-]+)", prose(path), re.MULTILINE)) <= targets


def test_every_command_that_the_readme_names_is_there() -> None:
    from autograder.cli import app

    known = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    assert set(re.findall(r"(?:`|^    )autograder (\w+)", README, re.MULTILINE)) <= known

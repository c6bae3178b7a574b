"""Build a course with a sample class in build/demo, release the homework and grade the class."""

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat

from autograder.authoring.answers import fill, read_answers

ROOT = Path(__file__).parent.parent
COURSE = ROOT / "build" / "demo"
NAME = "hw8_lora"


def autograder(*arguments: str) -> int:
    """Exit status of one call of the command line."""
    command = [sys.executable, "-m", "autograder", "--course-dir", str(COURSE), *arguments]
    print("\n$ autograder", *arguments, flush=True)
    return subprocess.run(command, check=False).returncode


def make_course() -> None:
    """A fresh course: this repository's configuration, source notebook, probes and hidden tests."""
    shutil.rmtree(COURSE, ignore_errors=True)
    for name in ("source", "grading"):
        shutil.copytree(ROOT / name, COURSE / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "nbgrader_config.py", COURSE)


def hand_in() -> None:
    """Every sample in examples/class as a filled-in release notebook, and one upload that was cut off."""
    release = nbformat.read(COURSE / "release" / NAME / f"{NAME}.ipynb", as_version=4)
    for path in sorted((ROOT / "examples" / "class").glob("*.py")):
        submit(path.stem, nbformat.writes(fill(release, read_answers(path))))
    submit("cut_off", nbformat.writes(release)[:5000])


def submit(student: str, text: str) -> None:
    """One file where nbgrader looks for it."""
    folder = COURSE / "submitted" / student / NAME
    folder.mkdir(parents=True)
    (folder / f"{NAME}.ipynb").write_text(text, encoding="utf-8")


def main() -> int:
    """0 when the class was graded; status 1 of `grade` is right here, since two samples wait for a person."""
    make_course()
    if status := autograder("release", NAME):
        return status
    hand_in()
    status = autograder("grade", NAME)
    return 0 if status == 1 else status or 1


if __name__ == "__main__":
    sys.exit(main())

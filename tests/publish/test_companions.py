"""What lies beside an autograded notebook, so that nbgrader's own commands go on from it."""

from pathlib import Path

import pytest

from autograder.course import Course
from autograder.models import Submission
from autograder.publish.companions import write_companions
from tests.builders import NAME

EST, UTC = b"2026-01-31 07:00:00 EST", b"2026-01-31 12:00:00 UTC\n"


@pytest.fixture
def course(tmp_path: Path) -> Course:
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n")
    return Course(tmp_path)


def beside(course: Course, **files: bytes) -> dict[str, bytes]:
    """What lies in autograded/ once these files were handed in with the notebook."""
    folder = course.submitted("ada", NAME).parent
    for name, data in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    write_companions(course, Submission("ada", NAME, course.submitted("ada", NAME)))
    made = course.folder("autograded", "ada", NAME)
    return {p.relative_to(made).as_posix(): p.read_bytes() for p in made.rglob("*") if p.is_file()}


def test_the_time_the_secret_and_the_other_files_are_there_and_no_notebook(course: Course) -> None:
    found = beside(
        course,
        timestamp_dot_txt=EST,
        submission_secret_dot_txt=b"s",
        lib__x_dot_py=b"x",
        hw8_lora_dot_ipynb=b"{}",
    )
    assert found == {"timestamp.txt": UTC, "submission_secret.txt": b"s", "lib/x.py": b"x"}


def test_who_has_no_time_and_no_secret_gets_an_empty_one_and_one_that_stays(course: Course) -> None:
    first, again = beside(course, x_dot_txt=b"x"), beside(course, x_dot_txt=b"x")
    assert (first["timestamp.txt"], len(first["submission_secret.txt"])) == (b"", 128)
    assert first == again
    assert course.directory.get_existing_timestamp(str(course.folder("autograded", "ada", NAME))) is None


def test_a_file_that_is_no_longer_handed_in_goes_and_notebooks_stay(course: Course) -> None:
    beside(course, old_dot_csv=b"1")
    (course.folder("autograded", "ada", NAME) / f"{NAME}.ipynb").write_bytes(b"graded")
    (course.submitted("ada", NAME).parent / "old.csv").unlink()
    found = beside(course, new_dot_csv=b"2")
    assert "old.csv" not in found
    assert (found["new.csv"], found[f"{NAME}.ipynb"]) == (b"2", b"graded")


def test_what_is_linked_is_not_copied_and_what_nobody_handed_in_any_more_stays(course: Course, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_bytes(b"ours")
    beside(course, x_dot_txt=b"x")
    folder = course.submitted("ada", NAME).parent
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    assert "link.txt" not in beside(course)
    folder.rename(tmp_path / "away")
    assert "x.txt" in beside(course)


def test_a_file_that_nbgrader_has_closed_for_writing_is_replaced(course: Course) -> None:
    beside(course, timestamp_dot_txt=b"2026-01-30 12:00:00 UTC")
    (course.folder("autograded", "ada", NAME) / "timestamp.txt").chmod(0o444)
    assert beside(course, timestamp_dot_txt=EST)["timestamp.txt"] == UTC

"""A class and an upload in each format, and that no old result outlives a run without one.

Covers autograder/places/junit.py and autograder/places/markdown.py.
"""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from autograder.errors import UsageError
from autograder.places import export
from autograder.places.upload import GradedUpload
from tests.classrun.without_kernels import STUDENTS, Class, registered_course
from tests.places.graded import FULL, HOSTILE, HOSTILE_FAULT, NAME, NOTHING, PART, WAITING_SCORE, graded, uploaded

CLASS = [(NAME, [graded([FULL, PART]), graded([NOTHING, WAITING_SCORE], "bob", faults=(HOSTILE_FAULT,))])]


def test_junit_has_a_suite_for_each_student_and_calls_nothing_unseen_a_failure() -> None:
    root = ElementTree.fromstring(export.class_bytes(CLASS, "junit"))
    counts = [tuple(suite.get(key) for key in ("name", "tests", "failures", "skipped", "errors")) for suite in root]
    assert counts == [("ps1.ada", "2", "1", "0", "0"), ("ps1.bob", "2", "1", "1", "0")]
    assert [failure.get("message") for failure in root.iter("failure")] == ["2.5 of 5 points", "0 of 2 points"]
    assert "the kernel died" in root.find(".//skipped").text


def test_junit_takes_characters_that_xml_has_no_form_for() -> None:
    data = export.class_bytes([(NAME, [graded([replace(PART, messages=("\x00\x1b[31m\ud800",))])])], "junit")
    assert ElementTree.fromstring(data).find(".//failure").text == r"- \ud800"


def test_the_summary_is_a_table_with_what_happened_to_whom() -> None:
    text = export.class_bytes(CLASS, "summary").decode()
    assert "| ada | 10 | 2.5 | 12.5 |" in text
    assert "| bob | 0 | ? | 0? |" in text
    assert "- 1 wait for a person: bob" in text
    assert "<img" not in text
    assert "![" not in text


def test_the_summary_of_nobody_is_its_title() -> None:
    assert export.class_bytes([(NAME, [])], "summary").startswith(b"## ps1\n")


@pytest.mark.parametrize("form", ["gradescope", "classroom50"])
def test_a_format_of_one_submission_takes_no_class(form: export.ResultFormat) -> None:
    with pytest.raises(UsageError, match=f"{form} holds one submission: name it with --upload"):
        export.class_bytes(CLASS, form)


def test_a_class_is_told_from_its_records_without_a_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class_ = Class(registered_course(tmp_path / "registered"), tmp_path / "course", monkeypatch)
    class_.grade()
    class_.runs.clear()
    ((title, found),) = export.recorded_class(class_.course, NAME)
    assert (title, [one.submission.student for one in found]) == (NAME, [*STUDENTS])
    assert [one.total for one in found] == [10.0, 10.0, 10.0]
    assert class_.runs == []
    ((_, alone),) = export.recorded_class(class_.course, NAME, ["bob"])
    assert [one.submission.student for one in alone] == ["bob"]


def test_an_upload_is_written_in_each_format() -> None:
    for form, part in (("gradescope", b'"score": 12.5'), ("junit", b"ps1.ada"), ("summary", b"| ada |")):
        assert part in export.upload_bytes(uploaded(FULL, PART), NAME, form)


def test_an_older_result_is_removed_when_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "results" / "results.json"
    assert export.write_result(path, b"{}") == ""
    assert path.read_bytes() == b"{}"
    export.write_result(path, None)
    assert not path.exists()
    assert export.write_result(None, b"{}") == "{}"


def test_the_log_says_why_nothing_was_graded_and_what_waits() -> None:
    assert export.said_of(GradedUpload("ada", {}, problem="no file")) == ["nothing was graded: no file"]
    assert export.said_of(uploaded(FULL, WAITING_SCORE)) == [
        "ps1: four waits for a person: could not be graded: the kernel died"
    ]
    assert "\x1b" not in export.said_of(uploaded(notes=(HOSTILE,)))[0]

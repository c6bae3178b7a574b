"""results.json is as Gradescope has published it, and what nobody could tell is no zero in it."""

import json
from dataclasses import replace

from autograder.places.gradescope import gradescope_result
from autograder.places.upload import GradedUpload
from tests.places.graded import FULL, HOSTILE, NOTHING, PART, WAITING_SCORE, graded, uploaded


def test_every_scored_test_is_visible_with_number_status_and_points() -> None:
    result = gradescope_result(uploaded(FULL, PART, NOTHING))
    rows = [(t["number"], t["name"], t["score"], t["max_score"], t["status"]) for t in result["tests"]]
    assert rows == [
        ("1", "one", 10.0, 10.0, "passed"), ("2", "two", 2.5, 5.0, "failed"), ("3", "three", 0.0, 2.0, "failed")
    ]  # fmt: skip
    assert {t["visibility"] for t in result["tests"]} == {result["visibility"]} == {"visible"}
    assert {t["output_format"] for t in result["tests"]} == {result["output_format"]} == {"md"}
    assert result["tests"][1]["output"] == "- the mean is `wrong`\n- two  \n  lines"
    assert (result["score"], result["execution_time"], result["stdout_visibility"]) == (12.5, 1.2, "hidden")
    json.dumps(result)


def test_what_waits_for_a_person_has_no_score_and_is_left_out_of_the_sum() -> None:
    result = gradescope_result(uploaded(FULL, WAITING_SCORE))
    waiting = result["tests"][1]
    assert result["score"] == 10.0
    assert {"score", "max_score", "status"}.isdisjoint(waiting)
    assert waiting["name"] == "four (waits for a person)"
    assert "the kernel died" in waiting["output"]
    assert "four &#40;of 3&#41;: nobody could tell yet; this is no zero" in result["output"]


def test_there_is_no_result_when_nothing_could_be_graded() -> None:
    assert gradescope_result(uploaded(WAITING_SCORE)) is None
    assert gradescope_result(GradedUpload("ada", {}, problem="no file was handed in")) is None


def test_an_observed_zero_is_a_result() -> None:
    assert gradescope_result(uploaded(NOTHING))["score"] == 0.0


def test_of_several_notebooks_each_test_names_its_own() -> None:
    upload = GradedUpload("ada", {"ps1": graded([FULL]), "extra": graded([PART])})
    assert [(t["name"], t["number"]) for t in gradescope_result(upload)["tests"]] == [
        ("ps1: one", "1"),
        ("extra: two", "2"),
    ]


def test_what_a_student_wrote_is_shown_and_acts_nowhere() -> None:
    result = gradescope_result(uploaded(replace(NOTHING, messages=(HOSTILE,)), notes=(HOSTILE,)))
    for text in (result["output"], result["tests"][0]["output"]):
        assert not {*"<>![]$|\\\x1b"} & set(text)
        assert "://" not in text
        assert "`a`" in text

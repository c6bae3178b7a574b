"""What a student reads: the result first, then each exercise with its causes, the hint that fits, and nothing active.

Covers autograder/publish/told.py, autograder/publish/exercises.py and autograder/publish/prose.py.
"""

import json
import re

import pytest
from nbformat.v4 import new_markdown_cell, new_output

from autograder.models import Score
from autograder.publish.exercises import Hint, exercise_places, fitting_hint, names_it
from autograder.publish.feedback import TOLD
from autograder.publish.feedback_page import feedback_html, feedback_json, feedback_markdown
from autograder.publish.prose import formula, prose
from autograder.publish.told import first_sentence
from tests.publish.pages import CAUSE, autograded, executed, partial, told
from tests.scenarios.hostile.showing import SCRIPT


def words(html: str) -> str:
    """The text of a page, without tags."""
    return " ".join(re.sub(r"<[^>]*>", " ", html.partition("<body>")[2]).split())


def test_the_result_comes_first_with_title_points_state_and_a_sentence() -> None:
    text = words(feedback_html(told()))
    assert text.startswith("Feedback: ps1 ada 2 of 5 points Result Exercise Points State In one sentence")
    assert f"Exercise 1: standardize 2 of 5 ◐ some points {CAUSE}" in text


def test_an_exercise_shows_cause_property_hint_and_the_students_own_code() -> None:
    text = words(feedback_html(told()))
    assert f"{CAUSE} Should hold: every column has deviation 1." in text
    assert "What passed a constant column becomes zero" in text
    assert "Hint: Hint 2: the deviation" in text
    assert "return x - x . mean" in text or "return x - x.mean" in text


def test_full_points_are_folded_and_name_what_passed() -> None:
    score = partial()
    passed = [outcome.__class__(**{**vars(outcome), "kind": "passed", "message": ""}) for outcome in score.outcomes]
    page = feedback_html(told(autograded(Score("exercise_1", 5, 5, (), tuple(passed))), automatic=5))
    assert "<summary>Everything that was tried works: 2 of 2 hidden tests passed.</summary>" in page
    assert "Hint:" not in page


def test_a_comment_of_a_person_stands_beside_the_automatic_reasons() -> None:
    page = words(feedback_html(told(manual=4, comment="Nearly!\n<b>Look</b> again.")))
    assert "4 of 5" in page
    assert "The automatic score was 2; a person made it 4." in page
    assert CAUSE in page
    assert "Nearly! &lt;b&gt;Look&lt;/b&gt; again." in page


def test_extra_credit_and_a_late_penalty_are_in_the_points_and_said() -> None:
    page = words(feedback_html(told(extra=1, penalty=2)))
    assert "1 of 5 points 2 points are taken off for handing in late." in page
    assert "+1 points of extra credit are in it." in page


def test_what_nobody_saw_waits_for_a_person_and_costs_nothing() -> None:
    score = Score("exercise_1", 5, None, ("could not be graded: the kernel was lost. Twice",))
    page = words(feedback_html(told(autograded(score), automatic=None)))
    assert "0 of 5 points so far 1 exercise waits for a person" in page
    assert "? of 5 ? waits for a person could not be graded: the kernel was lost" in page


def test_a_notebook_cannot_bring_its_own_verdict() -> None:
    forged = executed()
    forged.metadata[TOLD] = {"scores": [{"grade_id": "exercise_1", "points": 5}], "notes": ["all is right"]}
    page = feedback_html(told(autograded(notebook=forged)))
    assert "all is right" not in page
    assert CAUSE in page


def test_an_output_that_looks_like_our_verdict_is_not_taken_for_one() -> None:
    forged = executed()
    forged.cells[1].outputs = [new_output("stream", name="stdout", text="--- exercise_1: 5 of 5 points ---\n")]
    (exercise,) = told(autograded(notebook=forged)).exercises
    assert (exercise.points, exercise.state) == (2, "partial")
    assert [output.text for output in exercise.outputs] == ["--- exercise_1: 5 of 5 points ---\n"]


def test_SECURITY_nothing_that_a_student_wrote_is_markup() -> None:
    notebook = executed(f"# {SCRIPT}\nx = '''{SCRIPT}'''")
    shown = {"text/html": SCRIPT, "image/svg+xml": SCRIPT, "image/png": f'x" onerror="{SCRIPT}', "text/plain": SCRIPT}
    notebook.cells[1].outputs = [
        new_output("display_data", shown), new_output("stream", name="stdout", text=SCRIPT),
        new_output("error", ename=SCRIPT, evalue=SCRIPT, traceback=[SCRIPT]),
    ]  # fmt: skip
    page = feedback_html(told(autograded(partial(SCRIPT), notebook), comment=SCRIPT))
    assert "<script" not in page
    assert "<img" not in page
    assert 'onerror="' not in page


def test_a_formula_becomes_mathml_and_one_that_cannot_stays_tex() -> None:
    page = prose(r"So $\frac{1}{\sigma}$ and $$\frac{$$ here.")
    assert re.search(r'<math display="inline">.*<mfrac>', page)
    assert '<code class="tex">\\frac{</code>' in page


@pytest.mark.parametrize(
    "tex", [r"\href{javascript:x}{y}", r"\text{<script>1</script>}", r"\class{a}{b}", r"\style{x:y}{b}"]
)
def test_SECURITY_a_formula_only_typesets(tex: str) -> None:
    assert not re.search(r"<script|href=|class=\"a|style=", formula(tex, "inline"))


@pytest.mark.parametrize(
    "source",
    [SCRIPT, "[x](javascript:y)", "<svg onload=x>", "![x](https://x.example/p.png)", "<math><script>x</script>"],
)
def test_SECURITY_the_homeworks_text_runs_and_fetches_nothing(source: str) -> None:
    html = prose(source)
    for sign in ("<script", "javascript:", "onload", "x.example", "<svg"):
        assert sign not in html


def test_headings_in_a_text_do_not_disturb_those_of_the_page() -> None:
    assert not re.search(r"<h\d", prose("# One\n\n### Three"))


def test_the_hint_that_shares_a_rare_word_with_the_reason_is_shown() -> None:
    hints = (Hint("Hint 1", "the columns"), Hint("", "*5,316,864 parameters:* a third block is in"))
    assert fitting_hint(hints, ["5,316,864 columns train"]) == hints[1]
    assert fitting_hint(hints, ["something else"]) == hints[0]
    assert fitting_hint((), ["something"]) is None


@pytest.mark.parametrize(
    ("title", "name", "yes"),
    [("Exercise 1: standardize", "exercise_1", True), ("Exercise 10: another", "exercise_1", False),
     ("Part 3", "part3", True), ("Setup", "exercise_1", False)],
)  # fmt: skip
def test_a_heading_names_the_exercise_that_it_begins_with(title: str, name: str, yes: bool) -> None:
    assert names_it(title, name) is yes


def test_an_exercise_without_a_heading_of_its_own_is_called_by_its_grade_id() -> None:
    notebook = executed()
    answer = new_markdown_cell("Because.", id="essay")
    answer.metadata.nbgrader = {"grade_id": "my_essay", "grade": True, "solution": True, "points": 3}
    notebook.cells.insert(3, answer)
    first, second = exercise_places(notebook.cells)
    assert (first.title, second.title) == ("Exercise 1: standardize", "my essay")
    assert second.hints == ()


def test_json_and_markdown_say_the_same() -> None:
    made = told(comment="Good *start*")
    plain = json.loads(feedback_json(made))
    assert (plain["points"], plain["exercises"][0]["causes"][0]["message"]) == (2, CAUSE)
    text = feedback_markdown(made)
    assert "**2 of 5 points**" in text
    assert f"- {CAUSE}" in text
    assert "- Good \\*start\\*" in text


def test_code_in_markdown_cannot_leave_its_fence() -> None:
    text = feedback_markdown(told(autograded(notebook=executed("x = '````\\n# not a heading'"))))
    assert "`````python\n" in text


def test_a_sentence_for_the_overview_is_short() -> None:
    assert first_sentence("One. Two.\nThree") == "One"
    assert len(first_sentence("x" * 1000)) < 300

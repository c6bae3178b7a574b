"""nbgrader's formgrader in a real browser, between the exchange's steps: what a person types in there stays."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from nbgrader.exchange.default import ExchangeCollect
from playwright.sync_api import Locator, Page, expect

from tests.browser.lab import WAIT_MS
from tests.test_exchange import NAME, STUDENT, Term, handed_in_once
from tests.test_flow import formgrader

GRADED, ANSWER = "exercise_1", "solution_1"
COMMENT = "Well begun: the spread is missing."


class OpenSubmission:
    """The one submission of the course in formgrader."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.score = page.locator(f"input.score#{GRADED}")
        self.comment = page.locator(f"textarea#{ANSWER}-comment")

    def wait(self, automatic: str) -> None:
        """Wait until formgrader shows this automatic score, and the comments have arrived."""
        expect(self.score).to_have_attribute("placeholder", automatic, timeout=WAIT_MS)
        expect(self.comment).to_have_attribute("placeholder", re.compile("."), timeout=WAIT_MS)

    def type_in(self, field: Locator, text: str, stored_at: str) -> None:
        """Type into a field, leave it, and wait until the server has stored it."""
        with self.page.expect_response(lambda r: stored_at in r.url and r.request.method == "PUT") as stored:
            field.fill(text)
            field.blur()
        assert stored.value.ok


@contextmanager
def opened(page: Page, term: Term, automatic: str) -> Iterator[OpenSubmission]:
    """The submission, opened from the list by its link; what the page would load from elsewhere is refused.

    The server is a new one each time: formgrader goes on showing what it has once read of a gradebook.
    """
    page.set_default_timeout(WAIT_MS)
    with formgrader(term.root) as (port, token):
        page.route(lambda url: f":{port}/" not in url, lambda route: route.abort())
        # In each request: what the page asks for afterwards carries no token of its address.
        page.set_extra_http_headers({"Authorization": f"token {token}"})
        page.goto(f"http://127.0.0.1:{port}/formgrader/gradebook/{NAME}/{NAME}", wait_until="domcontentloaded")
        page.get_by_role("link", name="Submission #1").click()
        submission = OpenSubmission(page)
        submission.wait(automatic)
        yield submission
        page.unroute_all()


def in_gradebook(term: Term) -> tuple[float | None, float | None, str | None]:
    """Automatic score, manual score and a person's comment."""
    with term.gradebook() as gradebook:
        grade = gradebook.find_grade(GRADED, NAME, NAME, STUDENT)
        comment = gradebook.find_comment(ANSWER, NAME, NAME, STUDENT)
        return grade.auto_score, grade.manual_score, comment.manual_comment


@pytest.mark.slow
def test_a_score_and_a_comment_typed_into_formgrader_outlive_regrades_and_reach_the_student(
    page: Page, tmp_path: Path
) -> None:
    term = handed_in_once(tmp_path)
    term.step(ExchangeCollect)
    term.command("autograder", "grade", NAME)
    assert in_gradebook(term) == (2, None, None)
    with opened(page, term, automatic="2") as submission:
        submission.type_in(submission.score, "4", "/api/grade/")
        submission.type_in(submission.comment, COMMENT, "/api/comment/")
    assert in_gradebook(term) == (2, 4, COMMENT)

    for regrade in (["grade", NAME, "--force"], ["rejudge", NAME]):
        term.command("autograder", *regrade)
        assert in_gradebook(term) == (2, 4, COMMENT)
    with opened(page, term, automatic="2") as submission:
        expect(submission.score).to_have_value("4")
        expect(submission.comment).to_have_value(COMMENT)
    ((handed_in, told),) = term.feedback().items()
    assert all(text in told for text in ("9 of 10 points", COMMENT))

    term.submit({})
    term.step(ExchangeCollect, update=True)
    term.command("autograder", "grade", NAME)
    assert in_gradebook(term) == (5, 4, COMMENT)
    # A person looks again at what a person had decided: here they take their score back.
    with opened(page, term, automatic="5") as submission:
        submission.type_in(submission.score, "", "/api/grade/")
        submission.type_in(submission.comment, "Now it is right.", "/api/comment/")
    pages = term.feedback()
    latest = max(pages)
    assert sorted(pages) == [handed_in, latest]
    assert pages[handed_in] == told
    assert all(text in pages[latest] for text in ("10 of 10 points", "Now it is right."))
    assert COMMENT not in pages[latest]

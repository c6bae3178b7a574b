"""nbgrader's formgrader in a real browser, between the exchange's steps: what a person types in there stays."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from nbgrader.exchange.default import ExchangeCollect
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.lab import WAIT_MS
from tests.test_exchange import NAME, STUDENT, Term, handed_in_once
from tests.test_flow import formgrader

GRADED, ANSWER = "exercise_1", "solution_1"
COMMENT = "Well begun: the spread is missing."


class OpenSubmission:
    """The one submission of the course, opened in formgrader as a person opens it: from the list, by its link."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.score: Locator = page.locator(f"input.score#{GRADED}")
        self.comment: Locator = page.locator(f"textarea#{ANSWER}-comment")

    def open(self, automatic: str) -> None:
        """Open it from the list, and wait until formgrader shows this automatic score in the empty field."""
        self.page.goto(self.address, wait_until="domcontentloaded")
        self.page.get_by_role("link", name="Submission #1").click()
        expect(self.score).to_have_attribute("placeholder", automatic)

    def type_in(self, field: Locator, text: str, stored_at: str) -> None:
        """Type into a field, leave it, and wait until the server has stored it."""
        with self.page.expect_response(lambda r: stored_at in r.url and r.request.method == "PUT") as stored:
            field.fill(text)
            field.blur()
        assert stored.value.ok


@contextmanager
def opened(page: Page, term: Term) -> Iterator[OpenSubmission]:
    """Formgrader over the course; what its page would load from elsewhere is refused."""
    page.set_default_timeout(WAIT_MS)
    expect.set_options(timeout=WAIT_MS)
    with formgrader(term.root) as (port, token):
        page.route(lambda url: f":{port}/" not in url, Route.abort)
        yield OpenSubmission(page, f"http://127.0.0.1:{port}/formgrader/gradebook/{NAME}/{NAME}?token={token}")
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
    with opened(page, term) as submission:
        submission.open("2")
        assert in_gradebook(term) == (2, None, None)
        submission.type_in(submission.score, "4", "/api/grade/")
        submission.type_in(submission.comment, COMMENT, "/api/comment/")
        assert in_gradebook(term) == (2, 4, COMMENT)

        for regrade in (["grade", NAME, "--force"], ["rejudge", NAME]):
            term.command("autograder", *regrade)
            assert in_gradebook(term) == (2, 4, COMMENT)
            submission.open("2")
            expect(submission.score).to_have_value("4")
            expect(submission.comment).to_have_value(COMMENT)
        (first,) = term.feedback().items()
        assert all(text in first[1] for text in ("9 of 10 points", COMMENT))

        term.submit({})
        term.step(ExchangeCollect, update=True)
        term.command("autograder", "grade", NAME)
        assert in_gradebook(term) == (5, 4, COMMENT)
        # A person looks again at what a person had decided: here they take their score back.
        submission.open("5")
        submission.type_in(submission.score, "", "/api/grade/")
        submission.type_in(submission.comment, "Now it is right.", "/api/comment/")
    pages = term.feedback()
    latest = max(pages)
    assert sorted(pages) == [first[0], latest]
    assert pages[first[0]] == first[1]
    assert all(text in pages[latest] for text in ("10 of 10 points", "Now it is right."))
    assert COMMENT not in pages[latest]

"""No regular expression that sees a submission takes time that grows faster than the text."""

import re

import pytest

from tests.slow_matching import CALLS, Expression, expressions, is_slow

KNOWN = list(expressions())


def test_the_expressions_are_found_by_name_and_where_they_are_written_out() -> None:
    found = {expression.where for expression in KNOWN}
    assert {"submission/script.py: MARKER", "judge/redact.py: WORD", "observe/elsewhere.py: MATCHERS"} <= found
    assert any(re.fullmatch(r"submission/newer\.py:\d+", where) for where in found)


@pytest.mark.parametrize("expression", KNOWN, ids=lambda one: one.where)
def test_the_time_for_a_text_grows_with_its_length_alone(expression: Expression) -> None:
    assert not is_slow(expression)


@pytest.mark.parametrize(
    "pattern",
    [r"^# In\[\d\]:?[ \t]*[ \t]*$", r"\w+=", r"^[ \t]*[\w, .]+=", r"(?:a+)+b", r"\"[^\"]*,[^\"]*,[^\"]*!"],
)
def test_an_expression_that_is_quadratic_or_worse_would_be_found(pattern: str) -> None:
    assert is_slow(Expression("here", re.compile(pattern), CALLS))

"""Saved outputs are skipped before a notebook is parsed, whatever their size and state."""

import json
import resource

import pytest

from autograder.errors import SubmissionError
from autograder.submission.read import parse_cells
from autograder.submission.saved import without_saved


@pytest.mark.parametrize(
    "value",
    [
        "[]",
        "{}",
        '[{"text": ["a]}", "\\"b", "\\\\"]}]',
        "[[[1, 2], {}], NaN]",
        '{"a": {"outputs": [1]}}',
        '["\\"outputs\\": ["]',
    ],
)
def test_the_value_is_left_out_and_nothing_else(value: str) -> None:
    assert without_saved(f'{{"outputs": {value}, "source": "x"}}') == '{"outputs": null, "source": "x"}'


@pytest.mark.parametrize(
    "text", ['{"source": "print(\\"outputs\\": [1])"}', '{"outputs": "text", "a": 1}', '{"x": "outputs"}']
)
def test_text_that_only_looks_like_outputs_stays(text: str) -> None:
    assert without_saved(text) == text


def test_what_never_closes_is_left_out_to_the_end() -> None:
    assert without_saved('{"outputs": [{"a": "b') == '{"outputs": null'


def test_outputs_of_too_many_values_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.submission.saved.JSON_PARTS_MAX", 100)
    with pytest.raises(SubmissionError, match="too many values"):
        without_saved('{"outputs": [' + "[" * 200)


def test_thirty_megabytes_of_outputs_take_little_memory() -> None:
    output = {"data": {"image/png": "iVBORw0KGgo" * 1_000_000, "application/json": [[0.25, 0.5]] * 1_500_000}}
    cell = {"cell_type": "code", "source": "x = 1", "outputs": [output]}
    data = json.dumps({"cells": [cell]}).encode()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert [cell.source for cell in parse_cells(data)] == ["x = 1"]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 3 * len(data) / 1024

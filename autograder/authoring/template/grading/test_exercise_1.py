"""Exercise 1: every column has mean 0 and standard deviation 1."""

import numpy as np
import pytest

from autograder.models import Observation

from . import inputs, mistakes, reference


@pytest.mark.points("exercise_1", 3)
def test_every_column_has_mean_0_and_deviation_1(observed: Observation, seed: int) -> None:
    tables = {name: table for name, table in inputs.columns(seed).items() if name != "constant"}
    mistakes.assert_right(observed, "standardize", tables, reference.standardize)


@pytest.mark.points("exercise_1", 2)
def test_a_column_that_does_not_vary_becomes_zero(observed: Observation, seed: int) -> None:
    found = mistakes.result_of(observed["constant"], "standardize", inputs.columns(seed)["constant"])
    assert np.isfinite(found).all(), "a column whose values are all the same gives nan: its deviation is 0"
    assert (found[:, 1] == 0).all(), "a column whose values are all the same must become 0"
    assert found.any(), "the other columns became 0 as well"

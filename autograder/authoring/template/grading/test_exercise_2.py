"""Exercise 2: every row becomes probabilities, however large its values are."""

import numpy as np
import pytest

from autograder.models import Observation

from . import inputs, mistakes, reference


@pytest.mark.points("exercise_2", 3)
def test_every_row_becomes_probabilities(observed: Observation, seed: int) -> None:
    mistakes.assert_right(observed, "softmax", {"small": inputs.scores(seed)["small"]}, reference.softmax)


@pytest.mark.points("exercise_2", 2)
def test_large_values_do_not_overflow(observed: Observation, seed: int) -> None:
    table = inputs.scores(seed)["large"]
    found = mistakes.result_of(observed["large"], "softmax", table)
    assert np.isfinite(found).all(), "exp of a large value is infinite: take each row's largest value off first"
    assert reference.close(found, reference.softmax(table)), "`softmax` of large values is wrong"

"""What is right. Never in a student's process."""

import numpy as np

from .inputs import Array


def standardize(table: Array) -> Array:
    """Every column less its mean, over its standard deviation; a column that does not vary is zero."""
    deviation = table.std(axis=0)
    standard: Array = (table - table.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
    return standard


def softmax(table: Array) -> Array:
    """Every row's exponentials over their sum; the largest value is taken off first, so that none is infinite."""
    powers = np.exp(table - table.max(axis=1, keepdims=True))
    probabilities: Array = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def close(found: Array, expected: Array) -> bool:
    """Whether two tables agree: right solutions differ by the order of summation, far below this."""
    return bool(np.allclose(found, expected, rtol=1e-6, atol=1e-9))

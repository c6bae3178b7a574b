"""The catalogue of mistakes, and the one comparison that speaks of them.

A cause is named only if exactly one known mistake explains every result; otherwise the property that failed is named.
"""

from collections.abc import Callable, Mapping

import numpy as np

from autograder.models import Observation

from .inputs import Array
from .reference import close

Tables = Mapping[str, Array]

MISTAKES: dict[str, dict[str, Callable[[Array], Array]]] = {
    "standardize": {
        "the columns are not divided by their standard deviation": lambda t: t - t.mean(axis=0),
        "mean and deviation are those of the whole table; take them of each column": lambda t: (t - t.mean()) / t.std(),
        "mean and deviation are those of the rows; take them of each column": lambda t: (
            (t - t.mean(axis=1, keepdims=True)) / t.std(axis=1, keepdims=True)
        ),
        "the deviation divides by n - 1; NumPy's std divides by n": lambda t: (
            (t - t.mean(axis=0)) / t.std(axis=0, ddof=1)
        ),
    },
    "softmax": {
        "the columns sum to 1; the rows should": lambda t: np.exp(t) / np.exp(t).sum(axis=0),
        "the whole table sums to 1; every row should": lambda t: np.exp(t) / np.exp(t).sum(),
        "the exponentials are not divided by their sum": lambda t: np.exp(t),
    },
}
"""Function -> what the feedback says -> what the mistaken function computes."""


def assert_right(observed: Observation, function: str, tables: Tables, right: Callable[[Array], Array]) -> None:
    """The function gave the right result for each of these tables, and left the table as it was."""
    results = {name: result_of(observed[name], function, table) for name, table in tables.items()}
    if all(close(results[name], right(table)) for name, table in tables.items()):
        return
    known = [cause for cause, wrong in MISTAKES[function].items() if explains(wrong, results, tables)]
    raise AssertionError(known[0] if len(known) == 1 else f"`{function}` returns other values than it should")


def result_of(report: Observation, function: str, table: Array) -> Array:
    """The array of the table's shape that came back; an assertion says why there is none."""
    report.completed(f"`{function}`")
    assert report["is_array"].flag(), f"`{function}` must return a NumPy array of numbers"
    found = report["result"].array(*table.shape)
    unchanged = np.array_equal(report["table"].array(*table.shape), table)
    assert unchanged, f"`{function}` must not change the array that it is given"
    return found


def explains(wrong: Callable[[Array], Array], results: Tables, tables: Tables) -> bool:
    """Whether a mistaken function returns all of these results."""
    return all(close(results[name], wrong(table)) for name, table in tables.items())

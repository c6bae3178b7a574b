"""Solutions whose verdict is known. `autograder release` grades them all, so every hidden test is shown to bite.

Cells that a mutant does not name hold the instructor's solution. One that loses nothing is a right solution in an
unusual form, and must keep all its points.
"""

from autograder.authoring.mutants import Mutant

MUTANTS = (
    Mutant(
        "no deviation",
        {"solution_1": "def standardize(x):\n    return x - x.mean(axis=0)\n"},
        loses={"exercise_1"},
    ),
    Mutant(
        "rows for columns",
        {"solution_1": "def standardize(x):\n    return ((x.T - x.mean(axis=1)) / x.std(axis=1)).T\n"},
        loses={"exercise_1"},
    ),
    Mutant(
        "a deviation of zero",
        {"solution_1": "def standardize(x):\n    return (x - x.mean(axis=0)) / x.std(axis=0)\n"},
        loses={"exercise_1"},
    ),
    Mutant(
        "in place",
        {"solution_1": "def standardize(x):\n    x -= x.mean(axis=0)\n    x /= x.std(axis=0) + 1e-12\n    return x\n"},
        loses={"exercise_1"},
    ),
    Mutant(
        "columns for rows",
        {"solution_2": "def softmax(x):\n    e = np.exp(x - x.max())\n    return e / e.sum(axis=0)\n"},
        loses={"exercise_2"},
    ),
    Mutant(
        "overflow",
        {"solution_2": "def softmax(x):\n    e = np.exp(x)\n    return e / e.sum(axis=1, keepdims=True)\n"},
        loses={"exercise_2"},
    ),
    Mutant(
        "by logarithms (right)",
        {"solution_2": "def softmax(x):\n    return np.exp(x - np.logaddexp.reduce(x, axis=1, keepdims=True))\n"},
    ),
)

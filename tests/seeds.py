"""Right solutions of unlike style under many seeds: none may ever lose a point. ``python -m tests.seeds 1000``

Every seed is tried with one of the solutions, in turn: probes and hidden tests, without kernels. With ``--every`` each
seed is tried with all of them, in ten times the time.
"""

import argparse
import collections
import contextlib
import io
import json
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from autograder.assignment import load_assignment
from autograder.judge.run import judge
from autograder.judge.score import score_class
from autograder.observe import record as records
from tests.builders import GRADING, MAX_SCORES, SOLUTION_CELLS, observe_in_process, record

BANKS = Path(__file__).parent / "assignments" / "entries"
SOLUTIONS = 10
BATCH = 50


def solutions() -> list[dict[str, str]]:
    """Ten notebooks that differ in every cell where the banks of right solutions have as many forms."""
    forms: dict[str, list[dict[str, str]]] = collections.defaultdict(list)
    for file in ("first_correct.json", "second_correct.json"):
        for row in json.loads((BANKS / file).read_text(encoding="utf-8")):
            # A form of TODO 8 belongs to the configuration that it comes with.
            forms[max(set(row["cells"]) - {"solution_todo8"} or row["cells"])].append(row["cells"])
    assert set(forms) <= set(SOLUTION_CELLS)
    return [merged([cells[number % len(cells)] for cells in forms.values()]) for number in range(SOLUTIONS)]


def merged(cells: list[dict[str, str]]) -> dict[str, str]:
    """The cells of all of these."""
    return {name: source for form in cells for name, source in form.items()}


def tries(count: int, start: int, every: bool) -> Iterator[tuple[int, int]]:
    """(seed, number of the solution)."""
    chance = random.Random(start)
    for number in range(count):
        seed = chance.randrange(2**31)
        yield from ((seed, solution) for solution in (range(SOLUTIONS) if every else [number % SOLUTIONS]))


def losses(batch: list[tuple[int, int]]) -> list[str]:
    """What was lost in these tries, with the seed and the reason."""
    cells = solutions()
    with tempfile.TemporaryDirectory(prefix="seeds-") as folder:
        for seed, solution in batch:
            name = f"seed {seed} solution {solution}"
            with contextlib.redirect_stdout(io.StringIO()):
                observed = observe_in_process(cells[solution], seed)
            records.save(record(name, observed, seed=seed), records.path_of(Path(folder), name))
        scored = score_class(judge(load_assignment(GRADING), sorted(Path(folder).iterdir())), MAX_SCORES)
    assert len(scored) == len(set(batch))
    return [
        f"{name}, {score.grade_id}: {score.points} points. {' | '.join(score.messages)}"
        for name, scores in scored.items()
        for score in scores
        if score.points != score.max_score
    ]


def main() -> int:
    """0 when no try lost a point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=1000, help="how many seeds")
    parser.add_argument("--start", type=int, default=0, help="where the seeds are drawn from")
    parser.add_argument("--every", action="store_true", help="each seed with every solution")
    choices = parser.parse_args()
    torch.set_num_threads(1)
    todo = list(tries(choices.count, choices.start, choices.every))
    found: list[str] = []
    for first in range(0, len(todo), BATCH):
        found += losses(todo[first : first + BATCH])
    print(*found, sep="\n")
    print(f"{len(todo)} tries of {SOLUTIONS} right solutions, {len(found)} TODOs lost points")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

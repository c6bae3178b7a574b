"""Mutated notebooks through reading and alignment."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from autograder.cells import grade_id
from autograder.errors import SubmissionError
from autograder.submission.align import align
from autograder.submission.read import parse_cells
from tests.builders import source_notebook, submission
from tests.fuzz.raw import SELDOM, mutated_bytes
from tests.fuzz.tally import Tally, fuzz
from tests.fuzz.values import HOSTILE_TEXTS, HOSTILE_VALUES
from tests.scenarios.damaged import DAMAGED

FIELDS = ["cell_type", "source", "metadata", "id", "outputs", "input", "attachments", "execution_count", "extra"]
ACTS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 10**6), st.integers(0, 10**6)), max_size=8)


def fuzz_notebooks(examples: int, seed: int = 0) -> Tally:
    """Mutate solved and damaged notebooks, read and align them."""
    source, tally = source_notebook(), Tally()
    frame = [grade_id(cell) for cell in source.cells if grade_id(cell)]
    honest = json.loads(json.dumps(submission()))
    starts = [damaged(honest) for damaged in DAMAGED.values()]
    texts = [start for start in starts if isinstance(start, bytes)] + [
        b"".join(s.values()) for s in starts if isinstance(s, dict)
    ]
    texts = [text for text in texts if len(text) < 1_000_000]

    @fuzz(examples, seed)
    @given(st.integers(0, 3 * len(texts)), ACTS, SELDOM)
    def run(start: int, acts: list[tuple[int, int, int]], byte_acts: list[tuple[int, int, int]]) -> None:
        data = texts[start] if start < len(texts) else json.dumps(mutated(honest, acts)).encode()
        data = mutated_bytes(data, byte_acts)

        def read() -> str:
            try:
                result = align(source, parse_cells(data))
            except SubmissionError:
                return "refused"
            assert [grade_id(cell) for cell in result.notebook.cells if grade_id(cell)] == frame
            json.dumps(result.notebook).encode()
            return "ambiguous" if result.ambiguous else "read"

        tally.time(read, (start, acts, byte_acts))

    run()
    return tally


def mutated(notebook: dict[str, Any], acts: list[tuple[int, int, int]]) -> dict[str, Any]:
    """A copy with some of its cells changed, moved, copied or removed."""
    rows = [dict(cell) for cell in notebook["cells"]]
    for act, where, what in acts:
        row = rows[where % len(rows)] if rows else {}
        if act == 0:
            del rows[where % 140 :][: what % 3]
        elif act == 1:
            rows.insert(what % (len(rows) + 1), dict(row))
        elif act == 2:
            rows = rows[where % 140 :] + rows[: where % 140]
        elif act == 3:
            row["metadata"], row["id"] = {}, ""
        elif act == 4:
            row["source"] = HOSTILE_TEXTS[what % len(HOSTILE_TEXTS)]
        elif act == 5:
            text = HOSTILE_TEXTS[what % len(HOSTILE_TEXTS)]
            row["source"] = (f"{text}\n{row.get('source')}", f"{row.get('source')}\n{text}")[where % 2]
        elif act == 6:
            row[FIELDS[where % len(FIELDS)]] = HOSTILE_VALUES[what % len(HOSTILE_VALUES)]
        elif act == 7:
            text = HOSTILE_TEXTS[what % len(HOSTILE_TEXTS)][:4_000]
            rows += [{"cell_type": "code", "source": text} for _ in range(where % 1_000)]
        elif act == 8:
            row["metadata"] = rows[what % len(rows)].get("metadata")
        else:
            row["cell_type"] = ("code", "markdown", "raw", "heading")[what % 4]
    return notebook | {"cells": rows}

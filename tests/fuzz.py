"""Mutated notebooks through reading and alignment, and mutated probe replies through their decoder.

Run as ``python -m tests.fuzz 10000``; the tests run a few hundred. Nothing but SubmissionError (notebooks) and
StudentError (replies) may be raised. The long run also insists that nothing takes longer than 2 s, and that memory
stays bounded.
"""

import json
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from autograder.cells import grade_id
from autograder.errors import StudentError, SubmissionError
from autograder.models import Observation
from autograder.observe import wire
from autograder.submission.align import align
from autograder.submission.read import parse_cells
from tests.builders import source_notebook, submission
from tests.scenarios.damaged import DAMAGED

SLOWEST_S = 2.0
GROWTH_MAX_BYTES = 1_000_000_000
"""Of the whole run, this file's own notebooks included."""

HOSTILE_TEXTS = [
    "",
    "\0",
    "\ud800",
    "\ufeff",
    "\u2028",
    "\r",
    "\x0c",
    "\\",
    '"',
    '"""',
    "'''",
    "`" * 9,
    "%%bash\n",
    "%%writefile a.py\n",
    "!pip install x\n" * 500,
    "!pip \\\n" * 2_000,
    "%" * 20_000,
    "?" * 20_000,
    " " * 200_000,
    "\t" * 50_000 + "x",
    "\n" * 100_000,
    "(" * 3_000,
    "[" * 3_000 + "]" * 3_000,
    "-" * 50_000 + "1",
    "not " * 20_000 + "1",
    "a." * 30_000 + "a",
    "a+" * 30_000 + "a",
    "x\n" * 40_000,
    "f'" + "{a}" * 4_000 + "'",
    "{" * 6_000,
    "lambda:" * 9_000 + "0",
    "if a:\n" * 90,
    "def f():\n " * 60,
    "def attach_lora(): pass\n" * 3_000,
    "def attach_lora(a):\n    return 1\n",
    "class A:\n  def attach_lora(self): 1",
    "from google.colab import drive\n" * 300,
    "import x_7\n" * 2_000,
    "a = 1; " * 9_000,
    "@d\n" * 9_000 + "def f(): 1",
    "# %% [markdown]\n" * 3_000,
    "# In[1]:\n" * 3_000,
    '# %% a={"' * 2_000,
    "a" * 400_000,
    "\U0001f600" * 60_000,
    "é" * 90_000,
    "try:\n pass\nexcept:\n pass\n" * 2_000,
    "x = '\\d'",
    "print 'two'",
    "await x",
    "return 1",
    "yield",
    "async def f(): pass",
    "match a:\n case b: pass",
    "a = !ls\n" * 800,
    "1" * 100_000,
    "0x" + "f" * 50_000,
    "*" * 50_000,
    '"\\' * 30_000,
    "\\N{" * 9_000,
]
HOSTILE_VALUES: list[Any] = [
    None,
    True,
    -1,
    0.5,
    10**400,
    [],
    {},
    "",
    "x" * 300_000,
    [[]],
    {"a": {}},
    [None] * 5_000,
    {"nbgrader": []},
    {"nbgrader": {"grade_id": ["x"]}},
    {"nbgrader": {"grade_id": "todo1" * 9_000}},
    ["a\n", 1, None],
    float("nan"),
]
HOSTILE_BYTES = [
    b"\0",
    b"\xff",
    b"\xed\xa0\x80",
    b"\\ud800",
    b"NaN",
    b"Infinity",
    b"9" * 5_000,
    b"-",
    b"1e999",
    b'"outputs": [',
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[" * 2_000,
    b"]",
    b",",
    b'"cells": 1, ',
    b'"cells": [], ',
    b'"source": "',
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\n",
    b"//",
    b'"outputs": [' + b"[" * 50_000,
    b'"attachments": {"a": ' * 3_000,
    b" " * 100_000,
    b'"a": ' * 5_000,
]
FIELDS = ["cell_type", "source", "metadata", "id", "outputs", "input", "attachments", "execution_count", "extra"]


@dataclass
class Tally:
    """What a run met: outcomes, the slowest case and how much memory it took."""

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    slowest: Any = None
    started_bytes: int = field(default_factory=lambda: peak_bytes())

    def time(self, act: Callable[[], str], case: Any) -> None:
        """Do it, count how it ended, and note how long it took."""
        # Processor time: nothing here waits, and other work on the machine is not at fault.
        started = time.process_time()
        outcome = act()
        took = time.process_time() - started
        self.outcomes[outcome] += 1
        if took > self.slowest_s:
            self.slowest_s, self.slowest = took, case

    def report(self, title: str) -> str:
        """The figures in a few lines; AssertionError when they are too high."""
        assert self.slowest_s < SLOWEST_S, f"{self.slowest_s:.1f} s: {self.slowest!r:.500}"
        grown = peak_bytes() - self.started_bytes
        assert grown < GROWTH_MAX_BYTES, f"memory grew by {grown:,} bytes"
        ends = ", ".join(f"{count:,} {outcome}" for outcome, count in self.outcomes.most_common())
        cases = f"{title}: {self.outcomes.total():,} cases: {ends}"
        slowest = f"slowest {self.slowest_s:.2f} s: {self.slowest!r:.200}"
        return f"{cases}\n  {slowest}\n  peak memory grew by {grown / 1e6:.0f} MB"


def peak_bytes() -> int:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def fuzz(examples: int, seed: int) -> Callable[..., Any]:
    """Decorate a test function: so many examples, the same for the same seed, none kept or shrunk."""

    def decorated(test: Callable[..., None]) -> Callable[..., None]:
        chosen = settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        return seeded(seed)(chosen(test))

    return decorated


# Notebooks

ACTS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 10**6), st.integers(0, 10**6)), max_size=8)
BYTE_ACTS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 10**9), st.integers(0, 10**6)), max_size=5)
SELDOM = st.one_of(st.just([]), st.just([]), BYTE_ACTS)


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


def mutated_bytes(data: bytes, acts: list[tuple[int, int, int]]) -> bytes:
    """The bytes cut, flipped, doubled or sprinkled with what parsers dislike."""
    for act, where, what in acts:
        at = where % (len(data) + 1)
        if act == 0:
            data = data[:at]
        elif act == 1 and data:
            flipped = bytearray(data)
            flipped[at % len(data)] ^= 1 << what % 8
            data = bytes(flipped)
        elif act == 2:
            data = data[:at] + HOSTILE_BYTES[what % len(HOSTILE_BYTES)] + data[at:]
        elif act == 3:
            data = data[:at] + data[at : at + what % 5_000] * 2 + data[at + what % 5_000 :]
        elif act == 4:
            data = data[:at] + data[at + what % 500 :]
        elif act == 5:
            old = (b'"', b"{", b"}", b"[", b",", b":", b"\\n", b"def", b"1")[what % 9]
            data = data.replace(old, HOSTILE_BYTES[where % 23], 1 + what % 3)
        elif act == 6:
            data = random.Random(where).randbytes(what % 3_000)
    return data[:5_000_000]


# Probe replies

REPLY = {
    "case": {
        "a": {"tensor": "/case/a"},
        "n": 3.5,
        "names": ["x", "y"],
        "none": None,
        "yes": True,
        "rows": [["w", [2, 3], True]],
    }
}
TENSORS = {
    "/case/a": torch.arange(6, dtype=torch.float32).reshape(2, 3),
    "/case/b": torch.ones(2, dtype=torch.bfloat16),
}
ACCESSES: list[Callable[[Observation], object]] = [
    lambda o: o["case"]["a"].array(2, 3),
    lambda o: o["case"]["n"].number(),
    lambda o: o["case"]["names"].names(),
    lambda o: o["case"]["yes"].flag(),
    lambda o: o["case"]["rows"].parameters(),
    lambda o: list(o["case"].items()),
    lambda o: o["case"].completed("it"),
    lambda o: o.array(),
    lambda o: o["case"]["names"].text(),
    lambda o: "error" in o,
]


def fuzz_replies(examples: int, seed: int = 0) -> Tally:
    """Mutate replies of probes and outputs of cells, decode them, and use what comes out."""
    from safetensors.torch import save

    tally, tensors, header = Tally(), save(TENSORS), json.dumps(REPLY).encode()
    outputs = json.dumps(
        [{"outputs": [{"output_type": "stream", "name": "stdout", "text": ["a"]}], "execution_count": 1}] * 3
    ).encode()

    @fuzz(examples, seed)
    @given(st.integers(0, 3), SELDOM, SELDOM, st.integers(0, 2**32))
    def run(kind: int, first: list[tuple[int, int, int]], second: list[tuple[int, int, int]], number: int) -> None:
        values = mutated_bytes(header if kind else outputs, first)
        packed = mutated_bytes(lying_header(tensors, number) if kind == 2 else tensors, second)

        def decode() -> str:
            try:
                if not kind:
                    wire.decode_outputs([values], 3)
                    return "read"
                observation = wire.decode_reply({"nonce": "n", "todo": "t"}, [values, packed], nonce="n", grade_id="t")
            except StudentError:
                return "refused"
            answers = [used(access, observation) for access in ACCESSES]
            return "read" if any(answers) else "read, and of no use"

        tally.time(decode, (kind, first, second, number))

    run()
    return tally


def lying_header(tensors: bytes, number: int) -> bytes:
    """A safetensors file whose header claims other shapes, offsets or dtypes."""
    size = int.from_bytes(tensors[:8], "little")
    header = json.loads(tensors[8 : 8 + size])
    draw = random.Random(number)
    about = header[draw.choice([name for name in header if name != "__metadata__"])]
    about[draw.choice(["shape", "data_offsets", "dtype"])] = draw.choice(
        [
            [2**62, 4],
            [0],
            [],
            [3, -2],
            [2**64, 1],
            "F32",
            "F8_E4M3",
            "C64",
            None,
            [0, 2**40],
            [24, 0],
            [0, 24],
            [6],
            [1.5],
        ]
    )
    data = json.dumps(header).encode()
    return len(data).to_bytes(8, "little") + data + tensors[8 + size :]


def used(access: Callable[[Observation], object], observation: Observation) -> bool:
    """Whether a hidden test could use a reply this way; StudentError is the only other answer."""
    try:
        with np.errstate(all="ignore"):
            access(observation)
    except StudentError:
        return False
    return True


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    for title, act in (("notebooks", fuzz_notebooks), ("replies", fuzz_replies)):
        began = time.monotonic()
        print(act(count).report(title), f"\n  {time.monotonic() - began:.0f} s in all", flush=True)

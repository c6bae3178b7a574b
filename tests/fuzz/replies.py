"""Mutated replies of probes and outputs of cells through their decoder."""

import json
import random
from collections.abc import Callable

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from autograder.errors import StudentError
from autograder.models import Observation
from autograder.observe import wire
from tests.fuzz.raw import SELDOM, mutated_bytes
from tests.fuzz.tally import Tally, fuzz

REPLY = {
    "case": {
        "a": {"tensor": "float32", "at": 0, "shape": [2, 3]},
        "n": 3.5,
        "names": ["x", "y"],
        "none": None,
        "yes": True,
        "rows": {"names": ["w"], "shape": [0], "shapes": [[2, 3]], "trainable": [0]},
    }
}
TENSORS = {
    "float32": torch.arange(6, dtype=torch.float32),
    "bool": torch.ones(2, dtype=torch.bool),
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

"""Sets of GPT-2's parameters in words: "`attn.c_attn.bias` of blocks 10 and 11". Never shipped."""

import re
from collections import defaultdict
from collections.abc import Iterable, Set

from . import inputs

IN_BLOCK = re.compile(r"transformer\.h\.(\d+)\.(.+)\.(\w+)")
MODULES = ("ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj")
OUTSIDE = {
    "score.weight": "the head (`score.weight`)",
    "transformer.wte.weight": "the token embeddings (`wte`)",
    "transformer.wpe.weight": "the position embeddings (`wpe`)",
    "transformer.ln_f.weight": "`ln_f.weight`",
    "transformer.ln_f.bias": "`ln_f.bias`",
}
SHOWN_MAX = 4

Tensors = frozenset[tuple[str, str]]
"""(module, "weight" or "bias") of one block."""


def in_words(names: Set[str]) -> str:
    """The parameters, told by blocks and layers; "" for none."""
    blocks: dict[int, set[tuple[str, str]]] = defaultdict(set)
    outside = []
    for name in sorted(names):
        found = IN_BLOCK.fullmatch(name)
        if found:
            blocks[int(found[1])].add((found[2], found[3]))
        else:
            outside.append(OUTSIDE.get(name, f"`{name}`"))
    alike: dict[Tensors, list[int]] = defaultdict(list)
    for number, tensors in sorted(blocks.items()):
        alike[frozenset(tensors)].append(number)
    parts = [f"{layers(tensors)} of {numbered(numbers)}" for tensors, numbers in alike.items()]
    return listed([*parts, *outside])


def layers(tensors: Tensors) -> str:
    """Tensors of a block: whole layers by name, others by name and kind."""
    weights, biases = ({m for m, kind in tensors if kind == wanted} for wanted in ("weight", "bias"))
    every = set(MODULES)
    if (weights, biases) == (every, every):
        return "everything"
    if every in (weights, biases) and not (weights and biases):
        return "every weight" if weights else "every bias"
    if len(tensors) > len(MODULES) and weights == biases:
        return f"everything but {listed([f'`{name}`' for name in MODULES if name not in weights])}"
    whole = [f"`{m}`" for m in sorted(weights & biases)]
    single = [f"`{m}.{kind}`" for m, kind in sorted(tensors) if f"`{m}`" not in whole]
    return listed([*whole, *single])


def numbered(numbers: list[int]) -> str:
    """The blocks of these numbers."""
    if len(numbers) == inputs.LAYERS:
        return f"all {inputs.LAYERS} blocks"
    if len(numbers) == 1:
        return f"block {numbers[0]}"
    if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"blocks {numbers[0]} to {numbers[-1]}"
    return f"blocks {listed(list(map(str, numbers)), shown=len(numbers))}"


def listed(items: Iterable[str], *, shown: int = SHOWN_MAX) -> str:
    """ "a, b and c", and how many more there are."""
    found = list(items)
    if len(found) > shown:
        found = [*found[: shown - 1], f"{len(found) - shown + 1} more"]
    return " and ".join([*filter(None, [", ".join(found[:-1])]), *found[-1:]])

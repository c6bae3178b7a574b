"""The catalogue of mistakes in TODO 7, second half: which option brings about what a model shows. Never shipped."""

import re
from collections.abc import Set
from dataclasses import dataclass

from autograder.models import Observation

from . import inputs
from .naming import in_words, listed
from .options import Options, given, shown

EXPECTED = frozenset(
    ("r", "lora_alpha", "lora_dropout", "bias", "target_modules", "layers_to_transform", "layers_pattern", "task_type",
     "fan_in_fan_out", "inference_mode", "modules_to_save", "exclude_modules", "base_model_name_or_path", "peft_type")
)  # fmt: skip
"""Options that a right configuration may set, or that have words of their own."""


@dataclass(frozen=True)
class Layer:
    """One adapted layer, as it works."""

    name: str
    rank: float | None
    scaling: float | None
    dropout: float | None
    starts_at_zero: bool


def place_words(found: Set[str], options: Options) -> str:
    """LoRA sits elsewhere."""
    if found == set(inputs.TARGETS):
        return ""
    if not found:
        return "LoRA was injected into no module"
    where = in_words({f"{name}.weight" for name in found}).replace(".weight", "")
    expected = "it must be `attn.c_attn` of blocks 10 and 11 and nothing else"
    return f"LoRA was injected into {where}; {expected}{place_cause(found, options)}"


def place_cause(found: Set[str], options: Options) -> str:
    """The options that choose the places, as they are."""
    chosen = [shown(options, name) for name in PLACES if options.get(name)]
    everywhere = len(found) == inputs.LAYERS and all(name.endswith(".c_attn") for name in found)
    beyond = re.search(r"\b12\b", " ".join(chosen))
    fact = "the name `c_attn` alone is in all 12 blocks" if everywhere else ""
    fact = "the 12 blocks are numbered from 0 to 11" if beyond else fact
    return f" ({'; '.join(filter(None, [*chosen, fact]))})" if chosen or fact else ""


PLACES = ("target_modules", "layers_to_transform", "layers_pattern", "exclude_modules", "target_parameters")


def strength_words(layers: list[Layer], options: Options) -> str:
    """The rank or the scaling is another."""
    ranks, scalings = {layer.rank for layer in layers}, {layer.scaling for layer in layers}
    words = []
    if ranks != {1}:
        words.append(f"the rank is {values(ranks)}, expected 1 ({cause(options, 'r', 'rank_pattern', 1)})")
    if scalings != {4} and (ranks == {1} or factor_is_wrong(options)):
        reason = cause(options, "lora_alpha", "alpha_pattern", 4)
        words.append(f"the scaling alpha / r is {values(scalings)}, expected 4 ({reason})")
    return "; ".join(words)


def factor_is_wrong(options: Options) -> bool:
    """Whether alpha itself is not 4, the wrong rank aside."""
    return given(options, "lora_alpha") != 4 or bool(options.get("alpha_pattern"))


def cause(options: Options, name: str, pattern: str, expected: float) -> str:
    """Which option decides over a rank or an alpha."""
    if options.get(pattern):
        return f"{pattern} sets it for single layers"
    if name == "lora_alpha" and given(options, "use_rslora") and given(options, "r") != 1:
        return "use_rslora divides by the square root of r"
    if given(options, "r") == 4 and given(options, "lora_alpha") == 1:
        return "r and lora_alpha are exchanged"
    return shown(options, name)


def values(numbers: Set[float | None]) -> str:
    """The numbers in order."""
    return listed([f"{n:g}" for n in sorted(n for n in numbers if n is not None)]) or "unknown"


def trained_words(trained: Set[str], expected: Set[str], options: Options) -> str:
    """What trains beside A, B and the two biases, or does not."""
    missing, extra = expected - trained, trained - expected
    words = [missing_words(missing, options)] if missing else []
    return "; ".join([*words, *([extra_words(extra, options)] if extra else [])])


def missing_words(missing: Set[str], options: Options) -> str:
    """Parameters of the adapted layers that are frozen."""
    if any("lora_" in name for name in missing):
        reason = "inference_mode=True freezes it" if options.get("inference_mode") is True else ""
        return f"LoRA's matrices should train, but are frozen{reason and f': {reason}'}"
    return f"the biases of the adapted layers should train, but are frozen: {shown(options, 'bias')}"


def extra_words(extra: Set[str], options: Options) -> str:
    """Parameters that train in excess, with the option that makes them."""
    kinds = [(words, {n for n in extra if re.search(pattern, n)}) for pattern, words in EXTRA]
    rest = extra - {name for _, names in kinds for name in names}
    told = [words for words, names in kinds if names]
    if rest:
        told.append("bias='all' trains every bias of the model" if is_every_bias(rest, options) else "")
    what = f"{len(extra)} parameter{'s' * (len(extra) != 1)} too many train{'s' * (len(extra) == 1)}"
    first = sorted(extra)[0].removeprefix("base_model.model.")
    return f"{what}: {listed(told)}" if all(told) else f"{what}, e.g. `{first}`"


def is_every_bias(names: Set[str], options: Options) -> bool:
    """Whether these are biases that the option `bias` switched on."""
    return given(options, "bias") == "all" and all(name.endswith("bias") for name in names)


EXTRA = (
    (r"lora_[AB]\.default\.bias$", "lora_bias=True adds a bias inside of LoRA"),
    (r"lora_magnitude_vector", "use_dora=True trains a magnitude too; that is another method"),
    (r"token_adapter|trainable_tokens", "trainable_token_indices trains rows of the embeddings"),
    (r"modules_to_save", "modules_to_save lists them"),
    (r"lora_embedding", "the embeddings are among the targets"),
)
"""Names of additional parameters -> the option that adds them."""


def nature_words(layers: list[Layer], options: Options) -> str:
    """Dropout, or a start that is not LoRA's."""
    dropouts = {layer.dropout for layer in layers}
    words = [f"lora_dropout must be 0, it is {values(dropouts)}"] if dropouts != {0} else []
    if not all(layer.starts_at_zero for layer in layers):
        words.append(f"B does not start at zero: {shown(options, 'init_lora_weights')}; keep PEFT's own start")
    return "; ".join(words)


def other_words(options: Options) -> str:
    """Options that nobody asked for, where the layers compute something else."""
    other = [name for name in options if name not in EXPECTED]
    return f" ({listed([shown(options, name) for name in sorted(other)])})" if len(other) == 1 else ""


def repeated_words(first: Observation, again: Observation) -> str:
    """A second call that does not say the same as the first."""
    if first.values == again.values:
        return ""
    keys = sorted(key for key in {**first.values, **again.values} if first.values.get(key) != again.values.get(key))
    changed = listed([f"`{key}`" for key in keys])
    return f"the second call of make_lora_config gives another configuration, in {changed}: what stays from the first?"

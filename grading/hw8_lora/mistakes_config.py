"""The catalogue of mistakes in TODO 7: which option of the configuration brings about what was observed. Never shipped.

The options are read from the configuration itself, so that a cause is named with the value that the student wrote.
"""

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

from autograder.models import Observation

from . import inputs
from .naming import in_words, listed

Options = Mapping[str, Any]
"""The options that are not PEFT's defaults, as the probe reported them."""

DEFAULTS = {"r": 8, "lora_alpha": 8, "lora_dropout": 0.0, "bias": "none", "task_type": None, "init_lora_weights": True}
BIAS_WORDS = ("none", "all", "lora_only")
WRITING = ("CAUSAL_LM", "SEQ_2_SEQ_LM")
EXPECTED = frozenset(
    ("r", "lora_alpha", "lora_dropout", "bias", "target_modules", "layers_to_transform", "layers_pattern", "task_type",
     "fan_in_fan_out", "inference_mode", "modules_to_save", "exclude_modules", "base_model_name_or_path", "peft_type")
)  # fmt: skip
"""Options that a right configuration may set, or that have words of their own."""


def given(options: Options, name: str) -> Any:
    """The value of an option, PEFT's default where it was not set."""
    return options.get(name, DEFAULTS.get(name))


def shown(options: Options, name: str) -> str:
    """ "r=8, PEFT's default", for the feedback."""
    return f"{name}={quoted(given(options, name))}{'' if name in options else ', which is the default of PEFT'}"


def quoted(value: Any) -> str:
    """A value as Python writes it, shortened."""
    if isinstance(value, list):
        return f"[{', '.join(quoted(item) for item in value)}]"[:120]
    return f"'{value}'" if isinstance(value, str) else str(value)


# --- what was returned, and what PEFT refuses --------------------------------------------------------------


RETURNED = {
    "NoneType": "it returned nothing: is there a `return`?",
    "dict": "it returned a dict: put its entries into LoraConfig(...)",
    "type": "it returned a class: call it, LoraConfig(...)",
    "tuple": "it returned a tuple: is there a comma behind the closing bracket?",
    "list": "it returned a list",
    "set": "it returned a set",
    "str": "it returned a text",
    "function": "it returned a function",
}
"""The class of what was returned -> what that means."""


def returned_words(kind: str, options: Options) -> str:
    """What is wrong with an answer that is no plain LoraConfig; "" when it is one."""
    method = str(options.get("peft_type", "LORA"))
    if method != "LORA":
        return f"make_lora_config returned {kind}, which is another method; return a LoraConfig"
    return ""


def not_a_config(kind: str) -> str:
    """What it means that something else was returned."""
    if kind in RETURNED:
        return f"make_lora_config must return a LoraConfig, but {RETURNED[kind]}"
    if kind.endswith("Config"):
        return f"make_lora_config returned {kind}, which is another method; return a LoraConfig"
    if kind.startswith("PeftModel") or kind.endswith("Classification"):
        return f"make_lora_config must return a LoraConfig, but it returned a model, {kind}"
    return f"make_lora_config must return a LoraConfig, but it returned a {kind}"


def refusal_words(options: Options) -> str:
    """Why PEFT takes a configuration for no model of this kind, if exactly one option explains it; else ""."""
    found = [words for words in (rule(options) for rule in REFUSALS) if words]
    return found[0] if len(found) == 1 else ""


def says_rank_and_alpha(options: Options) -> bool:
    """Whether a configuration that PEFT refuses says r = 1 and alpha = 4, in whatever type: what else is wrong with it
    is paid for elsewhere.
    """
    patterns = options.get("rank_pattern"), options.get("alpha_pattern")
    return not any(patterns) and (number(given(options, "r")), number(given(options, "lora_alpha"))) == (1, 4)


def number(value: Any) -> float | None:
    """The number that a value is or, as a text, writes down."""
    try:
        return float(value) if isinstance(value, str | int | float) else None
    except ValueError:
        return None


def refused_bias(options: Options) -> str:
    bias = given(options, "bias")
    known = f"`bias` knows three words, 'none', 'all' and 'lora_only'; {shown(options, 'bias')}"
    return "" if bias in BIAS_WORDS else known


def refused_task(options: Options) -> str:
    task = given(options, "task_type")
    return f"task_type={quoted(task)} is for models that write text; this one classifies" if task in WRITING else ""


def refused_start(options: Options) -> str:
    start = given(options, "init_lora_weights")
    known = isinstance(start, bool) or start is None or start == "gaussian"
    return "" if known else f"init_lora_weights={quoted(start)}: keep PEFT's own start"


def refused_number(options: Options) -> str:
    for name in ("r", "lora_alpha", "lora_dropout"):
        value = given(options, name)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0 or (name == "r" and value < 1):
            return f"{name}={quoted(value)} is no number that it can be{unquote(value)}"
    rank = given(options, "r")
    return f"r={quoted(rank)} must be a whole number" if isinstance(rank, float) else ""


def unquote(value: Any) -> str:
    """What helps where a number was written as a text."""
    return ": leave out the quotation marks" if isinstance(value, str) and number(value) is not None else ""


def refused_targets(options: Options) -> str:
    """Names of no module that PEFT can adapt."""
    targets, layers = given(options, "target_modules"), given(options, "layers_to_transform")
    if isinstance(targets, str):
        if layers is not None:
            return "layers_to_transform goes with a list of names; a string is a pattern for the whole name"
        found = [name for name in module_names() if re.fullmatch(safe(targets), name)]
        return "" if found else "a string in target_modules is a pattern for the whole name, from its first letter"
    names = [name for name in targets if isinstance(name, str)] if isinstance(targets, list) else []
    matched = {name for name in module_names() for target in names if name == target or name.endswith(f".{target}")}
    if targets == []:
        return "target_modules is empty"
    if targets is not None and not matched:
        return unmatched_words(names)
    blocks = [n for n in matched if n.endswith((".attn", ".mlp")) or re.fullmatch(r"transformer(\.h(\.\d+)?)?", n)]
    if blocks:
        return f"LoRA replaces single linear layers: name `c_attn` inside of {listed(sorted(blocks))}"
    norms = [name for name in matched if "ln_" in name]
    if norms:
        return f"LoRA replaces linear layers, and {listed(sorted(norms))} is none"
    return refused_layers(layers, options)


def unmatched_words(names: list[str]) -> str:
    """Why no name of a list is one of a module."""
    patterns = [name for name in names if re.search(r"[\\*\[\](){}|^$?+]", name)]
    if patterns:
        return f"names in a list are taken literally, not as patterns: {quoted(patterns)}"
    if all(name.endswith((".weight", ".bias")) for name in names) and names:
        return f"target_modules names modules, not parameters: {quoted(names)}"
    if any(name.startswith(("base_model.", "model.")) for name in names):
        return f"target_modules names modules of the model before PEFT puts a prefix before them: {quoted(names)}"
    return f"no module has a name that is, or ends in, {quoted(names)}"


def refused_layers(layers: Any, options: Options) -> str:
    numbers = layers if isinstance(layers, list) else [] if layers is None else [layers]
    if options.get("layers_pattern") not in (None, "h", ["h"], []):
        return f"the blocks are in `transformer.h`, so {shown(options, 'layers_pattern')} finds none"
    if numbers and not any(isinstance(n, int) and 0 <= n < inputs.LAYERS for n in numbers):
        return f"layers_to_transform counts blocks from 0 to 11 and knows no negative numbers; it is {quoted(layers)}"
    return ""


def refused_twice(options: Options) -> str:
    saved = options.get("modules_to_save")
    twice = isinstance(saved, list) and any(str(name).endswith(("c_attn", "attn")) for name in saved)
    return "a module is either adapted or saved whole: c_attn is in modules_to_save too" if twice else ""


def refused_exclusion(options: Options) -> str:
    excluded = options.get("exclude_modules")
    return f"exclude_modules={quoted(excluded)} takes every target out again" if excluded else ""


REFUSALS = (
    refused_bias, refused_task, refused_start, refused_number, refused_targets, refused_twice, refused_exclusion,
)  # fmt: skip
"""Known reasons, one function each: options -> words, or "" where it is not this."""


def module_names() -> list[str]:
    """The names of the model's modules."""
    names = {""}
    for parameter in inputs.gpt2_shapes(inputs.HEADS):
        parts = parameter.split(".")[:-1]
        names |= {".".join(parts[: i + 1]) for i in range(len(parts))}
    return sorted(names - {""})


def safe(pattern: str) -> str:
    """The pattern, or one that matches nothing where it is none."""
    try:
        re.compile(pattern)
    except re.error:
        return r"(?!)"
    return pattern if len(pattern) < 100 and not re.search(r"[*+}]\)?[*+{]", pattern) else r"(?!)"


# --- what a model with it shows ----------------------------------------------------------------------------


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

"""The catalogue of mistakes in TODO 7, first half: what is no LoraConfig, and what PEFT refuses. Never shipped.

The options are read from the configuration itself, so that a cause is named with the value that the student wrote.
"""

import re
from typing import Any

from . import inputs
from .naming import listed
from .options import Options, given, quoted, shown

BIAS_WORDS = ("none", "all", "lora_only")
WRITING = ("CAUSAL_LM", "SEQ_2_SEQ_LM")

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

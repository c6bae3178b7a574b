"""The options of a configuration of TODO 7, and how they are told. Never shipped."""

from collections.abc import Mapping
from typing import Any

Options = Mapping[str, Any]
"""The options that are not PEFT's defaults, as the probe reported them."""

DEFAULTS = {"r": 8, "lora_alpha": 8, "lora_dropout": 0.0, "bias": "none", "task_type": None, "init_lora_weights": True}


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

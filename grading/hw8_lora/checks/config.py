"""Checks of TODO 7 and 8: what the configuration does to a model, and what is unfrozen then."""

import warnings
import zlib
from collections.abc import Callable
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch import nn

from .inject import PLACES_CHECKSUMS
from .say import call, first_for, require, short_list
from .small import check_untouched, small_model, snapshot, trainable_names, trainable_size

ADDED = {
    r"bias$": "`bias` has a value that takes more than the biases beside LoRA",
    r"magnitude": "They belong to DoRA (use_dora)",
    r"modules_to_save": "They are listed in modules_to_save",
    r"": "Which option of the configuration adds them?",
}
"""A pattern of what trains beyond LoRA -> which option adds it."""
PREFIX = "base_model.model."
Layers = dict[str, Any]


def peft_model(todo: int, model: Any, config: Any) -> Any:
    """The model that PEFT makes, without its remark about Conv1D."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call(todo, get_peft_model, model, config)


def lora_layers(model: Any) -> Layers:
    """{name in GPT-2: layer} of the layers that PEFT replaced by ordinary LoRA, whose matrices are modules."""
    return {name.removeprefix(PREFIX): m for name, m in model.named_modules()
            if isinstance(getattr(m, "lora_A", None), nn.ModuleDict) and "default" in m.lora_A}  # fmt: skip


def is_head(name: str) -> bool:
    """Whether a parameter belongs to the head: PEFT adds a prefix and may keep two copies."""
    return name.startswith(f"{PREFIX}score")


def check_config(function: Callable[..., Any]) -> None:
    """Check the configuration by what PEFT makes of it."""
    config = call(7, function)
    require(config is not None, "TODO 7: nothing was returned; return the configuration")
    require(isinstance(config, LoraConfig), f"TODO 7: expected a LoraConfig, got {type(config).__name__}")
    require(type(config).__name__ == "LoraConfig", f"TODO 7: {type(config).__name__} makes another kind of adapter; "
            "expected a LoraConfig")  # fmt: skip
    torch.manual_seed(7)
    tokens, plain = torch.tensor([[5, 6, 7]]), small_model()
    with torch.no_grad():
        logits = plain(input_ids=tokens).logits
    model = peft_model(7, plain, config).eval()
    layers = lora_layers(model)
    check_targets(layers)
    for name, layer in layers.items():
        check_layer(name, layer, config)
    check_trained(model, layers)
    with torch.no_grad():
        found = call(7, model, input_ids=tokens).logits
    same = found.shape == logits.shape and torch.allclose(found, logits, atol=1e-6)
    require(same, "TODO 7: the logits changed at injection; keep PEFT's own start, with B = 0")


def check_targets(layers: Layers) -> None:
    """Require LoRA in the right two layers and nowhere else."""
    right = {zlib.crc32(name.encode()) for name in layers} == PLACES_CHECKSUMS
    require(right, f"TODO 7: LoRA went into {len(layers)} module{'s' * (len(layers) != 1)} ({short_list(layers)}); "
            "expected c_attn of the last two blocks, numbered from 0, and nothing else")  # fmt: skip


def check_layer(name: str, layer: Any, config: LoraConfig) -> None:
    """Require rank 1, scaling 4, no dropout and the usual start in one LoRA layer."""
    r, scaling = layer.r["default"], layer.scaling["default"]
    origin = origin_of(config.r, r, config.rank_pattern)
    require(r == 1, f"TODO 7: {name}: the rank is {r}{origin}, expected 1")
    origin = origin_of(config.lora_alpha, scaling, config.alpha_pattern)
    require(scaling == 4, f"TODO 7: {name}: the scaling alpha/r is {scaling:g}{origin}, expected 4 (r=1, lora_alpha=4)")
    dropout = getattr(layer.lora_dropout["default"], "p", 0)
    require(dropout == 0, f"TODO 7: {name}: dropout is {dropout:g}, expected none")
    require(not layer.lora_B["default"].weight.any(), f"TODO 7: {name}: B is not zero, so the model changes at "
            "injection; keep PEFT's own start (init_lora_weights)")  # fmt: skip


def origin_of(option: Any, found: float, pattern: Any) -> str:
    """Where a wrong rank or alpha comes from, if the configuration tells, in brackets."""
    if found != option:
        return " (a pattern sets it for single layers)" if pattern else ""
    return {8: " (PEFT's default)", 4: " (are r and lora_alpha swapped?)"}.get(int(found), "")


def check_trained(model: Any, targets: Layers) -> None:
    """Require that A, B and the biases of the targets train and nothing else but, perhaps, the head."""
    ends = ("lora_A.default.weight", "lora_B.default.weight", "base_layer.bias")
    right = {f"{PREFIX}{name}.{end}" for name in targets for end in ends}
    got = {name for name in trainable_names(model) if not is_head(name)}
    missing, extra = sorted(right - got), sorted(got - right)
    for_bias = missing and "bias" in missing[0]
    clue = "Look at the option `bias`" if for_bias else "Is the configuration one for inference?"
    require(not missing, f"TODO 7: these should train but are frozen: {missing[:2]}. {clue}")
    require(not extra, f"TODO 7: these should be frozen but train: {extra[:2]} ({len(extra)} in all). "
            + first_for(extra, ADDED))  # fmt: skip


def check_head(function: Callable[..., Any]) -> int:
    """How many parameters train after train_head, once it is clear that it unfroze the head alone."""
    model = own_model(function)
    before, values = trainable_names(model), snapshot(model)
    call(8, function, model)
    check_toggled(model, before, trainable_names(model))
    check_untouched(8, model, values)
    return trainable_size(model)


def own_model(function: Any) -> Any:
    """A model of the student's own configuration, or of a plain one while TODO 7 doesn't work."""
    make = getattr(function, "__globals__", {}).get("make_lora_config")
    try:
        model = peft_model(7, small_model(), make())  # type: ignore[misc]
        with torch.no_grad():
            model(input_ids=torch.tensor([[5, 6, 7]]))
        if lora_layers(model):
            return model
    except Exception:
        pass  # what is wrong with it, TODO 7 says
    plain = LoraConfig(r=1, lora_alpha=4, target_modules=["c_attn"], layers_to_transform=[10, 11], bias="lora_only",
                       fan_in_fan_out=True)  # fmt: skip
    return peft_model(8, small_model(), plain)


def check_toggled(model: Any, before: set[str], after: set[str]) -> None:
    """Compare what trains before and after train_head."""
    gone = before - {name for name, _ in model.named_parameters()}
    require(not gone, "TODO 8: LoRA is no longer in the model: it was merged, unloaded or replaced; only requires_grad "
            "may change")  # fmt: skip
    frozen, freed = sorted(before - after), sorted(n for n in after - before if not is_head(n))
    require(not frozen, f"TODO 8: it froze {short_list(frozen)}, which TODO 7 had made trainable; only add the head")
    backup = [name for name in after if "original_module" in name]
    require(not backup, "TODO 8: the frozen backup copy score.original_module was unfrozen too (2 x 768 = 1,536 "
            "parameters too many for GPT-2): select only the active head")  # fmt: skip
    require(not freed, f"TODO 8: it must only touch the head, but it also unfroze {short_list(freed)}")
    head = [n for n in model.state_dict() if is_head(n) and "lora_" not in n and "original_module" not in n]
    require(head, "TODO 8: the classification head disappeared from the model; only requires_grad may change")
    require(set(head) <= after, f"TODO 8: the classification head is still frozen: its parameter is now called "
            f"{head[0]}. Is it requires_grad, spelled so, and of the parameter, not of the module? modules_to_save "
            "ignores names that don't exist")  # fmt: skip

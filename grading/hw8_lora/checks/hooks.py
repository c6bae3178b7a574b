"""Which hooks are registered on a module: PyTorch tells it nowhere but in private parts of torch 2.13."""

from typing import Any


def forward_hooks(module: Any) -> list[Any]:
    """The forward hooks."""
    return [*module._forward_hooks.values()]


def has_pre_hooks(module: Any) -> bool:
    """Whether a hook runs before the module."""
    return bool(module._forward_pre_hooks)


def hook_counts(model: Any) -> list[int]:
    """How many forward hooks each module of a model has."""
    return [len(forward_hooks(module)) for module in model.modules()]


def hooks_left(model: Any) -> bool:
    """Whether any module of a model has a forward hook."""
    return any(hook_counts(model))

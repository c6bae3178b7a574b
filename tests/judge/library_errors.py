"""Mistakes that raise inside of PyTorch, Transformers and PEFT; run as a script, the texts as JSON, with the versions.

``library_errors_oldest.json`` was recorded so with the oldest versions that the homework allows.
"""

import contextlib
import importlib.metadata
import json
import sysconfig
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from torch.nn import functional
from transformers import GPT2Config, GPT2ForSequenceClassification
from transformers.pytorch_utils import Conv1D

TARGETS = ["h.10.attn.c_attn", "h.11.attn.c_attn"]
ONES = torch.ones


def model() -> Any:
    """A small classifier of the homework's kind."""
    options = {"vocab_size": 9, "n_positions": 8, "n_embd": 12, "n_layer": 12, "n_head": 2, "num_labels": 2}
    return GPT2ForSequenceClassification(GPT2Config(**options, bos_token_id=0, eos_token_id=0, pad_token_id=8))


def adapted(**options: Any) -> Any:
    """PEFT's model of it, with these options."""
    return get_peft_model(model(), LoraConfig(**({"r": 1, "lora_alpha": 4, "target_modules": TARGETS} | options)))


def in_place_on_a_leaf() -> None:
    leaf = ONES(2, requires_grad=True)
    leaf += 1


def backward_twice() -> None:
    loss = (ONES(1, requires_grad=True) ** 2).sum()
    loss.backward()
    loss.backward()


ERRORS: dict[str, tuple[Callable[[], Any], str]] = {
    "matmul": (lambda: ONES(3, 7) @ ONES(5, 9), "mat1 and mat2 shapes cannot be multiplied (…x… and …x…)"),
    "linear": (lambda: functional.linear(ONES(3, 7), ONES(5, 9)), "mat1 and mat2 shapes cannot be multiplied"),
    "Conv1D": (lambda: Conv1D(4, 3)(ONES(2, 5)), "mat1 and mat2 shapes cannot be multiplied (…x… and …x…)"),
    "add": (lambda: ONES(3, 7) + ONES(5, 9), "The size of tensor a (…) must match the size of tensor b (…)"),
    "view": (lambda: ONES(3, 4).view(5, 2), "shape '…' is invalid for input of size …"),
    "view of a transpose": (lambda: ONES(3, 4).t().view(12), "view size is not compatible with input tensor's size"),
    "in place on a leaf": (in_place_on_a_leaf, "a leaf Variable that requires grad is being used in an in-place"),
    "dtype": (lambda: ONES(2, 2) @ ONES(2, 2).double(), "have the same dtype, but got: float != double"),
    "CUDA": (lambda: ONES(1).cuda(), "Torch not compiled with CUDA enabled"),
    "embedding index": (lambda: nn.Embedding(3, 2)(torch.tensor([7])), "index out of range in self"),
    "embedding dtype": (lambda: nn.Embedding(3, 2)(ONES(1)), "Long, Int; but got torch.FloatTensor instead"),
    "attribute of a module": (lambda: Conv1D(4, 3).in_features, "'Conv1D' object has no attribute 'in_features'"),
    "attribute of a model": (lambda: model().h, "'GPT2ForSequenceClassification' object has no attribute 'h'"),
    "attribute of a tensor": (lambda: ONES(1).in_features, "'Tensor' object has no attribute 'in_features'"),
    "submodule": (lambda: model().get_submodule("transformer.layers"), "GPT2Model has no attribute `layers`"),
    "tensor as parameter": (
        lambda: setattr(Conv1D(4, 3), "weight", ONES(3, 4)),
        "cannot assign 'torch.FloatTensor' as parameter 'weight' (torch.nn.Parameter or None expected)",
    ),
    "requires_grad called": (lambda: ONES(1).requires_grad(True), "'bool' object is not callable"),
    "requires_grad text": (lambda: setattr(ONES(1), "requires_grad", "yes"), "requires_grad must be a bool"),
    "requires_grad of whole numbers": (
        lambda: setattr(torch.tensor([1]), "requires_grad", True),
        "only Tensors of floating point and complex dtype can require gradients",
    ),
    "key": (lambda: {}["score"], "'score'"),
    "block": (lambda: model().transformer.h[12], "index … is out of range"),
    "missing argument": (lambda: (lambda layer, r: r)(1), "missing … required positional argument: 'r'"),
    "too many arguments": (lambda: (lambda layer: layer)(1, 2), "takes … positional argument but … were given"),
    "option": (lambda: LoraConfig(rank=1), "LoraConfig.__init__() got an unexpected keyword argument 'rank'"),
    "no graph": (lambda: ONES(1).backward(), "element … of tensors does not require grad and does not have a grad_fn"),
    "backward twice": (backward_twice, "Trying to backward through the graph a second time"),
    "no scalar": (lambda: (ONES(2, requires_grad=True) * 2).backward(), "grad can be implicitly created only"),
    "truth": (lambda: bool(ONES(2)), "Boolean value of Tensor with more than one value is ambiguous"),
    "dimension": (lambda: ONES(2).sum(5), "Dimension out of range (expected to be in range of …, but got …)"),
    "kaiming": (lambda: nn.init.kaiming_uniform_(ONES(3)), "Fan in and fan out can not be computed"),
    "optimizer": (lambda: torch.optim.AdamW([]), "optimizer got an empty parameter list"),
    "name of a parameter": (lambda: nn.Module().register_parameter("a.b", None), "parameter name can't contain \".\""),
    "PEFT: no such module": (
        lambda: adapted(target_modules=["query"]),
        "Target modules {'query'} not found in the base model. Please check the target modules and try again.",
    ),
    "PEFT: no such block": (
        lambda: adapted(target_modules=["c_attn"], layers_to_transform=[-2, -1]), "not found in the base model. Please check"
    ),
    "PEFT: bias": (lambda: adapted(bias="lora"), "Requested bias: lora, is not implemented."),
    "PEFT: kind of module": (
        lambda: adapted(target_modules=["h.10.attn"]),
        "is not supported. Currently, only the following modules are supported: `torch.nn.Linear`",
    ),
    "PEFT: rank": (lambda: adapted(r=0), "`r` should be a positive integer value but the value passed is …"),
    "PEFT: pattern and blocks": (
        lambda: adapted(target_modules=".*c_attn", layers_to_transform=[1]),
        "`layers_to_transform` cannot be used when `target_modules` is a str.",
    ),
    "PEFT: task": (
        lambda: adapted(task_type="CAUSAL_LM"),
        "'GPT2ForSequenceClassification' object has no attribute 'prepare_inputs_for_generation'",
    ),
    "PEFT: start": (lambda: adapted(init_lora_weights="kaiming"), "Unknown initialization init_lora_weights="),
    "PEFT: dictionary": (lambda: get_peft_model(model(), {"r": 1}), "'dict' object has no attribute 'base_model_name_or_path'"),
}  # fmt: skip
"""Name -> (a call that raises, words of it that must be told)."""

SOURCE = """LoraConfig(rank=1, r=1, target_modules=["query", "h.10.attn", "c_attn"], bias="lora"); layer.in_features; "score"
model.h; model.transformer.layers; "weight"; {"base_model_name_or_path": 1}; def attach_lora(layer, r): pass"""
"""A notebook in which these mistakes are made."""


def raised(call: Callable[[], Any]) -> BaseException:
    """What the call raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            call()
        except Exception as error:
            return error
    raise AssertionError("nothing was raised")


def row(error: BaseException) -> dict[str, Any]:
    """The exception as a probe describes it, in plain Python for old versions too."""
    last = traceback.extract_tb(error.__traceback__)[-1].filename
    folder = sysconfig.get_path("purelib")
    file = last[len(folder) + 1 :] if last.startswith(folder) else ""
    library = file.partition("/")[0] or "compiled code"
    return {
        "type": type(error).__name__,
        "message": str(error)[:1000],
        "frames": [],
        "library": library,
        "raised_in": file,
    }


def recorded() -> dict[str, Any]:
    """The descriptions of all that raise; an old version lets one or another pass."""
    rows = {}
    for name, (call, _) in ERRORS.items():
        with contextlib.suppress(AssertionError):
            rows[name] = row(raised(call))
    return rows


if __name__ == "__main__":
    versions = {name: importlib.metadata.version(name) for name in ("torch", "transformers", "peft")}
    print(json.dumps({"versions": versions, "errors": recorded()}, indent=1))

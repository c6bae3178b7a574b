"""HW 8 for the autograder: its sizes, the libraries it is made of, and what feedback may repeat."""

from autograder.assignment import Declaration, Profile

DECLARATION = Declaration(
    profiles={
        "smoke": Profile(environment={"HW8_PROFILE": "smoke"}),
        "tiny": Profile(environment={"HW8_PROFILE": "tiny"}),
        "full": Profile(environment={"HW8_PROFILE": "full"}, offline=False),
    },
    imports=(
        "numpy", "torch", "datasets", "transformers.models.gpt2.modeling_gpt2",
        "transformers.models.gpt2.tokenization_gpt2", "peft.tuners.lora",
    ),
    functions_of=(
        "safetensors.torch", "torch", "torch.nn", "torch.nn.functional", "torch.nn.init", "torch.nn.modules.module",
        "torch.nn.parameter", "transformers.models.gpt2.modeling_gpt2", "transformers.pytorch_utils",
        "peft.mapping_func", "peft.tuners.lora.config", "peft.tuners.lora.layer", "peft.tuners.lora.model",
        "peft.tuners.tuners_utils",
    ),
    classes_of=(
        "torch.autograd.grad_mode", "torch.utils._contextlib", "torch.nn.parameter", "torch.nn.modules.module",
        "torch.nn.modules.container", "torch.nn.modules.linear", "torch.nn.modules.sparse",
        "torch.nn.modules.normalization", "torch.nn.modules.dropout", "transformers.activations",
        "transformers.pytorch_utils", "transformers.models.gpt2.modeling_gpt2", "transformers.modeling_utils",
        "peft.peft_model", "peft.config", "peft.tuners.lora.config", "peft.tuners.lora.layer",
        "peft.tuners.lora.model", "peft.tuners.tuners_utils", "peft.utils.other",
    ),
    modules={"check": "checks", "hw8": "lab"},
    packages=("torch", "transformers", "peft", "datasets"),
    public=(
        "TODO {n}", "the hook returned a {name}; return a tensor, or change `output` in place",
        # PEFT, where other versions raise it in another file.
        "Requested bias: {name}, is not implemented.",
    ),
    public_names=(
        "transformers", "Conv1D", "GPT2Attention", "GPT2Block", "GPT2MLP", "GPT2Model", "GPT2ForSequenceClassification",
        "peft", "LoraConfig", "LoraLayer", "LoraModel", "PeftConfig", "PeftModel", "PeftModelForSequenceClassification",
        "PeftType", "prepare_inputs_for_generation",
    ),
    changing=(
        "transformers", "peft", "datasets", "accelerate", "evaluate", "huggingface_hub", "tokenizers", "bitsandbytes",
        "google", "trl",
    ),
)  # fmt: skip

"""HW 8 for the autograder: its sizes, the libraries it is made of, and what feedback may repeat."""

from autograder.assignment import Declaration, Pinned, Profile

GIB = 1024**3

GPT2 = Pinned(
    repo="gpt2",
    revision="607a30d783dfa663caf39e06633721c8d4cfcd7e",
    files={
        "config.json": "0daed7749b4f02b8f76240d5444551d7b08712dab4d0adb8239c56ba823bb7b4",
        "merges.txt": "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
        "model.safetensors": "248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707",
        "tokenizer.json": "8414cab924d8b9b33013f0d221c5862f365ee9be39c5c2bfae8a5a9e970478a6",
        "tokenizer_config.json": "5e04eb606e3a1583530a42e36c2a6b6615c86f34fe77e44d9ddeb43ff940931f",
        "vocab.json": "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
    },
)
SST2 = Pinned(
    repo="nyu-mll/glue",
    kind="dataset",
    config="sst2",
    revision="bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c",
    files={
        "sst2/train-00000-of-00001.parquet": "66a253e67968acfabcbe49dbe9da964b42ac1c851c40ab760e8c8942efdb3229",
        "sst2/validation-00000-of-00001.parquet": "a1371f3b3a7b0bcefa8388799a9359dc3ce76c349cc0079507a7991364fd2a9b",
    },
    splits={
        "train": "sst2/train-00000-of-00001.parquet",
        "validation": "sst2/validation-00000-of-00001.parquet",
    },
)
FULL = Profile(
    environment={"HW8_PROFILE": "full"},
    pinned=(GPT2, SST2),
    gpu=True,
    gpu_free_bytes=4 * GIB,
    packages={"torch": "2.4", "transformers": "4.47", "datasets": "3.0", "peft": "0.15"},
    # Every cell by itself: a block of cells that takes long is run again cell by cell, and would train twice.
    deadlines={"block_s": 0, "cell_s": 3600, "probe_s": 60, "submission_s": 4 * 3600, "waiting_s": 1800},
    limits={
        "cpu_s": 16 * 3600, "memory_bytes": 16 * GIB, "file_bytes": 2 * GIB, "disk_bytes": 4 * GIB, "processes": 1024,
    },
    once=("train_head_only", "train_attention", "train_lora", "train_peft", "remember_run"),
    threads=4,
    measured="curves",
    # The first version's solution reached 0.88, 0.86 and 0.85.
    at_least={"attention validation": 0.80, "lora validation": 0.78, "peft validation": 0.78},
)  # fmt: skip

DECLARATION = Declaration(
    profiles={
        "smoke": Profile(environment={"HW8_PROFILE": "smoke"}),
        "tiny": Profile(environment={"HW8_PROFILE": "tiny"}),
        "full": FULL,
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

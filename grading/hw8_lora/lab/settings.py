"""The three sizes in which the notebook runs, chosen by the variable HW8_PROFILE when this is first used."""

import functools
import os
import warnings
from pathlib import Path

import torch
import transformers

PROFILE = os.environ.get("HW8_PROFILE", "full")
if PROFILE not in ("full", "tiny", "smoke"):
    raise ValueError(f"HW8_PROFILE is {PROFILE!r}; choose 'full', 'tiny' or 'smoke', then restart the kernel")
SEED = 8
SMOKE = PROFILE == "smoke"
"""Whether the checks alone run."""
EPOCHS = 4 if PROFILE == "tiny" else 3
BATCH_SIZE = 32
MAX_TOKENS = 128
RESULTS = Path(os.environ.get("HW8_RESULTS_DIR", "results"))
"""Where finished runs are kept: in Colab perhaps a folder of the student's Drive."""
TINY = Path(os.environ.get("HW8_TINY_DIR", "tiny"))
MODEL = "gpt2" if PROFILE == "full" else str(TINY.resolve())
RATES = {"head": 1e-3, "attention": 1e-4, "lora": 1e-3}
"""About how far AdamW moves a number in one step. Weights of a narrower model are larger, and so are their steps."""
if PROFILE == "tiny":
    RATES = {"head": 2e-2, "attention": 2e-3, "lora": 5e-3}
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def start() -> None:
    """Prepare this process for the chosen size, and print which it is; FileNotFoundError where tiny/ is missing."""
    if PROFILE == "tiny" and not (TINY / "model.safetensors").exists():
        raise FileNotFoundError(f"{TINY.resolve()} has no model: copy the folder tiny/ of the release beside this "
                                "notebook (in Colab: upload it), or use the profile 'full'")  # fmt: skip
    if not SMOKE:
        make_results_folder()
        transformers.logging.set_verbosity_error()  # "weights newly initialized"
        transformers.logging.disable_progress_bar()
    if PROFILE != "full":
        torch.set_num_threads(1)  # small models gain nothing from more
    warnings.filterwarnings("ignore", message=".*gradient_checkpointing.*")  # PEFT still uses this older name
    torch.manual_seed(SEED)
    print(f"profile {PROFILE}: {EPOCHS} epochs, batches of {BATCH_SIZE}, on {device_name()}")


def make_results_folder() -> None:
    """Make the folder for finished runs; FileNotFoundError, with what to do in Colab, where nothing can hold it."""
    if not RESULTS.resolve().parent.exists():
        raise FileNotFoundError(f"{RESULTS.resolve().parent} is not there: in Colab, open Files at the left and choose "
                                "Mount Drive; or set HW8_RESULTS_DIR to another folder, and restart")  # fmt: skip
    RESULTS.mkdir(exist_ok=True)


def device_name() -> str:
    """What computes."""
    return torch.cuda.get_device_name() if DEVICE.type == "cuda" else "cpu"


@functools.cache
def half() -> torch.dtype | None:
    """The 16-bit type that this device computes fast in, or None."""
    if DEVICE.type == "cuda":
        return torch.bfloat16 if torch.cuda.get_device_capability()[0] >= 8 else torch.float16
    cpu = Path("/proc/cpuinfo")
    fast = PROFILE == "full" and cpu.exists() and "avx512_bf16" in cpu.read_text()
    return torch.bfloat16 if fast else None


def autocast() -> torch.autocast:
    """The context in which the forward pass runs in 16 bits where that helps."""
    return torch.autocast(DEVICE.type, dtype=half() or torch.bfloat16, enabled=half() is not None)

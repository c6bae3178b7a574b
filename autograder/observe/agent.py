"""The probe agent: runs in the student's kernel, where nothing can be trusted and nothing secret may be.

It imports nothing of the package: channel.py sends this file's code into the kernel before the first cell. It
answers ``probe_request`` messages on the shell channel itself, so a probe passes through no ``run_cell``, input
transformer or display hook that a submission may have replaced.
"""

import contextlib
import io
import json
import marshal
import sys
import traceback
import types
from typing import Any

import torch
from safetensors.torch import save


class Agent:
    """Runs probes on request and sends back JSON and safetensors bytes."""

    def __init__(self, kernel: Any) -> None:
        self.kernel = kernel
        self.modules: dict[str, types.ModuleType] = {}

    def __call__(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        request = parent["content"]
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                report = self.probe(request, marshal.loads(parent["buffers"][0]))
        except KeyboardInterrupt:
            report = {"error": {"type": "Interrupted", "message": "", "frames": []}}
        except Exception as error:
            report = {"error": self.describe(error)}
        values, tensors = encode(report)
        content = {"nonce": request["nonce"], "todo": request["todo"]}
        buffers = [json.dumps(values).encode(), save(tensors) if tensors else b""]
        self.kernel.session.send(stream, "probe_reply", content, parent, ident=ident, buffers=buffers)

    def probe(self, request: dict[str, Any], code: dict[str, types.CodeType]) -> dict[str, Any]:
        self.preload(code["preload"])
        inputs = self.module("inputs", code["inputs"])
        probes = self.module("probes", code["probes"])
        namespace = self.kernel.shell.user_ns
        torch.manual_seed(request["seed"])
        result: dict[str, Any] = probes.PROBES[request["todo"]](namespace, inputs, request["seed"])
        return result

    def preload(self, code: types.CodeType) -> None:
        """Provide ``probe_preload``: what the zygote has as ``warm``, else made here."""
        warm = sys.modules.get("warm")
        if warm is not None and any(not name.startswith("_") for name in vars(warm)):
            sys.modules["probe_preload"] = warm
        else:
            self.module("preload", code)

    def module(self, name: str, code: types.CodeType) -> types.ModuleType:
        """The module that this code makes, made once."""
        if name not in self.modules:
            module = types.ModuleType(f"probe_{name}")
            # dataclasses look their own module up by name.
            sys.modules[module.__name__] = module
            exec(code, module.__dict__)
            self.modules[name] = module
        return self.modules[name]

    def describe(self, error: Exception) -> dict[str, Any]:
        """Type, message and the student's frames of what a probe raised."""
        frames = [f for f in traceback.extract_tb(error.__traceback__) if "ipykernel_" in f.filename]
        lines = [f"in {f.name}, line {f.lineno}: {f.line}" for f in frames[-5:]]
        return {"type": type(error).__name__, "message": str(error)[:1000], "frames": lines}


def encode(report: Any) -> tuple[Any, dict[str, torch.Tensor]]:
    """Split nested dicts into JSON values and named tensors; a tensor leaves {"tensor": its name} behind."""
    tensors: dict[str, torch.Tensor] = {}

    def split(value: Any, path: str) -> Any:
        if isinstance(value, torch.Tensor):
            tensors[path] = plain(value)
            return {"tensor": path}
        if isinstance(value, dict):
            return {str(k): split(v, f"{path}/{k}") for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [split(v, f"{path}/{i}") for i, v in enumerate(value)]
        return value if value is None or isinstance(value, bool | int | float | str) else repr(value)[:200]

    return split(report, ""), tensors


def plain(tensor: torch.Tensor) -> torch.Tensor:
    """A contiguous copy that shares no memory with anything (safetensors refuses shared storage)."""
    return tensor.detach().to("cpu").contiguous().clone()


def install(kernel: Any) -> None:
    """Answer ``probe_request`` messages in this kernel."""
    kernel.shell_handlers["probe_request"] = Agent(kernel)

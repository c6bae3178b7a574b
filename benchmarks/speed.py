"""How long what students and graders wait for takes, in seconds of one core, and what we promise.

    python benchmarks/speed.py                      about three minutes; exit status 1 when a promise is broken

Figures depend on the machine, so the tests assert none of them. The promises are for a machine on which stock
nbgrader takes ten seconds for a submission, with nothing else running.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "source" / "hw8_lora"
PROMISES = {
    "notebook in the profile tiny, s": 90.0,
    "notebook in the profile smoke without its imports, s": 1.0,
    "epoch with remembered blocks / without": 0.8,
    "reading a notebook with 30 MB of outputs, s": 2.0,
}


def notebook(profile: str) -> dict[str, float]:
    """Run the solution notebook in a process of its own: CPU seconds of all, of its imports, and of epochs."""
    variables = {"HW8_PROFILE": profile, "HW8_TINY_DIR": str(SOURCE / "tiny"), "HF_HUB_OFFLINE": "1"}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", __file__, "--cells"],
            env=os.environ | variables | {"OMP_NUM_THREADS": "1"},
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
        )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def run_cells() -> None:
    """Execute the cells here and print the figures as JSON; what a cell raises ends it."""
    names: dict[str, object] = {"__name__": "__main__"}
    figures = {}
    for cell in nbformat.read(SOURCE / "hw8_lora.ipynb", as_version=4).cells:
        if cell.cell_type == "code":
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(cell.source, cell["id"], "exec"), names)
        if cell["id"] == "setup":
            figures["imports_s"] = time.process_time()
    figures["all_s"] = time.process_time()
    runs = names.get("runs") or {}
    if isinstance(runs, dict) and "remembered" in runs:
        figures["ratio"] = min(runs["remembered"]["epoch_s"]) / min(runs["attention"]["epoch_s"])
    print(json.dumps(figures))


def reading() -> float:
    """CPU seconds to read a notebook whose saved outputs are 30 MB."""
    from autograder.submission.read import parse_cells

    output = {"data": {"image/png": "iVBORw0KGgo" * 1_000_000, "application/json": [[0.25, 0.5]] * 1_500_000}}
    data = json.dumps({"cells": [{"cell_type": "code", "source": "x = 1", "outputs": [output]}]}).encode()
    started = time.process_time()
    parse_cells(data)
    return time.process_time() - started


def figures() -> Iterator[float]:
    """One for each promise, in their order."""
    tiny, smoke = notebook("tiny"), notebook("smoke")
    yield tiny["all_s"]
    yield smoke["all_s"] - smoke["imports_s"]
    yield tiny["ratio"]
    yield reading()


def main() -> None:
    """Print figure and promise side by side."""
    broken = False
    print(f"{'':55s}{'measured':>10s}{'promised':>10s}")
    for (name, promise), figure in zip(PROMISES.items(), figures(), strict=True):
        broken |= figure > promise
        print(f"{name:55s}{figure:10.2f}{promise:10.2f}{'  BROKEN' if figure > promise else ''}")
    sys.exit(broken)


if __name__ == "__main__":
    run_cells() if sys.argv[1:] == ["--cells"] else main()

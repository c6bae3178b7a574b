"""The cell runner: runs blocks of cells in the student's kernel and collects what they print and show.

One request for a block instead of one for each cell, and outputs in the reply instead of a message for each: fewer
messages, and the host waits less. What it reports is shown to people, and can turn a zero into a question, never into
points. What of a student's cell is run below its first error is in rest.py.
"""

import bdb
import contextlib
import io
import json
import sys
from typing import Any

from jupyter_client.session import Session

from autograder.inside.hints import QuoteHints
from autograder.inside.quiet import say_no_status, without_input
from autograder.inside.rest import Rest

FAILURES_MAX = 40
"""Reported of one cell."""


class Outputs:
    """What one cell printed and showed, in order, as the rows of a notebook's ``outputs``."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.bytes = 0
        self.rows: list[dict[str, Any]] = []

    def text(self, name: str, text: str) -> None:
        """Add printed text."""
        if not self.fits(len(text)):
            return
        if self.rows and self.rows[-1].get("name") == name:
            self.rows[-1]["text"].append(text)
        else:
            self.rows.append({"output_type": "stream", "name": name, "text": [text]})

    def message(self, kind: str, content: dict[str, Any]) -> None:
        """Add what a message on the output channel would have carried."""
        if kind == "clear_output":
            self.rows.clear()
        elif kind in ("display_data", "execute_result", "error") and self.fits(len(repr(content))):
            self.rows.append({"output_type": kind, **content})

    def fits(self, size: int) -> bool:
        """Whether so many more bytes fit; the first time that they do not, a note says so."""
        was_full = self.bytes > self.max_bytes
        self.bytes += size
        if self.bytes > self.max_bytes and not was_full:
            note = f"[more than {self.max_bytes:,} bytes of output: the rest was dropped]\n"
            self.rows.append({"output_type": "stream", "name": "stderr", "text": [note]})
        return self.bytes <= self.max_bytes


class Collector(Session):
    """Stands in for the session of the output channel: what would be sent is kept."""

    runner: Any = None

    def send(self, stream: Any, msg_or_type: Any, content: Any = None, *args: Any, **kwargs: Any) -> Any:
        if isinstance(msg_or_type, dict):
            msg_or_type, content = msg_or_type["msg_type"], msg_or_type["content"]
        self.runner.outputs.message(msg_or_type, content)


class Printed(io.TextIOBase):
    """Standard output or error of the cell that is running."""

    encoding = "utf-8"

    def __init__(self, runner: Any, name: str) -> None:
        self.runner, self.name = runner, name

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self.runner.outputs.text(self.name, text)
        return len(text)


class Runner:
    """Answers ``cells_request``: runs the cells in order, each to its end or its error."""

    def __init__(self, kernel: Any) -> None:
        self.kernel = kernel
        self.outputs = Outputs(0)
        self.elsewhere: list[str] = []
        self.lost: set[str] = set()
        """Names that are not bound because their statement could not be run here."""
        self.given: set[str] = set()
        """Names that the instructor's cells bound."""
        shell = kernel.shell
        self.quote_hints = QuoteHints(self)
        # It sends nothing; without a key it would complain.
        collector = Collector(key=b"unused")
        collector.runner = self
        shell.displayhook.session = shell.display_pub.session = collector
        sys.stdout, sys.stderr = Printed(self, "stdout"), Printed(self, "stderr")
        say_no_status(kernel)
        # exit() and a restart after an installation would end the kernel a moment later, in somebody else's cell.
        shell.ask_exit = lambda: None
        kernel.do_shutdown = lambda restart: {"status": "ok", "restart": restart}
        # Nobody is there to answer a debugger: it goes on, as if somebody had typed "continue".
        bdb.Bdb.set_trace = lambda *_, **__: None  # type: ignore[method-assign]

    async def __call__(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        request = parent["content"]
        left, cells = request["output_bytes"], []
        self.elsewhere = request.get("elsewhere", [])
        self.lost.update(request.get("lost", []))
        for cell in request["cells"]:
            cells.append(await self.run(cell, min(left, request["cell_output_bytes"])))
            left = max(0, left - self.outputs.bytes)
        data = json.dumps(cells, default=str).encode()
        self.kernel.session.send(stream, "cells_reply", {}, parent, ident=ident, buffers=[data])

    async def run(self, cell: dict[str, Any], max_bytes: int) -> dict[str, Any]:
        """Run one cell as the kernel does; its outputs, its number and what failed in it."""
        self.outputs = Outputs(max_bytes)
        names, before = self.kernel.shell.user_ns, dict(self.kernel.shell.user_ns)
        self.mind_hints()
        reply = await self.kernel.do_execute(cell["source"], False, True, allow_stdin=False)
        rest = Rest(self, cell, before)
        if cell["locked"]:
            self.given |= names.keys() - before.keys()
        elif reply["status"] != "ok" or cell["idle"]:
            # Exceptions of the student's own making may raise when they are looked at.
            with without_input(self.kernel), contextlib.suppress(Exception):
                await rest.run()
        return {
            "outputs": self.outputs.rows,
            "execution_count": reply["execution_count"],
            "output_bytes": self.outputs.bytes,
            "failures": rest.failures[:FAILURES_MAX],
        }

    def mind_hints(self) -> None:
        """Look at type hints once names are lost: for whoever looks, IPython walks through each cell again."""
        transformers = self.kernel.shell.ast_transformers
        if self.lost and self.quote_hints not in transformers:
            transformers.append(self.quote_hints)


def answer_cells(kernel: Any) -> None:
    """Answer ``cells_request`` messages in this kernel."""
    kernel.shell_handlers["cells_request"] = Runner(kernel)

"""The ipykernel that answers inside the sandbox: on sockets that the host opened, from one fixed state.

What an ordinary start does that nobody needs here is left out. Some of it walks through every module of the
zygote, and each reference counted is a page copied. What every kernel has alike, the zygote makes once.
"""

from __future__ import annotations

import os
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import zmq
from ipykernel.compiler import XCachingCompiler
from ipykernel.heartbeat import Heartbeat
from ipykernel.kernelapp import IPKernelApp
from ipykernel.zmqshell import ZMQInteractiveShell
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from .quiet import blind_to_modules, have_no_subshells, know_signature
from .ready import recognise

QUIET_START = Config(
    {
        # Each of these takes long at the start, or writes a file that nobody reads.
        "HistoryManager": {"enabled": False, "hist_file": ":memory:"},
        "IPCompleter": {"use_jedi": False},
        "InteractiveShell": {"enable_tip": False},
    }
)


class OpenedHeartbeat(Heartbeat):
    """The heartbeat, on a socket that listens already."""

    listener: int

    def _try_bind_socket(self) -> None:
        self.socket.setsockopt(zmq.USE_FD, self.listener)
        self.socket.bind(f"ipc://{self.ip}-{self.port}")


class SandboxKernelApp(IPKernelApp):
    """An ipykernel that takes its listening sockets as descriptors and reads no connection file.

    The host made the sockets in a folder that the sandbox cannot see, so a student cannot replace
    them by links, fill their disk, or reach another kernel's.
    """

    listeners: dict[int, int] = {}
    hears_heartbeats = True

    def _try_bind_socket(self, s: zmq.Socket[bytes], port: int) -> int:
        s.setsockopt(zmq.USE_FD, self.listeners[port])
        s.bind(f"ipc://{self.ip}-{port}")
        return port

    def init_iopub(self, context: zmq.Context[Any]) -> None:
        """Open the output channel without a bound on what waits to be sent, so that no reply is ever dropped.

        The host takes few messages ahead (it must not be flooded), so they wait here, in memory that counts.
        """
        context.setsockopt(zmq.SNDHWM, 0)
        super().init_iopub(context)

    def init_heartbeat(self) -> None:
        """Answer heartbeats from a thread of their own, as the base class does, where somebody sends them."""
        if not self.hears_heartbeats:
            return
        address = (self.transport, self.ip, self.hb_port)
        heartbeat = OpenedHeartbeat(zmq.Context(), address)
        heartbeat.listener = self.listeners[self.hb_port]
        heartbeat.start()
        self.heartbeat = heartbeat

    def init_connection_file(self) -> None:
        """Nothing: the host sent what the file would hold."""

    def write_connection_file(self, **_: Any) -> None:
        """Nothing: nobody in the sandbox needs it."""

    def parse_command_line(self, argv: Any = None) -> None:
        """Nothing: there is none."""

    def load_config_file(self, *_: Any, **__: Any) -> None:
        """Nothing: a student's home is empty at the start."""

    def init_config_files(self) -> None:
        """Nothing, for the same reason: none is copied there."""

    def _configure_logging(self) -> None:
        """Nothing: the application's log would go nowhere."""

    def init_code(self) -> None:
        """Hide the start's own names from ``%who``; there are no startup files."""
        shell: Any = self.shell
        shell.user_ns_hidden.update(shell.user_ns)

    def init_kernel(self) -> None:
        """Make the kernel without the list of all modules' files."""
        with blind_to_modules():
            super().init_kernel()


class EarlyShell(ZMQInteractiveShell):
    """A shell that is made where no folder of its own may be made."""

    def init_ipython_dir(self, ipython_dir: Any) -> None:
        """Nothing: the kernel that takes the shell has the folder."""

    def init_profile_dir(self, profile_dir: Any) -> None:
        """Nothing, for the same reason."""


def needs_no_folder() -> bool:
    """Whether a shell starts without a folder of its own; an earlier IPython opens its database there at once."""
    return isinstance(vars(InteractiveShell).get("db"), property)


def make_ahead() -> None:
    """Make in the zygote what every kernel takes as its application and, where that can be, as its shell."""
    app = SandboxKernelApp.instance(config=QUIET_START, parent_handle=0)
    know_signature()
    have_no_subshells()
    if not needs_no_folder():
        return
    shell: Any = EarlyShell.instance(config=deepcopy(QUIET_START), compiler_class=XCachingCompiler)
    # Notebooks ask for the name of its class to see where they run.
    shell.__class__ = ZMQInteractiveShell
    for extension in app.default_extensions:
        shell.extension_manager.load_extension(extension)


def complete(shell: Any, kernel: Any) -> None:
    """Give a shell that was made ahead what only its kernel knows: it may have another home and environment."""
    shell.parent = shell.kernel = kernel
    shell.init_ipython_dir(None)
    shell.init_profile_dir(kernel.profile_dir)
    shell.init_pushd_popd_magic()
    shell.init_environment()
    shell.starting_dir = os.getcwd()
    shell.history_manager.dir_hist[:] = [Path.cwd()]


def use_pipes(shell: Any) -> None:
    """Have ``!command`` use pipes where it can get no terminal, which IPython would insist on."""
    try:
        for end in os.openpty():
            os.close(end)
    except OSError:
        shell.system = shell.system_raw


def kernel_app(connection: Any, listeners: list[int]) -> SandboxKernelApp:
    """A kernel that is initialised and listens; its ``start`` serves until the process ends."""
    app: SandboxKernelApp = SandboxKernelApp.instance(config=QUIET_START, parent_handle=0)
    ports = [connection[f"{channel}_port"] for channel in ("shell", "iopub", "stdin", "control", "hb")]
    app.listeners = dict(zip(ports, listeners, strict=True))
    app.load_connection_info(connection)
    # What the host built before any submission came may have something to add to every kernel.
    started = getattr(sys.modules.get("warm"), "_kernel_started", None)
    # Then nobody reads the output channel: no pipes and threads for what is written past Python, to nowhere. Nor does
    # anybody listen to the heart.
    app.capture_fd_output = app.hears_heartbeats = started is None
    made_ahead = ZMQInteractiveShell.initialized()
    app.initialize([])
    if made_ahead:
        complete(app.kernel.shell, app.kernel)
    recognise(app.kernel.shell)
    use_pipes(app.kernel.shell)
    if started is not None:
        started(app.kernel)
    # The zygote leaves out the current folder; a notebook imports from it what %%writefile wrote.
    sys.path.insert(0, "")
    return app

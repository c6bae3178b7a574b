"""What the attacks aim at: servers, files and processes of the host, put up for the session."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.kernel import mounts
from autograder.kernel.zygote import ZygotePlan, zygote_for
from tests.builders import GRADING
from tests.kernel.driver import Kernel


@pytest.fixture(scope="session")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Name -> value of everything an attack's text may refer to."""
    outside = Path(tempfile.mkdtemp(prefix="outside-", dir=tempfile.gettempdir()))
    outside.chmod(0o777)
    (outside / "canary").write_text("canary")
    (outside / "canary").chmod(0o644)
    (outside / "changed").write_text("text")
    (outside / "changed").chmod(0o666)
    zygote_for(ZygotePlan()).start()
    victim = subprocess.Popen(["sleep", "600"], user=mounts.NOBODY if os.geteuid() == 0 else None)
    with _servers(outside) as servers, Kernel() as other:
        yield {
            "canary": outside / "canary",
            "writable": outside,
            "changed": outside / "changed",
            "hidden_test": next(GRADING.glob("test_*.py")),
            "grader": os.getpid(),
            "command": Path("/proc/self/cmdline").read_bytes(),
            "zygote": zygote_for(ZygotePlan()).pid,
            "victim": victim.pid,
            "other_socket": f"{other.manager.ip}-{other.manager.shell_port}",
            **servers.addresses,
        }
    victim.kill()
    victim.wait()
    shutil.rmtree(outside)


class _servers:
    """Servers that answer ``hi`` to whoever reaches them, and one that takes letters."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> _servers:
        abstract = f"autograder-{uuid.uuid4()}"
        self._stop = threading.Event()
        self._tcp = socket.create_server(("127.0.0.1", 0))
        self._local = socket.socket(socket.AF_UNIX)
        self._local.bind(f"\0{abstract}")
        self._local.listen()
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", 0))
        self._named = socket.socket(socket.AF_UNIX)
        self._named.bind(str(self._folder / "local"))
        self._named.listen()
        self._letters = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._letters.bind(str(self._folder / "letters"))
        for name in ("local", "letters"):
            (self._folder / name).chmod(0o666)
        self._opened = (self._tcp, self._local, self._named, self._udp)
        self.addresses: dict[str, Any] = {
            "tcp_port": self._tcp.getsockname()[1],
            "udp_port": self._udp.getsockname()[1],
            "abstract": abstract,
            "local": str(self._folder / "local"),
            "letters": str(self._folder / "letters"),
        }
        loops = (self._greet, self._greet, self._greet, self._answer)
        self._threads = [
            threading.Thread(target=loop, args=(opened,)) for loop, opened in zip(loops, self._opened, strict=True)
        ]
        for opened, thread in zip(self._opened, self._threads, strict=True):
            opened.settimeout(0.2)
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for opened, thread in zip(self._opened, self._threads, strict=True):
            thread.join()
            opened.close()
        self._letters.close()

    def _greet(self, listener: socket.socket) -> None:
        while not self._stop.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with connection:
                connection.sendall(b"hi")

    def _answer(self, listener: socket.socket) -> None:
        while not self._stop.is_set():
            try:
                _, sender = listener.recvfrom(512)
            except TimeoutError:
                continue
            listener.sendto(b"hi", sender)

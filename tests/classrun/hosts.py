"""Machines for a cluster: network namespaces that a bridge joins, each with processes of its own.

Where they cannot be had (they need root and iproute2) all processes are on this machine, and ``problem`` says why.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.builders import ROOT

HEAD, WORKERS = "head", ("one", "two")
NETWORK = "10.213.7"
LOGGED = """
import os, runpy, sys

log = os.open(sys.argv[1], os.O_CREAT | os.O_APPEND | os.O_WRONLY)
os.dup2(log, 1), os.dup2(log, 2)
sys.argv = ["dask", *sys.argv[2:]]
runpy.run_module("dask", run_name="__main__")
"""


class Hosts:
    """The machines, and what runs on them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[subprocess.Popen[str]] = []
        self._names = {name: f"hw-{os.getpid()}-{name}" for name in (HEAD, *WORKERS)}
        self.problem = self._join()
        self.address = f"tcp://{'127.0.0.1' if self.problem else f'{NETWORK}.1'}:{free_port()}"

    def _join(self) -> str:
        """Why there are no namespaces, once they are made and joined, or cannot be."""
        if not shutil.which("ip") or not shutil.which("nsenter"):
            return "there is no iproute2 or no nsenter"
        try:
            for name in self._names.values():
                ip("netns", "add", name)
                ip("-n", name, "link", "set", "lo", "up")
            ip("-n", self._names[HEAD], "link", "add", "name", "hub", "type", "bridge")
            ip("-n", self._names[HEAD], "address", "add", f"{NETWORK}.1/24", "dev", "hub")
            ip("-n", self._names[HEAD], "link", "set", "dev", "hub", "up")
            for number, name in enumerate(WORKERS, 2):
                self._wire(name, number)
        except subprocess.CalledProcessError as error:
            self._remove()
            return f"no namespaces of networks can be had here ({error.stderr.strip()})"
        return ""

    def _wire(self, name: str, number: int) -> None:
        head, far = self._names[HEAD], self._names[name]
        ip("-n", head, "link", "add", "name", f"to-{name}", "type", "veth", "peer", "name", "wire", "netns", far)
        ip("-n", head, "link", "set", "dev", f"to-{name}", "master", "hub", "up")
        ip("-n", far, "address", "add", f"{NETWORK}.{number}/24", "dev", "wire")
        ip("-n", far, "link", "set", "dev", "wire", "up")

    def _remove(self) -> None:
        for name in self._names.values():
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)

    def close(self) -> None:
        """End everything."""
        for process in self._running:
            kill(process)
        if not self.problem:
            self._remove()

    def start(self, host: str, *arguments: str, **env: str) -> subprocess.Popen[str]:
        """Python with these arguments on a host, in a group of its own; what it says can be read."""
        # Not `ip netns exec`: it would hide the control groups.
        inside = [] if self.problem else ["nsenter", f"--net=/run/netns/{self._names[host]}"]
        process = subprocess.Popen(
            [*inside, sys.executable, *arguments],
            cwd=self._folder,
            env=os.environ | {"COLUMNS": "200", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)} | env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._running.append(process)
        return process

    def scheduler(self, **env: str) -> subprocess.Popen[str]:
        """A scheduler on the head."""
        host, _, port = self.address.removeprefix("tcp://").partition(":")
        return self._logged(HEAD, "scheduler", "--host", host, "--port", port, **env)

    def worker(self, host: str, *options: str, **env: str) -> subprocess.Popen[str]:
        """A worker on a host, which runs one submission at a time and connects when there is a scheduler."""
        words = ("--nworkers", "1", "--nthreads", "1", "--name", host, *options)
        return self._logged(host, "worker", self.address, *words, **env)

    def _logged(self, host: str, *words: str, **env: str) -> subprocess.Popen[str]:
        """One of Dask's programs; what it says is in a file, since a pipe that nobody reads would stop it."""
        return self.start(host, "-c", LOGGED, str(self._folder / "log"), *words, "--no-dashboard", **env)

    def wait_for_workers(self, number: int) -> None:
        """Return once so many have connected."""
        wait = f"from distributed import Client; Client({self.address!r}, timeout=300).wait_for_workers({number}, 300)"
        process = self.start(HEAD, "-c", wait)
        said, _ = process.communicate()
        assert process.returncode == 0, said


def ip(*words: str) -> None:
    """One call of iproute2."""
    subprocess.run(["ip", *words], capture_output=True, text=True, check=True)


def free_port() -> int:
    """One that nobody listens at, at this moment."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def kill(process: subprocess.Popen[str]) -> None:
    """As a machine that loses power: a process and all of its group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()

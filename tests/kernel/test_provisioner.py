"""Kernels by their kernel spec, from their start to their end.

Covers autograder/inside/app.py, autograder/kernel/forked.py and autograder/kernel/resident.py.
"""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from traitlets.config import Config

from autograder.errors import SandboxError, UsageError
from autograder.kernel import provisioner
from autograder.kernel.limits import LimitHit
from tests.kernel.driver import Kernel, eventually
from tests.kernel.soak import run_kernel, soak

STATE = """
import locale, os, random, time
import numpy, torch
print(random.random(), numpy.random.rand(), torch.rand(1).item(), hash("seed"), list({"a", "b", "c"}))
print(torch.get_num_threads(), torch.get_num_interop_threads(), time.tzname[0], os.environ["LC_ALL"])
"""

SHELLS = """
import os
ours = get_ipython()
parts = {"kernel": ours.kernel, "profile_dir": ours.kernel.profile_dir, "compiler_class": ours.compiler_class}
print(ours.ipython_dir, type(ours.parent).__name__, os.environ["TERM"])
theirs = type(ours)(parent=ours.kernel, **parts)

def said(shell):
    texts = {name: getattr(shell, name) for name in shell.trait_names() if name != "execution_count"}
    texts |= vars(shell) | {"_dh": shell.user_ns["_dh"]}
    return {name: value for name, value in texts.items() if type(value) in (str, int, bool, list, type(None))}

mine, fresh = said(ours), said(theirs)
print([name for name in fresh if name in mine and mine[name] != fresh[name] and name != "configurables"])
"""
"""Compares the shell of a kernel with another that is made there."""


def notebook(*cells: str) -> nbformat.NotebookNode:
    """A notebook of these code cells."""
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])


def test_the_kernel_spec_is_installed_with_the_package() -> None:
    spec = KernelSpecManager().get_kernel_spec(provisioner.KERNEL_NAME)
    assert spec.metadata["kernel_provisioner"]["provisioner_name"] == "autograder-sandbox"


def test_nbclient_runs_a_notebook_by_kernel_name() -> None:
    ran = NotebookClient(notebook("x = 6", "print(x * 7)"), kernel_name=provisioner.KERNEL_NAME).execute()
    assert ran.cells[1].outputs[0].text == "42\n"


def test_traits_can_be_set_through_the_configuration_of_nbclient() -> None:
    config = Config({"SandboxProvisioner": {"environment": {"HW8_PROFILE": "smoke"}}})
    cells = notebook("import os; print(os.environ['HW8_PROFILE'])")
    ran = NotebookClient(cells, kernel_name=provisioner.KERNEL_NAME, config=config).execute()
    assert ran.cells[0].outputs[0].text == "smoke\n"


def test_jupyter_execute_runs_a_notebook_by_kernel_name(tmp_path: Path) -> None:
    path = tmp_path / "one.ipynb"
    nbformat.write(notebook("import os; print(os.getcwd())"), path)
    command = [Path(sys.executable).with_name("jupyter-execute"), "--kernel_name=autograder-sandbox", "--inplace", path]
    subprocess.run(command, check=True, capture_output=True)
    assert nbformat.read(path, 4).cells[0].outputs[0].text == "/home/student\n"


STOCK_CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "stock"
c.ExecutePreprocessor.kernel_name = "autograder-sandbox"
"""
GRADED = {"schema_version": 3, "grade": True, "solution": False, "locked": True, "task": False, "points": 1}


def test_stock_nbgrader_autograde_runs_a_notebook_by_kernel_name(tmp_path: Path) -> None:
    (tmp_path / "nbgrader_config.py").write_text(STOCK_CONFIG)
    made = notebook("import os\nassert os.getcwd() == '/home/student'\nprint(os.environ['USER'])")
    made.cells[0].metadata["nbgrader"] = GRADED | {"grade_id": "sandbox", "cell_type": "code"}
    for folder in ("source/hw", "submitted/ada/hw"):
        (tmp_path / folder).mkdir(parents=True)
    nbformat.write(made, tmp_path / "source" / "hw" / "p.ipynb")
    nbgrader = [sys.executable, "-m", "nbgrader"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    options: dict[str, Any] = {
        "cwd": tmp_path,
        "check": True,
        "capture_output": True,
        "env": os.environ | {"PATH": path},
    }
    subprocess.run([*nbgrader, "generate_assignment", "hw"], **options)
    shutil.copy(tmp_path / "release" / "hw" / "p.ipynb", tmp_path / "submitted" / "ada" / "hw")
    subprocess.run([*nbgrader, "autograde", "hw"], **options)
    ran = nbformat.read(tmp_path / "autograded" / "ada" / "hw" / "p.ipynb", 4)
    assert [output.text for output in ran.cells[0].outputs] == ["student\n"]


def test_every_kernel_starts_from_the_same_state() -> None:
    seen = set()
    for _ in range(2):
        with Kernel(preload_modules=["torch"]) as kernel:
            seen.add(kernel.run(STATE).text)
    assert len(seen) == 1
    assert seen.pop().endswith("1 1 UTC C.UTF-8\n")


def test_a_shell_that_was_made_ahead_is_as_one_that_the_kernel_makes() -> None:
    with Kernel(environment={"IPYTHONDIR": "/tmp/own"}) as kernel:
        assert kernel.run(SHELLS).text == "/tmp/own IPythonKernel xterm-color\n[]\n"


AWAITING = """
import asyncio, threading
await asyncio.sleep(0)
print([thread.name for thread in threading.enumerate() if "Shell" in thread.name])
"""


def test_a_cell_that_awaits_runs_in_a_kernel_that_reads_its_shell_channel_itself() -> None:
    with Kernel() as kernel:
        assert kernel.run(AWAITING).text == "[]\n"
        assert kernel.run("%subshell").text == "Kernel does not support subshells\n"


def test_another_seed_is_another_state() -> None:
    with Kernel(seed=1, preload_modules=["torch"]) as one, Kernel(seed=2, preload_modules=["torch"]) as two:
        assert one.run(STATE).text != two.run(STATE).text


def test_only_named_variables_are_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSED", "yes")
    monkeypatch.setenv("KEPT", "no")
    with Kernel(passed_variables=["PASSED"], environment={"ADDED": "too"}) as kernel:
        reply = kernel.run("import os; print([os.environ.get(name) for name in ('PASSED', 'KEPT', 'ADDED')])")
    assert reply.text == "['yes', None, 'too']\n"


def test_folders_of_the_host_are_shown_when_named_and_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "data").write_text("shown")
    (tmp_path / "data").chmod(0o644)
    with Kernel(read_only={str(tmp_path): "/data"}) as kernel:
        assert kernel.run("print(open('/data/data').read())").text == "shown\n"
        assert "Read-only" in kernel.run("open('/data/new', 'w')").error


def test_what_a_kernel_cost_can_be_read_when_it_has_ended() -> None:
    with Kernel() as kernel:
        kernel.run("block = bytearray(b'x') * (200 << 20)\nfor i in range(3 * 10 ** 7): pass")
    ended = kernel.provisioner
    assert ended.peak_memory_bytes > 200 << 20
    assert ended.cpu_s > 0
    assert ended.limit_hit is None
    assert not ended.has_process


def test_a_full_disk_is_named_and_does_not_kill() -> None:
    with Kernel(limits={"disk_bytes": 4 << 20}) as kernel:
        assert "No space left" in kernel.run("open('x', 'wb').write(bytes(8 << 20))").error
        hit = eventually(lambda: kernel.provisioner.limit_hit, "the full disk is seen")
        assert hit == LimitHit("disk_bytes", 4 << 20, killed=False)
        assert kernel.poll() is None


def test_the_layers_are_reported() -> None:
    with Kernel(layers_off={"growth"}) as kernel:
        layers = kernel.provisioner.layers
    assert layers["namespaces"] == layers["capabilities"] == "applied"
    assert layers["growth"] == "off"
    assert layers["seccomp"] == "applied" or layers["seccomp"].startswith("not available")


def test_a_layer_that_cannot_be_applied_stops_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.kernel.resident.ceilings", lambda _, **__: {"RLIMIT_NOFILE": (10, 5)})
    with pytest.raises(SandboxError, match="layer 'limits'"), Kernel():
        pass


def test_a_limit_that_does_not_exist_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="wall_time"), Kernel(limits={"wall_time": 1}):
        pass


def test_an_interrupt_reaches_the_cell() -> None:
    with Kernel() as kernel:
        kernel.send("import time\nprint('started', flush=True)\ntime.sleep(600)")
        kernel.interrupt()
        assert kernel.run("print('alive')").text.endswith("alive\n")


def test_threads_with_loops_of_their_own_run_kernels_at_the_same_time() -> None:
    def compute(number: int) -> str:
        with Kernel() as kernel:
            return kernel.run(f"print({number} ** 2)").text

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(compute, range(8))) == [f"{number**2}\n" for number in range(8)]


def test_a_shell_command_in_a_cell_works() -> None:
    with Kernel() as kernel:
        assert kernel.run("!echo hello").text.strip() == "hello"


def test_a_module_that_a_cell_wrote_can_be_imported() -> None:
    with Kernel() as kernel:
        kernel.run("%%writefile helper.py\nvalue = 3")
        assert kernel.run("import helper; print(helper.value)").text == "3\n"


def test_kernels_leave_nothing_behind() -> None:
    assert soak(5, run_kernel) == []

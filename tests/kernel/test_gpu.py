"""Of a machine's graphics cards a sandbox shows the one that was assigned, with what CUDA needs, and no other.

Nodes, driver and CDI file are files of the test: no card is needed, and nothing is said of what a real driver does.
"""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from autograder.errors import SandboxError, UsageError
from autograder.kernel import gpu, mounts
from autograder.kernel.mounts import SandboxPlan
from tests.kernel.cards import FIRST, SECOND, SLICE, cdi_file, machine_with_cards
from tests.kernel.driver import Kernel


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One with two cards."""
    monkeypatch.setattr(gpu, "GPU_HOST", machine_with_cards(tmp_path / "machine"))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return gpu.GPU_HOST


def places(grant: gpu.GpuGrant) -> list[str]:
    return [place for _, place in grant.nodes]


def test_without_a_cdi_file_the_driver_says_which_cards_there_are(machine: Path) -> None:
    first, second = gpu.grants()
    assert (first.name, first.model) == (FIRST, "NVIDIA Test 0")
    assert places(first) == ["/dev/nvidia0", "/dev/nvidiactl", "/dev/nvidia-uvm"]
    assert places(second) == ["/dev/nvidia1", "/dev/nvidiactl", "/dev/nvidia-uvm"]
    assert second.environment == {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": SECOND}
    assert gpu.missing_nodes(second) == []
    (machine / "dev" / "nvidia-uvm").unlink()
    assert gpu.missing_nodes(second) == ["/dev/nvidia-uvm"]


def test_a_cdi_file_gives_whole_cards_and_slices_with_their_capabilities(machine: Path) -> None:
    cdi_file(machine)
    whole, part = gpu.grants()
    assert (whole.name, part.name) == (FIRST, SLICE)
    assert places(whole) == ["/dev/nvidia0", "/dev/nvidiactl", "/dev/nvidia-uvm"]
    caps = ["/dev/nvidia-caps/nvidia-cap1", "/dev/nvidia-caps/nvidia-cap2"]
    assert places(part) == ["/dev/nvidia1", *caps, "/dev/nvidiactl", "/dev/nvidia-uvm"]


def test_of_a_cdi_files_mounts_only_libraries_outside_the_systems_are_shown(machine: Path) -> None:
    cdi_file(machine)
    whole, _ = gpu.grants()
    shown = {place for _, place in whole.binds if not place.startswith("/sys/")}
    assert shown == {"/opt/nvidia/libcuda.so.570.86.15"}
    assert ("libcuda.so.570.86.15", "/opt/nvidia/libcuda.so.1") in whole.links
    asked = "/usr/local/cuda/lib64:/home/operator/lib::/usr/../root/lib"
    assert whole.library_path({"LD_LIBRARY_PATH": asked}) == "/opt/nvidia:/usr/local/cuda/lib64"


@pytest.mark.parametrize("text", ["devices: [", "kind: nvidia.com/gpu", "devices: [{name: '0'}]"])
def test_a_cdi_file_that_cannot_be_read_is_said_with_what_to_do(machine: Path, text: str) -> None:
    cdi_file(machine).write_text(text)
    with pytest.raises(UsageError, match=r"nvidia\.yaml cannot be read.*nvidia-ctk cdi generate"):
        gpu.grants()


@pytest.mark.parametrize(
    ("visible", "names"),
    [("1", [SECOND]), (FIRST[:8], [FIRST]), ("1,0", [SECOND, FIRST]), ("0,7,1", [FIRST]), ("-1", []), ("", [])],
)
def test_only_cards_that_the_operator_may_use_are_handed_out(machine: Path, visible: str, names: list[str]) -> None:
    assert [one.name for one in gpu.grants({"CUDA_VISIBLE_DEVICES": visible})] == names


def test_a_card_that_is_not_there_stops_the_kernel(machine: Path) -> None:
    with pytest.raises(SandboxError, match=r"no graphics card 'GPU-9' \(there is: GPU-1.*GPU-2"):
        gpu.granted("GPU-9")


def test_a_machine_without_cards_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "GPU_HOST", tmp_path)
    assert gpu.grants() == []


def test_accelerators_are_shown_only_when_asked_for(machine: Path) -> None:
    words = mounts.devices(SandboxPlan(gpu=gpu.granted(SECOND)))
    assert "/dev/nvidia1" in words
    assert "/dev/nvidia0" not in words
    assert mounts.devices(SandboxPlan()) == ["--dev", "/dev"]


LOOK = """
import os
print(sorted(name for name in os.listdir("/dev") if name.startswith(("nvidia", "dri"))))
print(open("/dev/nvidia1").read(), os.environ["CUDA_VISIBLE_DEVICES"])
print(open("/sys/bus/pci/devices/0000:65:00.0/numa_node").read().strip(), os.listdir("/sys/bus/pci/devices"))
print(oct(os.stat("/sys").st_mode & 0o777), open("/sys/devices/system/cpu/online").read().strip())
"""


def test_a_sandbox_shows_the_assigned_card_and_its_part_of_sys(machine: Path) -> None:
    with Kernel(gpu=SECOND) as kernel:
        shown, node, system, rights = kernel.run(LOOK).text.splitlines()
    assert shown == "['nvidia-uvm', 'nvidia1', 'nvidiactl']"
    assert node == f"nvidia1 {SECOND}"
    assert system == "1 ['0000:65:00.0']"
    assert rights == "0o755 0-15"


def test_a_slice_has_its_capabilities_and_libraries(machine: Path) -> None:
    cdi_file(machine)
    code = """
import os
print(sorted(os.listdir("/dev/nvidia-caps")), open("/opt/nvidia/libcuda.so.1").read())
"""
    with Kernel(gpu=SLICE) as kernel:
        assert kernel.run(code).text == "['nvidia-cap1', 'nvidia-cap2'] a library\n"


def test_a_sandbox_without_a_card_shows_nothing_of_sys() -> None:
    with Kernel() as kernel:
        assert kernel.run("import os; print(os.path.exists('/sys'))").text == "False\n"


MEMORY_FILES = """
import os
for flags in (8, 0, 16):
    try:
        print(flags, os.memfd_create("driver", flags) > 0)
    except OSError as error:
        print(flags, error.strerror)
"""


def test_only_memory_files_that_start_no_program_are_allowed_beside_a_card(machine: Path) -> None:
    with Kernel(gpu=FIRST) as kernel:
        said = kernel.run(MEMORY_FILES).text.splitlines()
    refused = os.strerror(1)
    assert said == ["8 True", f"0 {refused}", f"16 {refused}"]
    with Kernel() as kernel:
        assert kernel.run(MEMORY_FILES).text.splitlines() == [f"{flags} {refused}" for flags in (8, 0, 16)]


def test_the_drivers_nodes_are_made_beforehand_where_the_program_for_it_is(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, said = tmp_path / "nvidia-modprobe", tmp_path / "said"
    program.write_text(f'#!/bin/sh\necho "$@" >> {said}\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    gpu.load_driver()
    assert said.read_text() == "-c 0 -u\n-c 1 -u\n"
    program.write_text("no program")
    gpu.load_driver()


def test_where_it_is_not_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(subprocess, "run", None)
    gpu.load_driver()

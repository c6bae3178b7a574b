"""A machine with two graphics cards, as far as files tell of one."""

from pathlib import Path

import yaml

FIRST, SECOND = "GPU-11111111-aaaa-bbbb-cccc-000000000000", "GPU-22222222-aaaa-bbbb-cccc-000000000000"
SLICE = "MIG-33333333-aaaa-bbbb-cccc-000000000000"
INFORMATION = "Model: \t\t NVIDIA Test {minor}\nGPU UUID: \t {uuid}\nBus Location: \t {bus}\nDevice Minor: \t {minor}\n"
BUSES = {"0000:17:00.0": FIRST, "0000:65:00.0": SECOND}


def write(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def machine_with_cards(root: Path) -> Path:
    """The nodes, the driver's folder in /proc and the cards' folders in /sys, below a folder; no CDI file."""
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset", "dri/card0"):
        write(root / "dev" / name, name)
    for number in (1, 2):
        write(root / "dev" / "nvidia-caps" / f"nvidia-cap{number}", f"cap{number}")
    for minor, (bus, uuid) in enumerate(BUSES.items()):
        text = INFORMATION.format(minor=minor, uuid=uuid, bus=bus)
        write(root / "proc/driver/nvidia/gpus" / bus / "information", text)
        write(root / "sys/devices/pci0000:00" / bus / "numa_node", f"{minor}\n")
        link = root / "sys/bus/pci/devices" / bus
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(f"../../../devices/pci0000:00/{bus}")
    write(root / "proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15  Jan 23\n")
    write(root / "sys/devices/system/cpu/online", "0-15\n")
    return root


def device(name: str, *nodes: str) -> dict[str, object]:
    return {"name": name, "containerEdits": {"deviceNodes": [{"path": f"/dev/{node}"} for node in nodes]}}


def cdi_file(root: Path) -> Path:
    """What `nvidia-ctk cdi generate` writes of it: the first card whole, a slice of the second, libraries elsewhere."""
    libraries = root / "run" / "nvidia" / "driver"
    write(libraries / "libcuda.so.570.86.15", "a library")
    mounts = [
        {"hostPath": "/run/nvidia/driver/libcuda.so.570.86.15", "containerPath": "/opt/nvidia/libcuda.so.570.86.15"},
        {"hostPath": "/usr/lib/libnvidia-ml.so.1", "containerPath": "/usr/lib/libnvidia-ml.so.1"},
        {"hostPath": "/run/nvidia-persistenced/socket", "containerPath": "/run/nvidia-persistenced/socket"},
    ]
    link = ["nvidia-cdi-hook", "create-symlinks", "--link", "libcuda.so.570.86.15::/opt/nvidia/libcuda.so.1"]
    common = {
        "deviceNodes": [{"path": f"/dev/{n}"} for n in ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "dri/card0")],
        "mounts": mounts,
        "hooks": [{"hookName": "createContainer", "path": "/usr/bin/nvidia-cdi-hook", "args": link}],
    }
    devices = [
        device("0", "nvidia0"),
        device(FIRST, "nvidia0"),
        device("1:0", "nvidia1", "nvidia-caps/nvidia-cap1", "nvidia-caps/nvidia-cap2"),
        device(SLICE, "nvidia1", "nvidia-caps/nvidia-cap1", "nvidia-caps/nvidia-cap2"),
        device("all", "nvidia0", "nvidia1"),
    ]
    path = root / "var/run/cdi/nvidia.yaml"
    write(path, yaml.safe_dump({"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu", "devices": devices,
                                "containerEdits": common}))  # fmt: skip
    return path

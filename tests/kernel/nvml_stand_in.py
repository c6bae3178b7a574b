"""What the tests have in the place of NVIDIA's management library."""

from dataclasses import dataclass, field
from typing import NamedTuple


class Memory(NamedTuple):
    total: int
    free: int


class Process(NamedTuple):
    pid: int
    usedGpuMemory: int | None


class Utilisation(NamedTuple):
    gpu: int


MEMORY = Memory(16_000_000_000, 15_000_000_000)


@dataclass
class Library:
    """Knows one card."""

    uuid: str
    memory: Memory = MEMORY
    processes: list[Process] = field(default_factory=list)
    busy: int | None = 50
    """None where the card does not say, as a slice does not."""

    class NVMLError(Exception): ...

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:
        if uuid != self.uuid:
            raise self.NVMLError("Not Found")
        return uuid

    def nvmlDeviceGetMemoryInfo(self, card: str) -> Memory:
        return self.memory

    def nvmlDeviceGetComputeRunningProcesses(self, card: str) -> list[Process]:
        return self.processes

    def nvmlDeviceGetUtilizationRates(self, card: str) -> Utilisation:
        if self.busy is None:
            raise self.NVMLError("Not Supported")
        return Utilisation(self.busy)

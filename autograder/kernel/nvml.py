"""What NVIDIA's management library (NVML) says of a graphics card: what is free, who uses how much, how busy it is.

The library is optional (nvidia-ml-py). It reads; it changes no setting of a card.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable
from typing import Any

METER_INTERVAL_S = 1.0
"""Between two readings; a card's own figure of how busy it was is of about as long."""


@functools.cache
def nvml() -> Any:
    """The library, initialised; the reason in words where it cannot be had."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except ImportError:
        return "nvidia-ml-py is not installed (pip install 'autograder[full]')"
    except Exception as error:
        return f"NVML says: {error}"
    return pynvml


@dataclasses.dataclass(frozen=True)
class CardMemory:
    """A card's memory at one moment."""

    total_bytes: int
    free_bytes: int


def memory_of(name: str) -> CardMemory | None:
    """What a card, or a slice of one, has; None where NVML cannot say."""
    library = nvml()
    if isinstance(library, str):
        return None
    with contextlib.suppress(library.NVMLError):
        found = library.nvmlDeviceGetMemoryInfo(library.nvmlDeviceGetHandleByUUID(name))
        return CardMemory(int(found.total), int(found.free))
    return None


class Meter:
    """Reads what one submission uses of its card. No reading fails: what NVML does not say stays unknown."""

    def __init__(self, name: str, belongs: Callable[[int], bool]) -> None:
        self._belongs = belongs
        self._library = nvml()
        self._card: Any = None
        self._next_s = 0.0
        self._last_s = 0.0
        self._readings: list[float] = []
        self.peak_bytes = 0
        self.used_s = 0.0
        """How long it had memory of the card."""
        if not isinstance(self._library, str):
            with contextlib.suppress(self._library.NVMLError):
                self._card = self._library.nvmlDeviceGetHandleByUUID(name)

    def look(self, now_s: float) -> None:
        """Read, if the time has come."""
        if self._card is None or now_s < self._next_s:
            return
        used = self._used_bytes()
        self.peak_bytes = max(self.peak_bytes, used)
        if used and self._last_s:
            self.used_s += now_s - self._last_s
            self._readings += self._busy()
        self._last_s, self._next_s = now_s, now_s + METER_INTERVAL_S

    def _used_bytes(self) -> int:
        with contextlib.suppress(self._library.NVMLError):
            rows = self._library.nvmlDeviceGetComputeRunningProcesses(self._card)
            # In some containers, and on some systems, a process's memory is not told.
            return sum(row.usedGpuMemory or 0 for row in rows if self._belongs(row.pid))
        return 0

    def _busy(self) -> list[float]:
        with contextlib.suppress(self._library.NVMLError):
            return [float(self._library.nvmlDeviceGetUtilizationRates(self._card).gpu)]
        return []

    def report(self) -> dict[str, float]:
        """What was seen: peak memory, seconds, and how busy the whole card was meanwhile, in percent."""
        busy = {"busy_percent": sum(self._readings) / len(self._readings)} if self._readings else {}
        return {"peak_bytes": self.peak_bytes, "used_s": self.used_s} | busy if self._card is not None else {}

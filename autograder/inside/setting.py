"""One process-wide setting."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Setting(NamedTuple):
    """What it is called, how it is read and written, and its value in a fresh process."""

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], object]
    fresh: Any

"""Asked in a worker: what is imported once another module's handler is at hand."""

import importlib
import sys

from autograder.frames import Message
from autograder.worker import Handler


def handler(hello: Message) -> Handler:
    """The function that tells it."""
    importlib.import_module(hello.values["of"])
    return lambda request: Message({"modules": sorted(name for name, module in sys.modules.items() if module)})

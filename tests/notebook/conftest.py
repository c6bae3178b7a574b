"""What the tests of the notebook share: the notebook with its setup done."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def smoke_profile(monkeypatch):
    """What the cells read when a test runs them; other tests of the same process do not see it."""
    monkeypatch.setenv("HW8_PROFILE", "smoke")


@pytest.fixture(scope="session")
def warm_notebook():
    """The notebook with its setup done, once per process."""
    import torch

    torch.set_num_threads(1)
    from runner import WarmNotebook

    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("HW8_PROFILE", "smoke")
        return WarmNotebook()

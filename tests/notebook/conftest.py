"""What the tests of the notebook share: the notebook with its setup done."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def warm_notebook():
    import torch

    os.environ["HW8_PROFILE"] = "smoke"
    torch.set_num_threads(1)
    from runner import WarmNotebook

    return WarmNotebook()

"""Files in a kernel's folder at its start: its own, importable, and nobody else's."""

import os

import pytest

from autograder.errors import SandboxError
from autograder.kernel.limits import MIB
from tests.kernel.driver import Kernel

FILES = {
    "lora_utils.py": b"NAME = 'ada'\n",
    "lib/__init__.py": b"from .inner import TWO\n",
    "lib/inner.py": b"TWO = 2\n",
}


def test_modules_and_packages_can_be_imported_and_data_read_and_changed() -> None:
    with Kernel(files=FILES | {"data/x.csv": b"a,b\n"}) as kernel:
        assert kernel.run("import lora_utils, lib; print(lora_utils.NAME, lib.TWO)").text == "ada 2\n"
        assert kernel.run("print(open('data/x.csv', 'a+').write('1,2\\n'))").text == "4\n"
        changed = "import os; os.rename('data/x.csv', 'y.csv'); os.mkdir('lib/new'); os.remove('lora_utils.py')"
        assert kernel.run(changed).error == ""


def test_two_kernels_of_one_parent_see_their_own_files_alone() -> None:
    with Kernel(files=FILES) as ada, Kernel(files={"lora_utils.py": b"NAME = 'bob'\n"}) as bob, Kernel() as cleo:
        listed = "import os; print(sorted(name for name in os.listdir() if name[0] != '.'))"
        assert ada.run(listed).text == "['lib', 'lora_utils.py']\n"
        assert ada.run("open('lib/secret.txt', 'w').close(); import lora_utils").error == ""
        assert bob.run("import lora_utils; print(lora_utils.NAME)").text == "bob\n"
        assert (bob.run(listed).text, cleo.run(listed).text) == ("['lora_utils.py']\n", "[]\n")
        assert cleo.run("import lora_utils").error.startswith("ModuleNotFoundError")


def test_files_that_do_not_fit_stop_the_launch_and_name_the_remedy() -> None:
    limits = {"disk_bytes": 2 * MIB}
    with pytest.raises(SandboxError, match=r"layer 'files': No space left on device\. Raise the limit disk_bytes"):
        Kernel(files={"big.pt": bytes(4 * MIB)}, limits=limits).__enter__()


def test_the_hosts_own_folder_is_untouched() -> None:
    before = os.listdir(".")
    with Kernel(files=FILES):
        assert os.listdir(".") == before

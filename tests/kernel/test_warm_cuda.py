"""The warm parent never touches CUDA, its driver included: no fork of a process that did could use it.

The driver's library is a stand-in, compiled here, that writes down every call.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from autograder.errors import KernelLost
from autograder.kernel import shipping
from autograder.kernel.zygote import Zygote, ZygotePlan
from tests import builders

DRIVER = """
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
static int initialised;
static void said(const char *name) {
    int file = open(CALLS, O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (write(file, name, strlen(name)) < 0) {}
    close(file);
}
__attribute__((constructor)) static void loaded(void) { said("loaded\\n"); }
int cuInit(unsigned flags) { said("cuInit\\n"); initialised = 1; return 0; }
int cuDriverGetVersion(int *version) { said("cuDriverGetVersion\\n"); *version = 12080; return 0; }
int cuDeviceGetCount(int *count) { said("cuDeviceGetCount\\n"); *count = 1; return initialised ? 0 : 3; }
int cuGetProcAddress(const char *name, void **function, int version, unsigned long flags) {
    said("cuGetProcAddress\\n"); *function = 0; return 500;
}
int cuCtxGetCurrent(void **context) { said("cuCtxGetCurrent\\n"); *context = 0; return initialised ? 0 : 3; }
"""


@pytest.fixture
def driver(tmp_path: Path) -> Path:
    """A folder with the library, and the file in which it writes."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler to make a stand-in of libcuda with")
    source, calls = tmp_path / "driver.c", tmp_path / "calls"
    source.write_text(DRIVER)
    library = tmp_path / "libcuda.so.1"
    command = [compiler, "-shared", "-fPIC", f'-DCALLS="{calls}"', "-o", str(library), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    return tmp_path


def calls(driver: Path) -> list[str]:
    path = driver / "calls"
    return path.read_text().split() if path.exists() else []


def start(plan: ZygotePlan) -> None:
    zygote = Zygote(plan)
    try:
        zygote.start()
    finally:
        zygote.close()


def test_the_warm_parent_of_the_homework_does_not_touch_the_driver(driver: Path) -> None:
    assignment = builders.assignment()
    start(ZygotePlan(assignment.declaration.imports, shipping.ahead(assignment), (), str(driver)))
    assert calls(driver) == []


LOADS = "import ctypes; library = ctypes.CDLL('libcuda.so.1')"


def test_a_warm_parent_that_only_loads_the_library_is_taken(driver: Path) -> None:
    start(ZygotePlan(source=LOADS, libraries=str(driver)))
    assert calls(driver) == ["loaded", "cuCtxGetCurrent"]


def test_one_that_initialises_the_driver_is_refused_whatever_did_it(driver: Path) -> None:
    with pytest.raises(KernelLost, match="a preloaded module initialised the graphics card's driver"):
        start(ZygotePlan(source=f"{LOADS}; library.cuInit(0)", libraries=str(driver)))
    assert calls(driver)[:2] == ["loaded", "cuInit"]


def test_without_its_folder_in_the_path_the_library_is_not_found(driver: Path) -> None:
    with pytest.raises(KernelLost, match=r"libcuda\.so\.1: cannot open shared object file"):
        start(ZygotePlan(source=LOADS))

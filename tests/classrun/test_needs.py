"""What a profile needs is looked for before anything starts, and all that is missing is one error.

Covers autograder/classrun/cards.py.
"""

import threading
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from autograder.assignment import Declaration, Pinned, Profile
from autograder.authoring.new import new
from autograder.classrun import needs, run
from autograder.classrun.cards import CardPool
from autograder.classrun.fetch import fetch_pinned
from autograder.classrun.fetched import Fetched
from autograder.classrun.needs import with_needs
from autograder.classrun.settings import Settings, settings_in
from autograder.course import Course
from autograder.errors import UsageError
from autograder.kernel import gpu, nvml
from autograder.kernel.gpu import GpuGrant
from autograder.kernel.mounts import HOME
from tests.classrun.test_fetch import CONFIG, sha256
from tests.kernel.cards import FIRST, SECOND, machine_with_cards
from tests.kernel.nvml_stand_in import Library, Memory

MODEL = Pinned(repo="small", revision="c" * 40, files={"config.json": sha256(CONFIG)})
FULL = Profile(pinned=(MODEL,), gpu=True, gpu_free_bytes=4_000_000_000, packages={"numpy": "1.26"}, threads=4)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """One with an assignment."""
    new(tmp_path / "course", "ps1")
    return Course(tmp_path / "course")


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One with two cards, and a PyTorch with CUDA."""
    monkeypatch.setattr(gpu, "GPU_HOST", machine_with_cards(tmp_path / "machine"))
    monkeypatch.setattr(nvml, "nvml", lambda: Library(FIRST))
    monkeypatch.setattr(needs, "cuda_of_torch", lambda: "12.8")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return gpu.GPU_HOST


def settings(course: Course, profile: Profile = FULL) -> Settings:
    found = settings_in(course, "ps1")
    declared = Declaration(profiles={"full": profile})
    return replace(found, assignment=replace(found.assignment, declaration=declared), profile="full", jobs=16)


def fetch(course: Course) -> None:
    source = course.root / "usb" / "small"
    source.mkdir(parents=True)
    (source / "config.json").write_bytes(CONFIG)
    fetch_pinned(Fetched(course.root / "fetched" / "ps1" / "full", FULL), source.parent, lambda line: None)


def test_with_all_that_it_needs_each_card_takes_one_submission(course: Course) -> None:
    fetch(course)
    ready = with_needs(settings(course), course)
    assert ready.jobs == 2
    assert ready.fetched == Fetched(course.root / "fetched" / "ps1" / "full", FULL)
    assert str(ready.cards).endswith(f"NVIDIA Test 1 {SECOND} (one each)")


def test_all_that_is_missing_is_one_error_with_what_to_do(
    course: Course, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (machine / "dev" / "nvidia-uvm").unlink()
    monkeypatch.setattr(needs, "cuda_of_torch", lambda: None)
    profile = replace(FULL, packages={"numpy": "99.1", "no-such-library": "2"})
    with pytest.raises(UsageError) as caught:
        with_needs(settings(course, profile), course)
    first, *problems = str(caught.value).splitlines()
    assert first == "the profile 'full' cannot be run here; nothing was started:"
    found = "\n".join(problems)
    assert "- small/config.json is missing. Fetch them: autograder fetch ps1 --profile full" in found
    assert "is too old. Install a newer one: pip install 'numpy>=99.1'" in found
    assert "- no-such-library is not installed. Install it: pip install 'no-such-library>=2'" in found
    assert f"- {FIRST}: /dev/nvidia-uvm missing. Have the driver make them: nvidia-modprobe -c 0 -u" in found
    assert "- PyTorch has no CUDA here." in found
    assert len(problems) == 6


def test_a_machine_without_a_card_is_told_what_to_do(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(course)
    monkeypatch.setattr(gpu, "GPU_HOST", tmp_path / "bare")
    with pytest.raises(UsageError, match=r"no NVIDIA graphics card is known here.*driver.*--share-gpu 0"):
        with_needs(settings(course), course)
    without = with_needs(settings(course), course, share=0)
    assert (without.cards, without.jobs) == (None, 16)


def test_too_little_free_memory_is_found(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch(course)
    monkeypatch.setattr(nvml, "nvml", lambda: Library(FIRST, Memory(16_000_000_000, 3_000_000_000)))
    with pytest.raises(UsageError, match=rf"{FIRST} has 3\.0 GB free, and 1 submission.* need 4\.0"):
        with_needs(settings(course), course)


def test_a_driver_that_is_older_than_cuda_is_found(course: Course, machine: Path) -> None:
    fetch(course)
    (machine / "proc/driver/nvidia/version").write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  470.57.02\n")
    with pytest.raises(UsageError, match=r"driver 470 is too old for CUDA 12\.8, which needs 525\. Update the driver"):
        with_needs(settings(course), course)


def test_a_card_is_shared_only_where_somebody_watches(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch(course)
    shared = with_needs(settings(course), course, share=3)
    assert shared.jobs == 6
    assert str(shared.cards).endswith("(3 submissions each, not isolated from each other)")
    monkeypatch.setattr(nvml, "nvml", lambda: "NVML says: no")
    with pytest.raises(UsageError, match="a card that is shared must be watched, and it cannot be: NVML says: no"):
        with_needs(settings(course), course, share=3)


def test_a_cluster_is_not_given_what_a_profile_needs(course: Course) -> None:
    with pytest.raises(UsageError, match=r"workers are not given\. Leave --scheduler away.*--shard"):
        with_needs(settings(course), course, elsewhere=True)


def test_a_profile_that_needs_nothing_changes_nothing(course: Course) -> None:
    plain = settings(course, Profile())
    assert with_needs(plain, course, elsewhere=True) == plain


@pytest.mark.parametrize(
    ("text", "cuda"),
    [("cuda: Optional[str] = '12.6'\n", "12.6"), ("cuda = '11.8'\n", "11.8"), ("cuda: Optional[str] = None\n", None)],
)
def test_the_cuda_of_pytorch_is_read_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, cuda: str | None
) -> None:
    monkeypatch.undo()
    (tmp_path / "version.py").write_text(text)
    spec = ModuleSpec("torch", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(needs, "find_spec", lambda name: spec)
    assert needs.cuda_of_torch() == cuda


CARDS = (GpuGrant(FIRST), GpuGrant(SECOND))


def test_cards_are_handed_out_evenly_and_given_back() -> None:
    pool = CardPool(CARDS, share=2)
    with pool.one() as first, pool.one() as second, pool.one(), pool.one():
        assert {first.name, second.name} == {FIRST, SECOND}
    with pool.one() as again:
        assert again.name == FIRST


def test_whoever_finds_no_card_free_waits_for_one() -> None:
    pool, got = CardPool(CARDS[:1]), threading.Event()

    def take() -> None:
        with pool.one():
            got.set()

    with pool.one():
        waiting = threading.Thread(target=take)
        waiting.start()
        assert not got.is_set()
    waiting.join()
    assert got.is_set()


def test_of_a_shared_card_each_may_take_its_part() -> None:
    assert CardPool(CARDS, share=4).limits(CARDS[0]) == {"gpu_memory_bytes": 4_000_000_000}
    assert CardPool(CARDS).limits(CARDS[0]) == {}


def test_a_kernel_gets_the_card_the_data_and_the_limits_of_its_profile(course: Course, tmp_path: Path) -> None:
    fetch(course)
    ready = with_needs(settings(course), course, share=2)
    handed_in = tuple((name, b"") for name in (".cache/huggingface/hub/trick", ".cache/huggingface", "helper.py"))
    config = run.kernel(ready, tmp_path, handed_in, CARDS[0]).config.SandboxProvisioner
    assert config.gpu == FIRST
    assert config.threads == 4
    assert config.limits["gpu_memory_bytes"] == 8_000_000_000
    assert config.read_only[str(course.root / "fetched/ps1/full/hub")] == f"{HOME}/.cache/huggingface/hub"
    assert list(config.files) == ["helper.py"]

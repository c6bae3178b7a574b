"""What is fetched is what was declared, whoever sends it, and a kernel without a network finds it.

Covers autograder/classrun/fetched.py and autograder/cli/fetching.py.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from typer.testing import CliRunner

from autograder.assignment import Pinned, Profile
from autograder.authoring.new import new
from autograder.classrun.fetch import MIRROR, fetch_pinned
from autograder.classrun.fetched import CACHE, Fetched, digest_of_file, snapshot
from autograder.cli import app
from autograder.errors import GraderError, UsageError
from tests.classrun.hub import COMMIT, Hub, serving

WEIGHTS = bytes(range(256)) * 4096
"""A megabyte: more than one read of a client."""
CONFIG = b'{"n_embd": 8}'


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


MODEL = Pinned(
    repo="small", revision=COMMIT, files={"config.json": sha256(CONFIG), "model.safetensors": sha256(WEIGHTS)}
)


@pytest.fixture
def fetched(tmp_path: Path) -> Fetched:
    """Nothing yet, of one model."""
    return Fetched(tmp_path / "fetched", Profile(pinned=(MODEL,)))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """One that has the model."""
    files = {"config.json": CONFIG, "model.safetensors": WEIGHTS}
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with serving(Hub({f"/small/resolve/{COMMIT}/{name}": data for name, data in files.items()})) as found:
        monkeypatch.setenv(MIRROR, found.address)
        yield found


def fetch(fetched: Fetched, source: Path | None = None) -> list[str]:
    said: list[str] = []
    fetch_pinned(fetched, source, said.append)
    return said


def bodies(hub: Hub) -> list[str]:
    """Names of the files whose content was asked for."""
    return [path.rpartition("/")[2] for method, path, _ in hub.asked if (method, path in hub.files) == ("GET", True)]


def test_a_model_is_fetched_from_a_mirror_once(fetched: Fetched, hub: Hub) -> None:
    assert [*fetched.missing()] == ["small/config.json is missing", "small/model.safetensors is missing"]
    said = fetch(fetched)
    assert said == [f"small/{name}: fetched from {hub.address}" for name in MODEL.files]
    assert [*fetched.missing()] == []
    assert (fetched.hub / "models--small" / "refs" / "main").read_text() == COMMIT
    assert fetch(fetched) == [f"small/{name}: is there" for name in MODEL.files]
    assert sorted(bodies(hub)) == sorted(MODEL.files)


def test_a_connection_that_breaks_is_taken_up_where_it_broke_off(
    fetched: Fetched, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The client keeps whole chunks, of ten megabytes each.
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 65_536)
    hub.breaks_after = 300_000
    fetch(fetched)
    assert [*fetched.missing()] == []
    ranges = [wanted for method, path, wanted in hub.asked if method == "GET" and path.endswith("safetensors")]
    assert ranges[0] == ""
    assert ranges[1] == f"bytes={4 * 65_536}-"


def test_other_bytes_than_declared_are_refused_and_removed(fetched: Fetched, hub: Hub) -> None:
    hub.lies = True
    with pytest.raises(GraderError, match=rf"small/config.json from {hub.address} is not the file.*It was removed"):
        fetch(fetched)
    assert [path for path in fetched.hub.rglob("*") if path.is_file() and path.read_bytes() == CONFIG] == []
    assert next(fetched.missing()) == "small/config.json is missing"
    hub.lies = False
    fetch(fetched)
    assert [*fetched.missing()] == []


def test_what_is_complete_is_kept_when_another_file_fails(fetched: Fetched, hub: Hub) -> None:
    weights = hub.files.pop(f"/small/resolve/{COMMIT}/model.safetensors")
    with pytest.raises(GraderError, match=r"small/model.safetensors could not be fetched.*same command again.*--from"):
        fetch(fetched)
    hub.files[f"/small/resolve/{COMMIT}/model.safetensors"] = weights
    assert fetch(fetched)[0] == "small/config.json: is there"


def test_a_file_that_was_changed_later_is_found(fetched: Fetched, hub: Hub) -> None:
    fetch(fetched)
    (snapshot(fetched.hub, MODEL) / "config.json").write_bytes(b"{}")
    assert [*fetched.missing()] == ["small/config.json is another file than was declared"]


def test_an_operators_folder_is_believed_no_more_than_the_hub(fetched: Fetched, tmp_path: Path) -> None:
    source = tmp_path / "usb"
    (source / "small").mkdir(parents=True)
    (source / "small" / "config.json").write_bytes(CONFIG)
    with pytest.raises(UsageError, match=r"usb/small/model.safetensors cannot be copied \(No such file"):
        fetch(fetched, source)
    (source / "small" / "model.safetensors").write_bytes(WEIGHTS[::-1])
    with pytest.raises(GraderError, match=r"from .*usb is not the file that was declared"):
        fetch(fetched, source)
    (source / "small" / "model.safetensors").write_bytes(WEIGHTS)
    fetch(fetched, source)
    assert [*fetched.missing()] == []


def test_an_operator_who_forbids_downloads_is_told_so_and_may_name_a_folder(
    fetched: Fetched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UsageError, match="HF_HUB_OFFLINE forbids"):
        fetch(fetched)
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "config.json").write_bytes(CONFIG)
    (tmp_path / "small" / "model.safetensors").write_bytes(WEIGHTS)
    fetch(fetched, tmp_path)
    assert [*fetched.missing()] == []


def parquet(path: Path, sentences: list[str]) -> str:
    """Digest of a file with these sentences."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {"sentence": sentences, "label": list(range(len(sentences)))}
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return digest_of_file(path)


LOADED = """
from datasets import load_dataset
found = load_dataset("some/texts", "short")
print({name: list(found[name]["sentence"]) for name in found})
"""


def test_a_data_set_is_loaded_without_a_network_from_a_copy(tmp_path: Path) -> None:
    source = tmp_path / "source"
    names = {"train": "short/train.parquet", "test": "short/test.parquet"}
    digests = {
        name: parquet(source / "some" / "texts" / name, sentences)
        for name, sentences in zip(names.values(), (["a", "b"], ["c"]), strict=True)
    }
    pinned = Pinned(
        repo="some/texts", kind="dataset", config="short", revision=COMMIT, files=digests, splits=names
    )  # fmt: skip
    fetched = Fetched(tmp_path / "fetched", Profile(pinned=(pinned,)))
    fetch(fetched, source)
    home = tmp_path / "home"
    for name, data in fetched.copies():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(data)
    assert all(name.startswith(f"{CACHE}/datasets/some___texts/short/") for name, _ in fetched.copies())
    env = {"HOME": str(home), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "PATH": os.environ["PATH"]}
    command = [sys.executable, "-W", "ignore", "-c", LOADED]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "{'train': ['a', 'b'], 'test': ['c']}\n"
    shutil.rmtree(fetched.prepared)
    assert [*fetched.missing()] == ["some/texts is not prepared"]


def test_the_command_says_when_there_is_nothing_to_fetch(tmp_path: Path) -> None:
    new(tmp_path, "ps1")
    done = CliRunner().invoke(app, ["fetch", "ps1", "--profile", "default", "--course-dir", str(tmp_path)])
    assert done.output == "the profile default of ps1 needs nothing\n"

"""Fetch what a profile needs, from the Hugging Face hub, a mirror or a folder, and believe none of them.

Every file is pinned by a commit and by its SHA-256, which the assignment declares. What is complete stays when the next
file fails; a download whose connection breaks is taken up where it broke off.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autograder.assignment import Pinned
from autograder.classrun.fetched import Fetched, dataset_folder, digest_of_file, repository, snapshot
from autograder.errors import GraderError, UsageError

MIRROR = "HF_ENDPOINT"
"""Variable with the address of a mirror; Hugging Face's own libraries read it, too."""


def fetch_pinned(fetched: Fetched, source: Path | None, say: Callable[[str], None]) -> None:
    """Have everything there, as declared; UsageError or GraderError says which file is not, and what to do."""
    if source is None:
        require_allowed()
    for pinned in fetched.profile.pinned:
        for name in pinned.files:
            say(f"{pinned.repo}/{name}: {have(fetched.hub, pinned, name, source)}")
        name_the_commit(fetched.hub, pinned)
        if pinned.splits:
            prepare_dataset(fetched, pinned)
    for path in (fetched.folder, *fetched.folder.rglob("*")):
        open_for_reading(path)


def require_allowed() -> None:
    """UsageError when the operator's own variable forbids any download: a file would only seem not to be there."""
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        raise UsageError("HF_HUB_OFFLINE forbids any download. Unset it and fetch again, or name a folder with --from.")


def have(hub: Path, pinned: Pinned, name: str, source: Path | None) -> str:
    """Have one file there, as declared; the word for what was done."""
    path = snapshot(hub, pinned) / name
    if path.is_file() and digest_of_file(path) == pinned.files[name]:
        return "is there"
    forget(path)
    if source is None:
        download(hub, pinned, name)
    else:
        copy(source / pinned.repo / name, path)
    if (found := digest_of_file(path)) != pinned.files[name]:
        forget(path)
        raise GraderError(
            f"{pinned.repo}/{name} from {origin(source)} is not the file that was declared: its SHA-256 is {found}, "
            f"not {pinned.files[name]}. It was removed. Was it changed on the way, or does the mirror lie? Fetch it "
            f"again from elsewhere ({MIRROR}, --from). Change the digest only if you know that it is wrong."
        )
    return f"fetched from {origin(source)}"


def origin(source: Path | None) -> str:
    """Where files come from, in words."""
    return str(source or os.environ.get(MIRROR) or "the Hugging Face hub")


def forget(path: Path) -> None:
    """Remove a file, and in a cache of the hub what it is a link to."""
    target = path.resolve()
    for one in (path, target):
        one.unlink(missing_ok=True)


def copy(source: Path, path: Path) -> None:
    """Copy one file out of the operator's folder."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path)
    except OSError as error:
        raise UsageError(
            f"{source} cannot be copied ({error.strerror}). Lay the files out as --from expects them: a folder for "
            "each repository, under its whole name, with the files under theirs."
        ) from error


def download(hub: Path, pinned: Pinned, name: str) -> None:
    """Download one file into the cache of the hub."""
    try:
        import huggingface_hub
    except ImportError:
        raise UsageError("fetching needs huggingface_hub: pip install 'autograder[full]', or use --from.") from None
    wanted: dict[str, Any] = {"repo_type": pinned.kind, "revision": pinned.revision, "cache_dir": hub}
    try:
        huggingface_hub.hf_hub_download(pinned.repo, name, endpoint=os.environ.get(MIRROR), **wanted)
    except Exception as error:
        # Of HTTP, of the hub, of the disk: there are a dozen, which differ from version to version.
        raise GraderError(
            f"{pinned.repo}/{name} could not be fetched from {origin(None)} ({type(error).__name__}: "
            f"{str(error)[:300]}). Is there a way to it, and room on the disk? What is complete is kept: give the same "
            f"command again, name a mirror with {MIRROR}, or a folder that has the files with --from."
        ) from error


def name_the_commit(hub: Path, pinned: Pinned) -> None:
    """Let a library that asks for no commit in particular find this one."""
    main = repository(hub, pinned) / "refs" / "main"
    main.parent.mkdir(parents=True, exist_ok=True)
    main.write_text(pinned.revision)


def prepare_dataset(fetched: Fetched, pinned: Pinned) -> None:
    """Write a data set as the library ``datasets`` keeps it, which it then loads without asking anybody."""
    try:
        import datasets
        from datasets.arrow_writer import ArrowWriter
    except ImportError:
        raise UsageError(f"preparing {pinned.repo} needs datasets: pip install 'autograder[course]'.") from None
    folder, name = dataset_folder(fetched.prepared, pinned), pinned.repo.rpartition("/")[2]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    splits, features = {}, None
    for split, file in pinned.splits.items():
        import pyarrow.parquet

        table = pyarrow.parquet.read_table(snapshot(fetched.hub, pinned) / file)
        features = datasets.Features.from_arrow_schema(table.schema)
        with ArrowWriter(path=str(folder / f"{name}-{split}.arrow"), features=features) as writer:
            writer.write_table(table)
            examples, size = writer.finalize()
        splits[split] = datasets.SplitInfo(name=split, num_bytes=size, num_examples=examples, dataset_name=name)
    info = datasets.DatasetInfo(features=features, config_name=pinned.config, dataset_name=name, version="0.0.0")
    info.splits = datasets.SplitDict(splits, dataset_name=name)
    info.write_to_directory(str(folder))


def open_for_reading(path: Path) -> None:
    """Let everybody read it: students' processes are a user of their own when the operator is root."""
    if not path.is_symlink():
        path.chmod(0o755 if path.is_dir() else 0o644)

"""What a kernel under Landlock may open of the host: what ``mounts.py`` would mount, and nothing else.

Landlock allows whole folders with all that is below them. So where something below is to stay hidden, what stands
beside it is allowed one by one; then the names of what is hidden can be read, and their content cannot.
"""

from __future__ import annotations

import functools
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from autograder.errors import SandboxError
from autograder.kernel.folders import owner_folder
from autograder.kernel.gpu import GpuGrant
from autograder.kernel.landlock import EXECUTE, IOCTL_DEVICE, READ_DIR, READ_FILE, WRITE_FILE
from autograder.kernel.mounts import HOME, SandboxPlan, hidden_folders, interpreter, interpreter_folders

READING = READ_FILE | READ_DIR | EXECUTE
ALL_OF_DEVICE = READ_FILE | WRITE_FILE | IOCTL_DEVICE
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
READ_FILES = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts", "/proc")
DEVICES = {
    "/dev/null": READ_FILE | WRITE_FILE,
    "/dev/zero": READ_FILE | WRITE_FILE,
    "/dev/full": READ_FILE | WRITE_FILE,
    "/dev/random": READ_FILE,
    "/dev/urandom": READ_FILE,
}


@functools.lru_cache(maxsize=32)
def visible_paths(plan: SandboxPlan) -> tuple[tuple[Path, int], ...]:
    """Every path of the host that is to be opened, and the rights to it."""
    # It refuses an interpreter that would show too much.
    interpreter(plan)
    hidden = hidden_folders(plan)
    folders = [Path(name) for name in (*SYSTEM, *interpreter_folders()) if Path(name).is_dir()]
    found = [pair for folder in folders for pair in around(folder.resolve(), hidden)]
    found += [(Path(name), READING) for name in READ_FILES]
    found += [(Path(name), rights) for name, rights in DEVICES.items()]
    if plan.gpu:
        found += opened_card(plan.gpu)
    return tuple(dict.fromkeys(found))


def opened_card(gpu: GpuGrant) -> list[tuple[Path, int]]:
    """The one card that was assigned: its nodes, and what its driver reads."""
    nodes = [(Path(source), ALL_OF_DEVICE) for source, _ in gpu.nodes]
    read = [*(source for source, _ in gpu.binds), *(place for _, place in gpu.links)]
    return nodes + [(Path(name).resolve(), READING) for name in read]


def around(folder: Path, hidden: tuple[Path, ...]) -> Iterator[tuple[Path, int]]:
    """The folder with reading rights, or if something below is hidden, all that stands beside that."""
    if folder in hidden:
        return
    if not any(path.is_relative_to(folder) for path in hidden):
        yield folder, READING
        return
    # Python lists a folder of packages before it imports one.
    yield folder, READ_DIR
    for entry in sorted(folder.iterdir()):
        # SECURITY: Landlock allows where a link leads, into what is hidden or out of all that is shown. What may be
        # read there is allowed under its own name.
        if entry.is_symlink() or entry in hidden:
            continue
        if entry.is_dir():
            yield from around(entry, hidden)
        else:
            yield entry, READING


def furnished(plan: SandboxPlan, home: Path) -> list[tuple[Path, int]]:
    """Put what the host shows on purpose where the plan wants it; returns what to open for it, and the rights."""
    hidden = hidden_folders(plan)
    pairs = [(Path(source), Path(target)) for source, target in plan.read_only]
    return [opened for source, target in pairs for opened in _furnish_one(source, target, home, hidden)]


def _furnish_one(source: Path, target: Path, home: Path, hidden: tuple[Path, ...]) -> Iterable[tuple[Path, int]]:
    if target == source:
        return around(source.resolve(), hidden)
    if not target.is_relative_to(HOME):
        problem = f"{source} is to be shown as {target}, and without namespaces only {HOME} can be made up"
        raise SandboxError("landlock", problem, remedy=f"Show it below {HOME}")
    copy = copied(source.resolve(), hidden)
    place = home / target.relative_to(HOME)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(copy)
    return [(copy, READING)]


@functools.lru_cache(maxsize=32)
def _copied_once(source: Path, hidden: tuple[Path, ...], owner: Path) -> Path:
    copy = owner / f"shown-{abs(hash((source, hidden))):x}"
    if source.is_dir():
        shutil.copytree(source, copy, ignore=lambda at, names: [n for n in names if _leads_away(at, n, source, hidden)])
    else:
        shutil.copyfile(source, copy)
    for path in (copy, *copy.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return copy


def _leads_away(at: str, name: str, source: Path, hidden: tuple[Path, ...]) -> bool:
    """Whether it is hidden, or a link to what is, or out of the copied folder, or back to a folder around it."""
    there = Path(at, name).resolve()
    if any(there.is_relative_to(path) for path in hidden) or not there.is_relative_to(source):
        return True
    return Path(at).resolve().is_relative_to(there)


def copied(source: Path, hidden: tuple[Path, ...]) -> Path:
    """One copy for all kernels of this process, so that no user of a kernel needs a way to the original."""
    return _copied_once(source, hidden, owner_folder())


def blocked_way(path: Path) -> Path | None:
    """The outermost folder on the way there that other users may not pass, if there is one."""
    ways = [*reversed(path.resolve().parents), path.resolve()]
    return next((way for way in ways if way.is_dir() and not way.stat().st_mode & stat.S_IXOTH), None)


def require_passable(work: Path) -> None:
    """Return when a user of its own can reach interpreter and work folder; SandboxError with the remedy when not."""
    for folder in map(Path, interpreter_folders()):
        if way := blocked_way(folder):
            problem = f"only root may pass {way}, where the interpreter {folder} is, and a kernel has another user"
            remedy = f"Install Python and the packages where everybody may read them, or: chmod o+x {way}"
            raise SandboxError("identity", problem, remedy=remedy)
    if way := blocked_way(work):
        problem = f"only root may pass {way}, where the work folder of a kernel would be"
        raise SandboxError("identity", problem, remedy="Set TMPDIR to a folder that everybody may pass")

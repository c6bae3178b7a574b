"""The tool itself as a wheel, made of what is installed or checked out here: no network and no build tool is needed."""

import base64
import hashlib
import io
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import distribution, version
from pathlib import Path
from typing import Any

PACKAGE_FOLDER = Path(__file__).parent.parent
CHECKOUT = PACKAGE_FOLDER.parent / "pyproject.toml"
"""Of a checkout; what is installed as a wheel has none, and its metadata instead."""
SPEC = PACKAGE_FOLDER / "kernel" / "spec"
SPEC_PLACE = "share/jupyter/kernels/autograder-sandbox"
"""Where Jupyter looks for the kernel, under the environment's prefix."""
WHEEL_TEXT = "Wheel-Version: 1.0\nGenerator: autograder\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
FIRST_DAY = (1980, 1, 1, 0, 0, 0)
"""In every archive that is made here, so that the same content gives the same bytes."""


def tool_requirements() -> list[str]:
    """What the tool needs, as it declares it: without what only a course of its own, a cluster or a developer needs."""
    if (project := checked_out()) is not None:
        return [str(text) for text in project["dependencies"]]
    return [text for text in distribution("autograder").requires or () if "extra ==" not in text]


def checked_out() -> Any:
    """The project's table in the checkout that this runs from, or None."""
    if not CHECKOUT.is_file():
        return None
    project = tomllib.loads(CHECKOUT.read_text(encoding="utf-8")).get("project", {})
    return project if project.get("name") == "autograder" else None


def wheel_name() -> str:
    """Its file name."""
    return f"autograder-{version('autograder')}-py3-none-any.whl"


def wheel() -> bytes:
    """The wheel's bytes; the same for the same files."""
    release = f"autograder-{version('autograder')}"
    content = dict(wheel_files(release))
    records = [f"{name},sha256={digest_in_record(data)},{len(data)}" for name, data in content.items()]
    record = f"{release}.dist-info/RECORD"
    content[record] = "\n".join([*records, f"{record},,", ""]).encode()
    return zip_of(content)


def wheel_files(release: str) -> Iterator[tuple[str, bytes]]:
    """Name and content of everything but the list of it."""
    for path in sorted(PACKAGE_FOLDER.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield f"autograder/{path.relative_to(PACKAGE_FOLDER).as_posix()}", path.read_bytes()
    for path in sorted(SPEC.iterdir()):
        yield f"{release}.data/data/{SPEC_PLACE}/{path.name}", path.read_bytes()
    about = f"{release}.dist-info"
    needs = "".join(f"Requires-Dist: {text}\n" for text in tool_requirements())
    head = f"Metadata-Version: 2.1\nName: autograder\nVersion: {version('autograder')}\n"
    yield f"{about}/METADATA", (head + needs).encode()
    yield f"{about}/WHEEL", WHEEL_TEXT.encode()
    yield f"{about}/entry_points.txt", entry_points_text().encode()


def entry_points_text() -> str:
    """The command, and the kernel provisioner that Jupyter looks for, as they are installed here."""
    points = sorted(distribution("autograder").entry_points, key=lambda point: (point.group, point.name))
    groups = dict.fromkeys(point.group for point in points)
    lines = {group: [f"{p.name} = {p.value}" for p in points if p.group == group] for group in groups}
    return "\n".join(line for group, named in lines.items() for line in (f"[{group}]", *named, ""))


def digest_in_record(data: bytes) -> str:
    """SHA-256 as a wheel's list has it."""
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def zip_of(content: dict[str, bytes], executable: tuple[str, ...] = ()) -> bytes:
    """A zip archive of these files; those named are programs."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            info = zipfile.ZipInfo(name, FIRST_DAY)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (0o100755 if name in executable else 0o100644) << 16
            archive.writestr(info, data)
    return file.getvalue()

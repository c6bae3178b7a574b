"""What grading one assignment needs, as a list of exact versions: those installed here, PyTorch for the CPU."""

import ast
import sys
from collections.abc import Iterable, Set
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path

import nbformat
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from autograder.assignment import Assignment
from autograder.course import Course
from autograder.places.wheel import tool_requirements

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
"""PyTorch's builds without CUDA; for Linux the package index has only those with it."""


def requirements_text(course: Course, assignment: Assignment) -> str:
    """Lines for pip: what the tool needs and what the assignment imports, and nothing that only students need."""
    ours = [Requirement(text) for text in tool_requirements()]
    own = {canonicalize_name(one.name) for one in ours if one.marker is None or one.marker.evaluate()}
    names = {*own, *libraries_of(course, assignment)}
    pins = sorted(pin for name in names if (pin := pinned(name)))
    index = [f"--extra-index-url {CPU_INDEX}"] if "torch" in names else []
    return "\n".join([f"# What grading {assignment.name} needs, and no more.", *index, *pins, ""])


def pinned(name: str) -> str:
    """The version that is installed here; of PyTorch its build without CUDA; empty for what is not installed."""
    try:
        found = version(name).partition("+")[0]
    except PackageNotFoundError:
        return ""
    return f"{name}=={found}+cpu" if name == "torch" else f"{name}=={found}"


def libraries_of(course: Course, assignment: Assignment) -> Set[str]:
    """Distributions that the instructor's notebooks and the assignment's files import, or the declaration names."""
    notebooks = [
        nbformat.read(course.source(assignment.name, n), as_version=4) for n in course.notebooks(assignment.name)
    ]
    cells = [cell.source for notebook in notebooks for cell in notebook.cells if cell.cell_type == "code"]
    files = [path.read_text(encoding="utf-8") for path in sorted(assignment.folder.glob("*.py"))]
    modules = imported_modules([*cells, *files]) | {n.partition(".")[0] for n in assignment.declaration.imports}
    known = packages_distributions()
    found = {name for module in modules for name in known.get(module, ())} | {*assignment.declaration.packages}
    return {canonicalize_name(name) for name in found} - {"autograder"}


def imported_modules(texts: Iterable[str]) -> set[str]:
    """Top-level modules that these texts import, the standard library's left out; a cell of magics is skipped."""
    names: set[str] = set()
    for text in texts:
        try:
            tree = ast.parse(text)
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    return names - sys.stdlib_module_names


def course_files(course: Course, assignment: Assignment) -> dict[str, bytes]:
    """Name within the course -> content of what grading the assignment reads: configuration, source, hidden tests."""
    source = course.source(assignment.name, course.notebooks(assignment.name)[0]).parent
    paths = [course.root / "nbgrader_config.py", *files_in(source), *files_in(assignment.folder)]
    return {path.resolve().relative_to(course.root.resolve()).as_posix(): path.read_bytes() for path in paths}


def files_in(folder: Path) -> list[Path]:
    """Every file of ours in a folder and below; nothing that Python has compiled or Jupyter has put aside."""
    left_out = {"__pycache__", ".ipynb_checkpoints"}
    return [p for p in sorted(folder.rglob("*")) if p.is_file() and not left_out & set(p.parts)]

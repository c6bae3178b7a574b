"""The places that name versions agree, and each reader gets what their part needs."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions, version
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

import autograder
from autograder.embedded import module_texts
from tests.builders import NAME, ROOT, source_notebook


def pins() -> dict[str, str]:
    """Name -> version in requirements.txt."""
    return exact(ROOT / "requirements.txt")


def exact(path: Any) -> dict[str, str]:
    """Name -> version of every line with ==."""
    found = (re.match(r"([\w.-]+)==([\w.]+)", line) for line in path.read_text().splitlines())
    return {match[1].lower(): match[2] for match in found if match}


def project() -> Any:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def conda() -> Any:
    return yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]


def students() -> dict[str, Requirement]:
    """What students install, by name."""
    lines = (ROOT / "source" / NAME / "requirements.txt").read_text().splitlines()
    found = [Requirement(line) for line in lines if not line.startswith("#")]
    return {requirement.name.lower(): requirement for requirement in found}


def imported() -> set[str]:
    """Top-level modules that the code of the students' notebook imports, standard library and its own parts aside."""
    cells = [ast.parse(cell.source) for cell in source_notebook().cells if cell.cell_type == "code"]
    trees = [*cells, *(ast.parse(text) for cell in cells for text in module_texts(cell))]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    named = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    return {name.split(".")[0] for name in plain | named} - set(sys.stdlib_module_names)


def test_conda_takes_its_pins_from_the_one_list() -> None:
    # conda runs pip in the folder of environment.yml, so that the path leads to the list beside it.
    assert conda()[1:] == ["pip", {"pip": ["-r requirements.txt"]}]
    assert len(pins()) > 20


def test_the_torch_pin_is_the_one_that_has_a_cpu_build() -> None:
    assert pins()["torch"] == "2.13.0"


def test_every_declared_range_admits_the_pinned_version() -> None:
    extras = project()["optional-dependencies"].values()
    for text in [*project()["dependencies"], *(text for extra in extras for text in extra)]:
        requirement = Requirement(text)
        name = requirement.name.lower()
        assert requirement.specifier.contains(pins().get(name) or version(name)), text


def test_conda_offers_a_python_that_the_package_accepts() -> None:
    assert project()["requires-python"] == ">=3.11"
    assert conda()[0] == "python=3.11"


def test_students_get_everything_that_their_notebook_imports() -> None:
    names = packages_distributions()
    missing = {m for m in imported() if not {name.lower() for name in names[m]} & set(students())}
    assert imported() > {"torch", "peft", "pandas"}
    assert missing == set()


@pytest.mark.parametrize("name", sorted(students()))
def test_what_students_may_install_is_what_the_notebook_is_tested_with(name: str) -> None:
    oldest = exact(ROOT / "tests" / "notebook" / "oldest.txt")
    for tested in (version(name), oldest.get(name, version(name))):
        assert students()[name].specifier.contains(tested)
    bounds = {one.version for one in students()[name].specifier if one.operator == ">="}
    assert all(oldest[name].startswith(bound) for bound in bounds)


def test_the_release_holds_the_students_list() -> None:
    lists = [ROOT / folder / NAME / "requirements.txt" for folder in ("source", "release")]
    assert lists[0].read_bytes() == lists[1].read_bytes()


def test_the_citation_names_this_version_and_this_licence() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == autograder.__version__
    assert citation["license"] == project()["license"] == "BSD-3-Clause"
    assert (ROOT / "LICENSE").read_text().startswith("BSD 3-Clause License")


def test_the_package_says_that_it_is_typed() -> None:
    assert (ROOT / "autograder" / "py.typed").is_file()

"""The three places that name versions agree."""

import re
import tomllib

from packaging.requirements import Requirement

from tests.builders import ROOT


def pins() -> dict[str, str]:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    found = (re.match(r"([\w.-]+)==([\w.]+)", line) for line in lines if not line.startswith("#"))
    return {match[1].lower(): match[2] for match in found if match}


def test_conda_installs_exactly_the_pinned_versions_through_pip() -> None:
    requirements = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line[0] != "#"]
    pip_section = (ROOT / "environment.yml").read_text().split("- pip:\n")[1]
    assert [line.strip().removeprefix("- ") for line in pip_section.splitlines()] == requirements


def test_the_torch_pin_is_the_one_that_has_a_cpu_build() -> None:
    assert pins()["torch"] == "2.13.0"


def test_every_declared_range_admits_the_pinned_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = project["dependencies"] + [text for extra in project["optional-dependencies"].values() for text in extra]
    for text in declared:
        requirement = Requirement(text)
        assert requirement.specifier.contains(pins()[requirement.name.lower()]), text


def test_conda_offers_a_python_that_the_package_accepts() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.11"
    assert "- python=3.11\n" in (ROOT / "environment.yml").read_text()

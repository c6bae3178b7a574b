"""A class without kernels for each test, made once for all of them."""

from pathlib import Path

import pytest

from tests.classrun.without_kernels import Class, registered_course


@pytest.fixture(scope="session")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course in which nobody was graded yet."""
    return registered_course(tmp_path_factory.mktemp("registered"))


@pytest.fixture
def class_(registered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Class:
    """Three students; nobody was graded yet."""
    return Class(registered, tmp_path / "course", monkeypatch)

"""Where submissions are run."""

import sys
from dataclasses import replace

import pytest

from autograder.classrun.machines import HERE, Machines, amounts, isolation, machines
from autograder.classrun.settings import Settings, settings_of
from autograder.errors import UsageError
from autograder.observe.stop import Stop
from tests import builders


@pytest.fixture(scope="module")
def settings() -> Settings:
    """Of HW 8."""
    return settings_of(builders.assignment(), builders.ROOT / "source" / builders.NAME / f"{builders.NAME}.ipynb")


def test_without_dask_a_scheduler_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    for name in ("cluster", "worker_side", "unpickled"):
        monkeypatch.delitem(sys.modules, f"autograder.classrun.{name}", raising=False)
    with (
        pytest.raises(UsageError, match=r"pip install 'autograder\[cluster\]'"),
        machines("tcp://somewhere:8786", "", Stop(), sandboxed=True),
    ):
        pass


def test_without_a_scheduler_it_is_this_machine() -> None:
    with machines("", "", Stop(), sandboxed=False) as where:
        assert where is HERE


def test_a_cluster_says_how_many_run_at_a_time_unless_the_operator_does(settings: Settings) -> None:
    there = Machines("on 2 workers", 16, lambda settings: None)
    assert there.at_a_time(settings, None).jobs == 16
    assert there.at_a_time(settings, 5).jobs == 5
    assert HERE.at_a_time(settings, 3).jobs == 3


def test_the_head_of_a_run_says_where_and_how_it_is_isolated(settings: Settings) -> None:
    assert isolation(settings, Machines("on 2 workers", 16, lambda settings: None)) == "in sandboxes on 2 workers"
    assert isolation(settings, HERE).startswith("in a sandbox")
    assert "WITHOUT" in isolation(replace(settings, sandboxed=False), HERE)


def test_resources_are_names_with_amounts() -> None:
    assert amounts("GPU=1,MEMORY=4e9") == {"GPU": 1.0, "MEMORY": 4e9}
    assert amounts("") == {}
    with pytest.raises(UsageError, match="write GPU=1"):
        amounts("GPU")

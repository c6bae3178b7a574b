import pytest

from autograder.errors import UsageError
from autograder.kernel.limits import LimitHit, Limits
from autograder.kernel.resident import ceilings


def test_overrides_replace_some_defaults() -> None:
    limits = Limits.from_overrides({"wall_s": 5})
    assert limits.wall_s == 5
    assert limits.cpu_s == Limits().cpu_s


def test_a_limit_that_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="wall_time"):
        Limits.from_overrides({"wall_time": 5})


@pytest.mark.parametrize("value", [0, -1, 1.5e9])
def test_a_limit_of_nothing_or_of_no_whole_number_is_refused_by_name(value: float) -> None:
    with pytest.raises(UsageError, match="memory_bytes"):
        Limits.from_overrides({"memory_bytes": value})


def test_a_limit_that_was_hit_reads_as_name_and_value() -> None:
    assert str(LimitHit("wall_s", 600.0, killed=True)) == "wall_s = 600"


def test_the_process_limit_on_processor_time_comes_after_the_watchdog() -> None:
    soft, hard = ceilings(Limits(cpu_s=10.0), counted=True)["RLIMIT_CPU"]
    assert 10 < soft < hard

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


@pytest.mark.parametrize("value", [0, -1])
def test_a_limit_of_nothing_is_refused_by_name(value: int) -> None:
    with pytest.raises(UsageError, match="memory_bytes"):
        Limits(memory_bytes=value)


def test_a_limit_that_was_hit_reads_as_name_and_value() -> None:
    assert str(LimitHit("wall_s", 600.0, killed=True)) == "wall_s = 600"


def test_the_process_limit_on_processor_time_comes_after_the_watchdog() -> None:
    soft, hard = ceilings(Limits(cpu_s=10.0))["RLIMIT_CPU"]
    assert 10 < soft < hard

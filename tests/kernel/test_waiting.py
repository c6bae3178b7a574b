"""Waiting works with any descriptor that the system gives."""

import os
import resource
from collections.abc import Iterator

import pytest

from autograder.kernel.waiting import has_input

HIGH = 1500


@pytest.fixture
def high() -> Iterator[tuple[int, int]]:
    """Both ends of a pipe, the read end with a number beyond what ``select`` knows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard <= HIGH:
        pytest.skip(f"no process may have more than {hard} descriptors here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, HIGH + 1), hard))
    low, write_end = os.pipe()
    os.dup2(low, HIGH)
    os.close(low)
    yield HIGH, write_end
    os.close(HIGH)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_pipe_with_a_high_number_is_waited_for(high: tuple[int, int]) -> None:
    read_end, write_end = high
    with open(read_end, "rb", buffering=0, closefd=False) as stream:
        assert not has_input(stream, 0)
        os.write(write_end, b"x")
        assert has_input(stream, 0)
        assert stream.read(1) == b"x"
        os.close(write_end)
        assert has_input(stream, 0)

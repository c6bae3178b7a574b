"""What a run tells of itself."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from autograder.classrun.display import Display, shown, span
from autograder.classrun.stream import Turn, TurnState
from autograder.models import Submission


class Clock:
    """Shows what a test says."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def end(display: Display, student: str, state: TurnState = "observed", *, last: bool = False) -> None:
    """A student's turn ends so."""
    display.ended(Turn(Submission(student, "hw", Path()), state), last)


def test_it_tells_what_runs_waits_and_fails_how_fast_and_how_long_yet() -> None:
    clock = Clock()
    display = Display(10, clock)
    display.begins("ada")
    clock.now = 20.0
    display.begins("bob")
    end(display, "cleo")
    end(display, "dan")
    end(display, "eve", "failed", last=True)
    display.waits(1)
    clock.now = 60.0
    assert display.told() == "2 running, 1 ?, 1 failed, 2/min, 3:30 left, slowest ada 1:00"


def test_who_has_another_turn_is_not_done_yet() -> None:
    display = Display(2)
    display.begins("ada")
    end(display, "ada", "starved")
    assert (display.done, display.running) == (0, {})
    end(display, "ada", "observed", last=True)
    assert display.done == 1


def test_who_was_skipped_says_nothing_of_the_pace_and_who_was_interrupted_is_not_done() -> None:
    display = Display(2)
    end(display, "ada", "published")
    end(display, "bob", "interrupted")
    assert (display.done, display.ran, display.told()) == (1, 0, "")


def test_a_watched_turn_begins_and_ends() -> None:
    display, seen = Display(1), []

    def work(submission: Submission, last: bool) -> Turn:
        seen.append(dict(display.running))
        return Turn(submission, "observed")

    display.watched(work)(Submission("ada", "hw", Path()), False)
    assert [*seen[0]] == ["ada"]
    assert (display.done, display.running) == (1, {})


def lines(total: int, seconds_each: float) -> list[str]:
    """What is written where there is no terminal."""
    file, clock = io.StringIO(), Clock()
    with shown("grading", total, Console(file=file, width=200)) as display:
        display.clock = clock
        for number in range(total):
            clock.now += seconds_each
            end(display, f"s{number}", "published")
    return [line.split()[1] for line in file.getvalue().splitlines()]


def test_a_plain_line_comes_with_each_tenth() -> None:
    assert lines(200, 0.01) == [f"{n}/200" for n in range(20, 201, 20)]


def test_a_plain_line_comes_every_half_minute_too() -> None:
    assert lines(50, 31.0) == [f"{n}/50" for n in range(1, 51)]


def test_a_terminal_has_one_line_that_moves() -> None:
    file = io.StringIO()
    with shown("grading", 3, Console(file=file, width=120, force_terminal=True)) as display:
        for student in ("ada", "bob", "cleo"):
            end(display, student)
    assert "3/3" in file.getvalue()


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (61, "1:01"), (3599.6, "1:00:00"), (36061, "10:01:01")])
def test_a_time_is_read_as_on_a_clock(seconds: float, text: str) -> None:
    assert span(seconds) == text

"""Who is graded: a random part of a class can be drawn again."""

from pathlib import Path

import pytest

from autograder.classrun.chosen import sampled
from autograder.errors import UsageError
from autograder.models import Submission

CLASS = [Submission(f"student{i:03}", "ps1", Path()) for i in range(200)]


def test_a_sample_is_random_and_says_how_to_draw_it_again() -> None:
    chosen, said = sampled(CLASS, "10")
    assert len(set(chosen)) == 10
    assert chosen == sorted(chosen, key=lambda one: one.student)
    prefix, again = said.rsplit("--sample ", 1)
    assert prefix == "a random sample of 10 of 200; "
    assert sampled(CLASS, again.removesuffix(" draws it again")) == (chosen, said)
    assert sampled(CLASS, "10:1")[0] != sampled(CLASS, "10:2")[0]


def test_of_a_small_class_all_are_in_the_sample() -> None:
    assert sampled(CLASS[:3], "10:1")[0] == CLASS[:3]


@pytest.mark.parametrize("text", ["0", "-1", "ten", "10:x", ":1", "0:5"])
def test_a_text_that_is_no_sample_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=f"'{text}' is no sample: write a number above 0"):
        sampled(CLASS, text)

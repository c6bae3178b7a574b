"""What hidden tests say of mistakes that the later banks brought up: the cause that is there, and no other."""

from pathlib import Path

import pytest

from autograder.models import Score
from tests.assignments import banks
from tests.assignments.judged import concerned, judged, lost, messages, scores_of

TOLD = {
    "q2_rows_that_overlap": "share their memory",
    "q2_a_product_of_a_parameter": "PyTorch registers and trains only an nn.Parameter",
    "q2_the_transpose_of_a_parameter": "PyTorch registers and trains only an nn.Parameter",
    "q3_a_sum_without_an_axis": "summed to a single number",
    "q3_a_mean_without_an_axis": "averaged to a single number",
    "q4_an_upper_bound_forgotten": "as far below zero as above",
    "q5_appended_in_a_comprehension": "a list of NoneType is returned",
    "q5_the_numbers_of_the_handles": "a list of int is returned",
    "q5_hooks_kept_not_registered": "the hook functions are returned",
    "r4_a_fork_without_a_seed": "state of the random numbers put back",
    "r4_skipped_while_b_is_zero": "no gradient reaches B while B is zero",
    "r4_sixteen_bits": "is it kept in 16 bits",
    "r5_a_hook_for_every_module": "or registered for all modules",
    "r5_matrices_shared_by_the_layers": "has A and B of its own",
    "r5_the_same_block_twice": "for 1 layer:",
}
"""A wrong solution -> words of what its student reads."""


ENTRIES = [entry for entry in banks.read("fourth_wrong", "fifth_wrong") if entry.name in TOLD]


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Score]]:
    """The scores of these solutions, judged in one run."""
    folder: Path = tmp_path_factory.mktemp("told")
    return scores_of(ENTRIES, judged(ENTRIES, folder, 7000, concerned))


def test_each_loses_its_own_todo_and_reads_the_cause(scores: dict[str, list[Score]]) -> None:
    assert {name: lost(row) for name, row in scores.items()} == {entry.name: entry.loses for entry in ENTRIES}
    assert [name for name, row in scores.items() if TOLD[name] not in messages(row)] == []


def test_a_single_number_is_no_sum_of_x_times_some_factor(scores: dict[str, list[Score]]) -> None:
    texts = {name: messages(row) for name, row in scores.items()}
    assert "neither A nor B" not in texts["q3_a_sum_without_an_axis"] + texts["q3_a_mean_without_an_axis"]

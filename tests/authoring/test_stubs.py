"""Stubs name their exercise."""

from nbformat.v4 import new_code_cell, new_notebook

from autograder.authoring.stubs import ClearSolutionsByLabel

SOURCE = """def f():
    ### BEGIN SOLUTION{first}
    secret = 1
    ### END SOLUTION

    def g():
        ### BEGIN SOLUTION{second}
        return secret
        ### END SOLUTION
"""


def cleared(first: str = "", second: str = "") -> str:
    metadata = {"nbgrader": {"grade_id": "both", "solution": True, "grade": False, "locked": False}}
    cell = new_code_cell(SOURCE.format(first=first, second=second), metadata=metadata)
    source: str = ClearSolutionsByLabel().preprocess(new_notebook(cells=[cell]), {})[0].cells[0].source
    return source


def test_each_region_of_a_cell_names_its_own_exercise() -> None:
    source = cleared(" TODO 2", " TODO 3")
    assert source.index("TODO 2:") < source.index("def g():") < source.index("TODO 3:")
    assert "secret" not in source


def test_regions_without_a_label_keep_nbgraders_stub() -> None:
    assert cleared().count("raise NotImplementedError()") == 2

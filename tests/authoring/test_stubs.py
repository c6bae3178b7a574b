"""Stubs name their TODO."""

from nbformat.v4 import new_code_cell, new_notebook

from autograder.authoring.stubs import ClearSolutionsByTodo

SOURCE = """def f():
    ### BEGIN SOLUTION
    secret = 1
    ### END SOLUTION

    def g():
        ### BEGIN SOLUTION
        return secret
        ### END SOLUTION
"""


def cleared(grade_id: str) -> str:
    metadata = {"nbgrader": {"grade_id": grade_id, "solution": True, "grade": False, "locked": False}}
    notebook = new_notebook(cells=[new_code_cell(SOURCE, metadata=metadata)])
    source: str = ClearSolutionsByTodo().preprocess(notebook, {})[0].cells[0].source
    return source


def test_each_region_of_a_cell_names_its_own_todo() -> None:
    source = cleared("solution_todo2_3")
    assert source.index("TODO 2:") < source.index("def g():") < source.index("TODO 3:")
    assert "secret" not in source


def test_a_solution_cell_of_another_name_keeps_nbgraders_stub() -> None:
    assert cleared("essay").count("raise NotImplementedError()") == 2

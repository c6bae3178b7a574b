"""What cells and notebooks are known by: ids, metadata, the kernel's name."""

from tests.scenarios.damaged.notebooks import Notebook, cells, damages, nbgrader, solutions


def metadata_lost(notebook: Notebook) -> None:
    for cell in cells(notebook):
        cell["metadata"] = {}


def metadata_and_ids_lost(notebook: Notebook) -> None:
    for cell in cells(notebook):
        cell["metadata"] = {}
        cell.pop("id", None)


def one_id_for_all(notebook: Notebook) -> None:
    for cell in cells(notebook):
        cell["id"] = "same"


def ids_of_another_release(notebook: Notebook) -> None:
    for i, cell in enumerate(cells(notebook)):
        cell["id"] = f"new-{i}"
        if nbgrader(cell):
            nbgrader(cell)["grade_id"] = f"cell-{i:016x}"


def grade_ids_one_too_far(notebook: Notebook) -> None:
    settings = [cell["metadata"] for cell in cells(notebook)]
    for cell, other in zip(cells(notebook), settings[-1:] + settings[:-1], strict=True):
        cell["metadata"] = other
        cell.pop("id", None)


def one_grade_id_for_all_solutions(notebook: Notebook) -> None:
    first = nbgrader(cells(notebook)[solutions(notebook)[0]])
    for position in solutions(notebook):
        cells(notebook)[position]["metadata"]["nbgrader"] = dict(first)


def flags_flipped(notebook: Notebook) -> None:
    for cell in cells(notebook):
        for flag in ("grade", "solution", "locked"):
            if flag in nbgrader(cell):
                nbgrader(cell)[flag] = not nbgrader(cell)[flag]


def points_and_checksums_changed(notebook: Notebook) -> None:
    for cell in cells(notebook):
        if nbgrader(cell):
            nbgrader(cell).update(points=1000, checksum="0" * 32)


def other_kernel(notebook: Notebook) -> None:
    notebook["metadata"] = {
        "kernelspec": {"name": "ir", "display_name": "R", "language": "R"},
        "language_info": {"name": "R", "version": "4.3"},
    }


def julia_and_no_metadata(notebook: Notebook) -> None:
    notebook["metadata"] = {"kernelspec": {"name": "julia-1.9", "display_name": "Julia"}}


def python_2(notebook: Notebook) -> None:
    notebook["metadata"]["kernelspec"] = {"name": "python2", "display_name": "Python 2", "language": "python"}


CASES = damages(
    metadata_lost,
    metadata_and_ids_lost,
    one_id_for_all,
    ids_of_another_release,
    grade_ids_one_too_far,
    one_grade_id_for_all_solutions,
    flags_flipped,
    points_and_checksums_changed,
    other_kernel,
    julia_and_no_metadata,
    python_2,
)

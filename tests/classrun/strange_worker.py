"""What a worker loads that does not do as it should: ``dask worker --preload tests.classrun.strange_worker``.

Which strange thing it does a student's name says; for everybody else it works. ``STRANGE_VERSION`` is the version of
NumPy that it says it has.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from autograder.classrun import parcel, worker_side
from autograder.observe import record as records

honest = worker_side.observe_unit
present = parcel.present


class Touching(Exception):
    """Unpickled, it notes in a file which process did so."""

    def __reduce__(self) -> Any:
        return exec, (f"import os; open({os.environ['TOUCHED']!r}, 'a').write(f'{{os.getpid()}} ')",)


def of_another(name: str, unit: bytes) -> bytes:
    """The Record of a student who was not asked for."""
    reply = parcel.values_in(honest(name, unit))
    record, notebook = records.unpack(reply["record"])
    return parcel.packed_values(reply | {"record": records.pack(replace(record, student="somebody"), notebook)})


def observe_unit(name: str, unit: bytes) -> Any:
    """In place of the honest one."""
    student = parcel.unpacked_unit(unit)[0].student
    if student == "raising":
        raise Touching
    if student == "dying":
        os._exit(1)
    if student == "foreign":
        return of_another(name, unit)
    return {"pickled": Touching(), "garbage": b"\x80nonsense"}.get(student) or honest(name, unit)


worker_side.observe_unit = observe_unit
if "STRANGE_VERSION" in os.environ:
    parcel.present = lambda name: os.environ["STRANGE_VERSION"] if name == "numpy" else present(name)


def touched(path: Path) -> list[int]:
    """Processes that have unpickled it."""
    return [int(pid) for pid in path.read_text().split()] if path.exists() else []

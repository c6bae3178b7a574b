"""What runs in a Dask worker: a homework that was taken in, and the runs of its submissions, in sandboxes as anywhere.

Whatever goes wrong is told in bytes: an exception would reach the client pickled, and there nothing is unpickled.
"""

import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from distributed import Worker, WorkerPlugin, get_worker

from autograder.classrun import parcel, ready
from autograder.classrun.run import run
from autograder.errors import CourseError
from autograder.kernel import choice
from autograder.kernel.folders import owner_folder
from autograder.observe import record as records


class HomeworkPlugin(WorkerPlugin):
    """One homework on a worker, unpacked when the worker joins."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.name = parcel.name_of(data)
        self.problem = "it has not been unpacked"

    def setup(self, worker: Worker) -> None:
        """Unpack it, and look whether it can be run here."""
        try:
            self.folder = Path(tempfile.mkdtemp(prefix="homework-", dir=owner_folder()))
            self.settings, asked = parcel.unpacked_parcel(self.data, self.folder)
            self.problem = parcel.differing(asked) or self.missing(worker.state.nthreads)
        except Exception as error:
            self.problem = f"{type(error).__name__}: {error}"

    def missing(self, threads: int) -> str:
        """Why this machine can run no submission, or not as many at a time; empty when it can."""
        try:
            if self.settings.sandboxed:
                ready.require_interpreter()
                choice.require_sandbox()
            allowed = ready.jobs_allowed(threads)
        except CourseError as error:
            return str(error)
        return "" if allowed == threads else f"{threads} threads are more than its descriptors allow; take {allowed}"

    def teardown(self, worker: Worker) -> None:
        """Remove what was unpacked."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def observed(self, unit: bytes) -> bytes:
        """The Record of one unit, in an envelope that says whether it got its time."""
        submission, seed, prepared = parcel.unpacked_unit(unit)
        record, notebook, served = run(submission, replace(self.settings, seed=seed), prepared)
        data = records.pack(record, json.dumps(notebook) if notebook else None)
        return parcel.packed_values({"state": "observed", "record": data, "served": served})


def observe_unit(name: str, unit: bytes) -> bytes:
    """What a worker answers; it raises nothing, since an exception would have to be unpickled."""
    worker = get_worker()
    try:
        homework = plugin_named(worker, name)
        if homework is None or homework.problem:
            return parcel.packed_values(
                {"state": "unfit", "reason": f"{worker.address}: {problem_with(name).decode()}"}
            )
        return homework.observed(unit)
    except Exception as error:
        return parcel.packed_values({"state": "failed", "reason": f"{type(error).__name__}: {error}"})


def problem_with(name: str) -> bytes:
    """Why this worker can run nothing of a homework; empty when it can."""
    homework = plugin_named(get_worker(), name)
    return (homework.problem if homework else "it has not taken the homework").encode()


def plugin_named(worker: Worker, name: str) -> HomeworkPlugin | None:
    """The homework of this name that a worker has."""
    found = worker.plugins.get(name)
    return found if isinstance(found, HomeworkPlugin) else None

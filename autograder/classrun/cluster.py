"""Observing on other machines, through Dask. The scheduler and its workers are started by whoever runs the cluster.

A worker gets a homework when it joins, and prepared submissions; it gives back Records as bytes (worker_side.py). It
runs students' code, in sandboxes, so nothing that one says is unpickled here, and every Record is looked at before it
is believed.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from distributed import Client, Future, Security
from distributed.comm.core import connect
from nbformat import NotebookNode

from autograder.classrun import parcel
from autograder.classrun.prepare import Prepared
from autograder.classrun.run import blank
from autograder.classrun.settings import Settings
from autograder.classrun.unpickled import nothing_unpickled
from autograder.classrun.worker_side import HomeworkPlugin, observe_unit, problem_with
from autograder.errors import GraderError, Interrupted, UsageError
from autograder.models import Record, Submission
from autograder.observe.stop import Stop

CONNECT_S = 30.0
"""For the scheduler at the beginning: it is there, or the address is wrong."""
CLUSTER_PATIENCE_S = 120.0
"""For the first worker, and for a scheduler that was lost."""
LOOKS = 2
"""So many times in a row, with that time between them, there may be no worker: then the run ends."""
SENT_AHEAD = 2
"""Submissions that are sent for each thread of the workers: one runs, and the next is there."""


class Cluster:
    """A scheduler and its workers, as a run sees them."""

    def __init__(self, address: str, stop: Stop, resources: Mapping[str, float] | None = None) -> None:
        """UsageError when nobody answers there, or has no worker with these resources."""
        self._address, self._stop, self._resources = address, stop, dict(resources or {})
        self._homeworks: dict[str, HomeworkPlugin] = {}
        self._changing = threading.Lock()
        try:
            # A client that fails here for another reason than patience would hang when it is thrown away.
            asyncio.run(reach(address))
            self._client = self._connected(CONNECT_S)
            self._client.wait_for_workers(1, timeout=CLUSTER_PATIENCE_S)
            self._require_resources()
        except UsageError:
            raise
        except Exception as error:
            # An address of no form, a certificate that is missing, nobody there: Dask has a class for each.
            raise UsageError(
                f"no scheduler with a worker answers at {address} ({error}). Start one (dask scheduler) and workers "
                "(dask worker ADDRESS --nworkers 1 --nthreads 4), or look at the address; see docs/cluster.md."
            ) from error

    def _connected(self, timeout_s: float) -> Client:
        return Client(
            self._address,
            name="autograder",
            timeout=timeout_s,
            set_as_default=False,
            direct_to_workers=False,
            serializers=["msgpack"],
            # The others are taken, as None, because a refusal would cost all that came in the same message.
            deserializers=["msgpack", "pickle", "dask", "error"],
        )

    def _require_resources(self) -> None:
        try:
            info = self._client.scheduler_info(n_workers=-1)
        except TypeError:
            # Earlier versions always tell of all.
            info = self._client.scheduler_info()
        offered = [worker["resources"] for worker in info["workers"].values()]
        if not any(all(one.get(name, 0) >= n for name, n in self._resources.items()) for one in offered):
            wanted = " ".join(f"{name}={n:g}" for name, n in self._resources.items())
            raise UsageError(f"no worker offers {wanted}; start one with: dask worker ... --resources {wanted}")

    def close(self) -> None:
        """Tell the workers that their homeworks are done with, and leave them to the next run."""
        for name in self._homeworks:
            with contextlib.suppress(Exception):
                self._client.unregister_worker_plugin(name)
        self._client.close()

    def threads(self) -> dict[str, int]:
        """How many submissions each worker runs at a time, by its address."""
        found: dict[str, int] = self._client.nthreads()
        return found

    def take(self, settings: Settings) -> Elsewhere:
        """Give a homework to all workers, those that join later too; UsageError names those that cannot run it."""
        homework = HomeworkPlugin(parcel.packed_parcel(settings))
        self._homeworks[homework.name] = homework
        self._register(self._client, homework)
        asked = {
            address: self._client.submit(problem_with, homework.name, workers=[address], pure=False)
            for address in self.threads()
        }
        problems = {address: said for address, future in asked.items() if (said := word_in(future))}
        if problems:
            told = "; ".join(f"{address}: {said}" for address, said in problems.items())
            raise UsageError(f"not every worker can run this homework as it is run here. {told}")
        return Elsewhere(self, homework.name)

    def _register(self, client: Client, homework: HomeworkPlugin) -> None:
        # What a worker has against it is asked of each; here it could not be read.
        with contextlib.suppress(Exception):
            client.register_plugin(homework, name=homework.name)

    def ask(self, name: str, unit: bytes) -> dict[str, Any]:
        """A worker's answer; GraderError when it is none, Interrupted when the run is to end."""
        while True:
            self._stop.check()
            client = self._client
            future = client.submit(observe_unit, name, unit, pure=False, resources=self._resources)
            self._wait(future)
            if future.status not in ("cancelled", "lost"):
                return reply_in(future)
            self._renew(client)

    def _wait(self, future: Future[bytes]) -> None:
        """Return once it has ended, or is lost with the scheduler."""

        async def ended() -> None:
            loop, event = asyncio.get_running_loop(), asyncio.Event()

            def done(future: Future[bytes]) -> None:
                # Whoever waited may have been interrupted.
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(event.set)

            future.add_done_callback(done)
            looks = 0
            while not await happened(event):
                looks = 0 if self._has_workers() else looks + 1
                if looks == LOOKS:
                    self._stop.ask(f"there is no worker at {self._address} any more")

        try:
            self._stop.run(ended())
        except Interrupted:
            future.cancel()
            raise

    def _has_workers(self) -> bool:
        # A scheduler that is gone says so elsewhere.
        with contextlib.suppress(Exception):
            return bool(self.threads())
        return True

    def _renew(self, lost: Client) -> None:
        """Connect again, unless another thread has: the scheduler was lost, and the next one knows nothing."""
        with self._changing:
            self._stop.check()
            if self._client is not lost:
                return
            try:
                self._client = self._connected(CLUSTER_PATIENCE_S)
            except (OSError, TimeoutError) as error:
                self._stop.ask(f"the scheduler at {self._address} was lost ({error})")
                raise Interrupted(self._stop.reason) from error
            for homework in self._homeworks.values():
                self._register(self._client, homework)
            # Not before: the callbacks of its futures run in the same loop.
            lost.close()


class Elsewhere:
    """Runs the submissions of one homework on a cluster's workers."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._cluster, self._name = cluster, name

    def run(
        self, submission: Submission, settings: Settings, prepared: Prepared, stop: Stop | None = None
    ) -> tuple[Record, NotebookNode | None, bool]:
        """As ``autograder.classrun.run.run``, whatever the worker said having been looked at."""
        if prepared.aligned is None:
            return blank(submission, settings, prepared), None, True
        unit = parcel.packed_unit(submission, settings.seed, prepared, prepared.aligned)
        reply = self._cluster.ask(self._name, unit)
        if reply.get("state") == "unfit" and stop is not None:
            stop.ask(f"a worker cannot run this homework as it is run here. {reply.get('reason')}")
            stop.check()
        data = reply.get("record")
        if reply.get("state") != "observed" or not isinstance(data, bytes):
            raise GraderError(f"a worker failed: {str(reply.get('reason'))[:2_000]}")
        record, notebook = parcel.believed(data, submission, settings, prepared)
        return record, notebook, reply.get("served") is True


async def reach(address: str) -> None:
    """Return when somebody answers at an address, in the way that Dask's configuration says; raise why nobody does."""
    comm = await connect(address, timeout=CONNECT_S, **Security().get_connection_args("client"))
    await comm.close()


async def happened(event: asyncio.Event) -> bool:
    """Whether it did, within our patience."""
    try:
        return await asyncio.wait_for(event.wait(), CLUSTER_PATIENCE_S)
    except TimeoutError:
        return False


def word_in(future: Future[bytes]) -> str:
    """What a worker said of itself."""
    found = bytes_in(future)
    return found.decode("utf-8", "replace") if found is not None else "autograder's code does not run there"


def reply_in(future: Future[bytes]) -> dict[str, Any]:
    """A worker's answer to a unit."""
    found = bytes_in(future)
    if found is None:
        raise GraderError("the workers that had this submission were lost, or said nothing that can be read")
    return parcel.values_in(found)


def bytes_in(future: Future[bytes]) -> bytes | None:
    """The bytes that a worker gave back; None for an exception, or anything else."""
    try:
        found = future.result(timeout=CLUSTER_PATIENCE_S)
    except Exception:
        # Also the AttributeError of an exception that was not unpickled.
        return None
    return found if isinstance(found, bytes) else None


@contextlib.contextmanager
def cluster(address: str, stop: Stop, resources: Mapping[str, float] | None = None) -> Iterator[Cluster]:
    """The cluster of the scheduler at this address, for the time of a run."""
    with nothing_unpickled():
        found = Cluster(address, stop, resources)
        try:
            yield found
        finally:
            found.close()

"""Workers as actors on a Ray cluster."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rzen_eval.engine.job import Done, Step
from rzen_eval.engine.supervisor import IN_FLIGHT, Death, News, Ready
from rzen_eval.engine.worker import Worker, WorkerSettings
from rzen_eval.errors import ConfigError, DataError, ModelError, RzenEvalError, reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.engine.job import Job

OBJECT_STORE = 512 * 2**20
"""Bytes of shared memory for windows on their way, where the cluster is this machine alone."""


class RayPool:
    """A pool of actors on the cluster that this process has joined; see `cluster`.

    Args:
        size: how many.
        settings: of each worker.
        gpus: of each actor.
    """

    def __init__(self, size: int, settings: WorkerSettings, gpus: int) -> None:
        self.size = size
        self._ray = _ray()
        self._settings = settings
        self._actor = self._ray.remote(num_cpus=1, num_gpus=gpus, max_concurrency=IN_FLIGHT + 1)(Actor)
        self._actors: dict[int, Any] = {}
        self._pending: dict[Any, int] = {}
        """Worker by the reference of what it was asked for."""
        self._unsent: list[tuple[int, News]] = []

    def start(self, worker: int) -> None:
        """As `WorkerPool`."""
        self._actors[worker] = self._actor.remote(self._settings)
        self._pending[self._actors[worker].ready.remote()] = worker

    def send(self, worker: int, job: Job) -> None:
        """As `WorkerPool`."""
        try:
            self._pending[self._actors[worker].embed.remote(job.portable())] = worker
        except (DataError, OSError) as error:
            self._unsent.append((worker, Done(job.number, None, error=DataError(str(error)))))

    def wait(self, seconds: float) -> Sequence[tuple[int, News]]:
        """As `WorkerPool`."""
        news, self._unsent = self._unsent, []
        pending = list(self._pending)
        if not pending:
            return news
        finished, _ = self._ray.wait(pending, num_returns=len(pending), timeout=0 if news else seconds)
        for reference in finished:
            worker = self._pending.pop(reference, None)
            if worker is None:
                continue
            try:
                news.extend((worker, one) for one in self._ray.get(reference))
            except self._ray.exceptions.RayError as error:
                # One death is one piece of news, however many windows the actor had.
                self._pending = {ref: one for ref, one in self._pending.items() if one != worker}
                news.append((worker, Death(reason(error, 200))))
        return news

    def kill(self, worker: int) -> None:
        """As `WorkerPool`."""
        self._ray.kill(self._actors[worker])

    def stop(self) -> None:
        """As `WorkerPool`."""
        for actor in self._actors.values():
            with contextlib.suppress(self._ray.exceptions.RayError):
                self._ray.kill(actor)
        self._actors.clear()
        self._pending.clear()


class Actor:
    """A worker on the cluster: Ray gives it a device, and calls it from several threads at once."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._inbox: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._waiting: dict[int, tuple[list[News], Future[list[News]]]] = {}

    def ready(self) -> list[News]:
        """Load the model and begin."""
        try:
            running = Worker(self._settings, 0)
        except RzenEvalError as error:
            return [ModelError(str(error))]
        threading.Thread(target=self._run, args=(running,), daemon=True).start()
        return [Ready()]

    def embed(self, job: Job) -> list[News]:
        """Batches and the end of one window; others wait their turn meanwhile."""
        future: Future[list[News]] = Future()
        self._waiting[job.number] = ([], future)
        self._inbox.put(job)
        return future.result()

    def _run(self, running: Worker) -> None:
        try:
            for news in running.run(self._inbox):
                told, future = self._waiting[news.number]
                told.append(news)
                if not isinstance(news, Step):
                    del self._waiting[news.number]
                    future.set_result(told)
        except BaseException as error:
            for _, future in self._waiting.values():
                future.set_exception(error)
            raise


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a cluster has."""

    cpus: int
    gpus: int


def cluster() -> Cluster:
    """Join the cluster that `RAY_ADDRESS` names, or start one of this machine alone.

    Raises:
        ConfigError: Ray is not installed, or the cluster cannot be reached.
    """
    ray = _ray()
    if not ray.is_initialized():
        there = "RAY_ADDRESS" in os.environ
        alone = {} if there else {"include_dashboard": False, "object_store_memory": OBJECT_STORE}
        try:
            ray.init(log_to_driver=there, logging_level="error", **alone)
        except (ConnectionError, OSError, RuntimeError, ValueError) as error:
            raise ConfigError(f"runtime=ray: no cluster ({reason(error, 200)})") from error
    has = ray.cluster_resources()
    return Cluster(max(1, int(has.get("CPU", 1))), int(has.get("GPU", 0)))


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise ConfigError("runtime=ray needs Ray: pip install 'rzen-eval[ray]'") from error
    return ray

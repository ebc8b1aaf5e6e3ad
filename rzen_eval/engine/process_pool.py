"""One process a device, each with its model warm."""

from __future__ import annotations

import contextlib
import multiprocessing
import queue
import sys
import threading
from dataclasses import dataclass
from multiprocessing import connection
from typing import TYPE_CHECKING

from rzen_eval import processes
from rzen_eval.engine.job import Done
from rzen_eval.engine.supervisor import Death, News, Ready
from rzen_eval.engine.worker import Worker, WorkerSettings
from rzen_eval.errors import DataError, DeviceError, ModelError, RzenEvalError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from rzen_eval.engine.job import Job

GRACE = 5.0
"""Seconds that a worker has to end by itself."""


class ProcessPool:
    """A pool of processes on this machine.

    Args:
        size: how many.
        settings: of each worker.
    """

    def __init__(self, size: int, settings: WorkerSettings) -> None:
        self.size = size
        self._settings = settings
        self._spawn = multiprocessing.get_context("spawn")
        self._workers: dict[int, _Process] = {}
        self._unsent: list[tuple[int, News]] = []

    def start(self, worker: int) -> None:
        """As `WorkerPool`."""
        processes.prepare()
        here, there = self._spawn.Pipe()
        process = self._spawn.Process(target=_work, args=(there, self._settings, worker), name=f"worker {worker}")
        process.start()
        there.close()
        outbox: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        # A thread of its own, since a worker that hangs may not read.
        threading.Thread(target=_deliver, args=(here, outbox), daemon=True).start()
        self._workers[worker] = _Process(process, here, outbox)

    def send(self, worker: int, job: Job) -> None:
        """As `WorkerPool`."""
        try:
            portable = job.portable()
        except (DataError, OSError) as error:
            self._unsent.append((worker, Done(job.number, None, error=DataError(str(error)))))
            return
        if worker in self._workers:
            self._workers[worker].outbox.put(portable)

    def wait(self, seconds: float) -> Sequence[tuple[int, News]]:
        """As `WorkerPool`."""
        news, self._unsent = self._unsent, []
        pipes = {one.pipe: worker for worker, one in self._workers.items()}
        talking = set(connection.wait(list(pipes), 0 if news else seconds))
        for worker in [worker for pipe, worker in pipes.items() if pipe in talking]:
            one = self._workers[worker]
            try:
                news.append((worker, one.pipe.recv()))
            except (EOFError, OSError):
                one.process.join(GRACE)
                one.end()
                del self._workers[worker]
                news.append((worker, Death(f"exit code {one.process.exitcode}")))
        return news

    def kill(self, worker: int) -> None:
        """As `WorkerPool`."""
        self._workers[worker].process.kill()

    def stop(self) -> None:
        """As `WorkerPool`."""
        for one in self._workers.values():
            one.outbox.put(None)
        for one in self._workers.values():
            one.process.join(GRACE)
            one.end()
        self._workers.clear()


@dataclass(frozen=True, slots=True)
class _Process:
    process: BaseProcess
    pipe: Connection
    outbox: queue.SimpleQueue[Job | None]

    def end(self) -> None:
        """Let go of it, alive or dead."""
        self.process.kill()
        self.process.join()
        self.outbox.put(None)
        self.pipe.close()


def _deliver(pipe: Connection, outbox: queue.SimpleQueue[Job | None]) -> None:
    with contextlib.suppress(OSError):
        while True:
            pipe.send(job := outbox.get())
            if job is None:
                return


def _work(pipe: Connection, settings: WorkerSettings, place: int) -> None:
    processes.begin()
    inbox: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(pipe, inbox), daemon=True).start()
    try:
        running = Worker(settings, place)
    except RzenEvalError as error:
        pipe.send(ModelError(str(error)))
        return
    pipe.send(Ready())
    try:
        for done in running.run(inbox):
            pipe.send(done)
    except DeviceError as error:
        sys.exit(f"a worker ends, and another begins: {error}")


def _receive(pipe: Connection, inbox: queue.SimpleQueue[Job | None]) -> None:
    with contextlib.suppress(EOFError, OSError):
        while (job := pipe.recv()) is not None:
            inbox.put(job)
    inbox.put(None)

"""Windows handed out to workers; one that dies or hangs is replaced, and its windows are handed out again."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from rzen_eval.engine.inline import keep
from rzen_eval.engine.job import Done, Step
from rzen_eval.errors import DataError, ModelError, some

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rzen_eval.engine.job import Job
    from rzen_eval.engine.plan import Plan

IN_FLIGHT = 3
"""Windows of a worker: one in the model, one loading, one on its way."""
DEATHS = 3
"""After so many workers that died of a window, its task fails."""


@dataclass(frozen=True, slots=True)
class Death:
    """A worker that is gone."""

    why: str


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker whose model is warm."""


News = Step | Done | Death | Ready | ModelError


class WorkerPool(Protocol):
    """Workers by number; one that died stays gone until it is started again."""

    size: int

    def start(self, worker: int) -> None:
        """Start a worker, or another in the place of one that died; it says `Ready`."""

    def send(self, worker: int, job: Job) -> None:
        """Hand out a window. What becomes of it is news; nothing is raised if the worker is gone."""

    def wait(self, seconds: float) -> Sequence[tuple[int, News]]:
        """What has happened; empty if that is nothing for so many seconds."""

    def kill(self, worker: int) -> None:
        """End a worker at once."""

    def stop(self) -> None:
        """End all workers."""


@dataclass(frozen=True, slots=True)
class Supervisor:
    """Runs a plan by a pool.

    Args:
        pool: not started yet.
        timeout: seconds without a finished batch after which a worker counts as hung.
    """

    pool: WorkerPool
    timeout: float

    def run(self, plan: Plan) -> Iterator[Step | Done]:
        """What became of each window, in any order; see `inline.Engine`.

        Raises:
            ModelError: a worker cannot load the model.
        """
        if not (windows := len(plan.order())):
            return
        self.pool.size = min(self.pool.size, windows)
        try:
            yield from _Supervision(self.pool, plan, self.timeout).run()
        finally:
            self.pool.stop()


@dataclass
class _Supervision:
    pool: WorkerPool
    plan: Plan
    timeout: float
    again: deque[Job] = field(default_factory=deque)
    """Windows whose worker died of them, to be handed out one at a time, so that each answers for itself."""
    back: deque[Job] = field(default_factory=deque)
    """Windows that were on their way to a worker that died."""
    deaths: Counter[int] = field(default_factory=Counter)
    ready: set[int] = field(default_factory=set)
    heard: dict[int, float] = field(default_factory=dict)
    """When each worker last got its first window or finished a batch."""
    hung: set[int] = field(default_factory=set)
    stillborn: int = 0
    """Workers in a row that died before they were ready."""

    def run(self) -> Iterator[Step | Done]:
        """All windows."""
        jobs = self.plan.jobs()
        doing: list[deque[Job]] = [deque() for _ in range(self.pool.size)]
        for worker in range(self.pool.size):
            self.pool.start(worker)
        more = True
        while True:
            for worker in sorted(self.ready):
                more = self._supply(worker, doing[worker], jobs) and more
            yield from self.plan.done_elsewhere()
            if not (more or any(doing) or self.again or self.back):
                return
            self.plan.store.refresh()
            for worker, news in self.pool.wait(0.2):
                yield from self._heard(worker, news, doing[worker])
            for worker in [one for one in self.ready if doing[one]]:
                if time.monotonic() - self.heard[worker] > self.timeout and worker not in self.hung:
                    self.hung.add(worker)
                    self.pool.kill(worker)

    def _supply(self, worker: int, doing: deque[Job], jobs: Iterator[Job]) -> bool:
        """Hand out what a worker has room for; False: there is nothing left."""
        while len(doing) < IN_FLIGHT and not (doing and self.deaths[doing[0].number]):
            if self.again and not doing:
                job = self.again.popleft()
            elif self.back:
                job = self.back.popleft()
            elif (following := next(jobs, None)) is not None:
                job = following
            else:
                return False
            if not doing:
                self.heard[worker] = time.monotonic()
            doing.append(job)
            self.pool.send(worker, job)
        return True

    def _heard(self, worker: int, news: News, doing: deque[Job]) -> Iterator[Step | Done]:
        if isinstance(news, ModelError):
            raise news
        if isinstance(news, Ready):
            self.ready.add(worker)
            self.stillborn = 0
        elif isinstance(news, Death):
            yield from self._died(worker, news, doing)
        else:
            self.heard[worker] = time.monotonic()
            if isinstance(news, Done):
                doing.remove(next(job for job in doing if job.number == news.number))
            yield keep(self.plan, news)

    def _died(self, worker: int, death: Death, doing: deque[Job]) -> Iterator[Step | Done]:
        why = f"no batch finished in {self.timeout:g} s" if worker in self.hung else death.why
        self.hung.discard(worker)
        if worker not in self.ready:
            self.stillborn += 1
            if self.stillborn == DEATHS:
                raise ModelError(f"{DEATHS} workers in a row died before their model was loaded ({why})")
        self.ready.discard(worker)
        if doing:
            job = doing.popleft()
            self.deaths[job.number] += 1
            if self.deaths[job.number] < DEATHS:
                self.again.append(job)
            else:
                yield Done(job.number, None, error=_deadly(job, why))
        self.back.extend(doing)
        doing.clear()
        self.pool.start(worker)


def _deadly(job: Job, why: str) -> DataError:
    names = [unit.who for unit in job.units]
    return DataError(f"{DEATHS} workers died of the window with {some(names)} ({why}); lower runtime.tokens_per_batch")

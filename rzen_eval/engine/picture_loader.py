"""Pictures of the items to come, loaded by worker processes while the model works on the present ones."""

from __future__ import annotations

import contextlib
import multiprocessing
from collections import deque
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from rzen_eval import processes as worker_processes
from rzen_eval.engine import shared_memory
from rzen_eval.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType

    from rzen_eval.engine.shared_memory import Outcome
    from rzen_eval.models.interface import Pictures

AHEAD = 1
"""Windows in preparation besides the one that is asked for; bounds the memory that loaded pictures take."""
SHARED = 64
"""Groups of a window that come through shared memory; each holds a file descriptor, of which a process has few."""
GROUP = 16
"""Most items that travel together: a message costs as much as loading a small picture."""
DEATHS = 3
"""Processes that an item may kill before it counts as damaged."""


class Loader:
    """A pool of processes that decode and resize pictures.

    Args:
        workers: number of processes; 0 loads in this process, when a window is asked for.
        timeout: seconds that a group of items may take; a process that takes longer counts as hung, and is killed.
    """

    def __init__(self, workers: int, timeout: float = 600.0) -> None:
        self._workers = workers
        self._timeout = timeout
        self._pool = self._start()

    def _start(self) -> ProcessPoolExecutor | None:
        if not self._workers:
            return None
        worker_processes.prepare()
        spawn = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._workers, mp_context=spawn, initializer=worker_processes.begin)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool:
            self._pool.shutdown(wait=kind is None, cancel_futures=True)

    def stream(self, windows: Iterable[Sequence[Pictures] | None]) -> Iterator[list[Outcome]]:
        """The pictures of each window, in order, loaded while the one before is in use.

        Args:
            windows: taken one ahead of need; None says that there is none at present, though one may come.

        Yields:
            For each item of the window its pictures, or the error that they failed with.
        """
        waiting: deque[_Window] = deque()
        upcoming, end = iter(windows), ()
        window: Sequence[Pictures] | None = None
        try:
            while True:
                while len(waiting) <= AHEAD and (window := next(upcoming, end)):
                    waiting.append(self._submit(window))
                if waiting:
                    yield self._outcomes(waiting.popleft())
                elif window is end:
                    return
        finally:
            # Of a stream that nobody reads to its end, because the task failed.
            for group in (group for window in waiting for group in window.groups):
                _drop(group.sent)

    def _submit(self, pictures: Sequence[Pictures]) -> _Window:
        window = _Window(pictures)
        travelling = [place for place, one in enumerate(pictures) if one] if self._workers else []
        size = max(1, min(GROUP, len(travelling) // (4 * max(1, self._workers))))
        for start in range(0, len(travelling), size):
            self._send(window, travelling[start : start + size])
        return window

    def _send(self, window: _Window, places: Sequence[int]) -> None:
        """Hand a group of a window's items to the pool."""
        kept, ready = [], []
        for place in places:
            # What cannot be read here gets its message when it is asked for.
            with contextlib.suppress(DataError, OSError):
                # Only this process has the memory-mapped tables; what travels is the encoded picture.
                ready.append(window.pictures[place].portable())
                kept.append(place)
        share = len(window.groups) < SHARED
        try:
            sent = self._running().submit(shared_memory.load, ready, share=share)
        except BrokenProcessPool:
            # A process died of a window before this one, or with nothing to do.
            self._replace(self._running())
            sent = self._running().submit(shared_memory.load, ready, share=share)
        window.groups.append(_Group(kept, sent, self._running()))

    def _outcomes(self, window: _Window) -> list[Outcome]:
        """Each item's pictures; where a process dies or hangs, its items are tried again, at last one by one."""
        came: dict[int, Outcome] = {}
        left = self._collect(window.groups, came)
        if left:
            again = _Window(window.pictures)
            for place in left:
                self._send(again, [place])
            left = self._collect(again.groups, came)
        for place in left:
            alone = _Window(window.pictures)
            self._send(alone, [place])
            if self._collect(alone.groups, came):
                came[place] = DataError(
                    f"a process that loads its pictures was killed {DEATHS} times, for want of memory or since it took"
                    f" more than {self._timeout:g} s; run again with fewer (runtime.workers=1)"
                )
        return [
            came[place] if place in came else shared_memory.attempt(one) for place, one in enumerate(window.pictures)
        ]

    def _collect(self, groups: Sequence[_Group], came: dict[int, Outcome]) -> list[int]:
        """Take in what has been loaded.

        Returns:
            Places of items whose process died or hung.
        """
        left: list[int] = []
        for group in groups:
            try:
                came.update(zip(group.places, shared_memory.received(group.sent.result(self._timeout)), strict=True))
            except (BrokenProcessPool, CancelledError, TimeoutError, OSError, EOFError):
                left.extend(group.places)
                self._replace(group.pool)
        return left

    def _running(self) -> ProcessPoolExecutor:
        if self._pool is None:
            raise RuntimeError("a loader without processes sends nothing")
        return self._pool

    def _replace(self, pool: ProcessPoolExecutor) -> None:
        """Put another pool in the place of one that is broken or hangs, unless that has been done."""
        if pool is self._pool:
            for process in list((pool._processes or {}).values()):  # noqa: SLF001 - kill_workers comes with 3.14
                process.kill()
            pool.shutdown(wait=False, cancel_futures=True)
            self._pool = self._start()


@dataclass(frozen=True, slots=True)
class _Group:
    """Items of a window that travel together."""

    places: Sequence[int]
    """In their window."""
    sent: Future[list[Outcome] | shared_memory.Shared]
    pool: ProcessPoolExecutor


@dataclass(frozen=True, slots=True)
class _Window:
    """Pictures of a window's items, and those of them that workers load, in groups."""

    pictures: Sequence[Pictures]
    groups: list[_Group] = field(default_factory=list)


def _drop(sent: Future[list[Outcome] | shared_memory.Shared]) -> None:
    """Do not begin, or wait for them to let go of the memory that they are in."""
    if not sent.cancel():
        with contextlib.suppress(Exception):
            shared_memory.received(sent.result())

"""Pictures of the items to come, loaded by worker processes while the model works on the present ones."""

from __future__ import annotations

import contextlib
import multiprocessing
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from rzen_eval import workers as worker_processes
from rzen_eval.engine import shared
from rzen_eval.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from concurrent.futures import Future
    from types import TracebackType

    from rzen_eval.engine.shared import Outcome
    from rzen_eval.models.pixels import Pictures

AHEAD = 1
"""Windows in preparation besides the one that is asked for; bounds the memory that loaded pictures take."""
SHARED = 64
"""Groups of a window that come through shared memory; each holds a file descriptor, of which a process has few."""
GROUP = 16
"""Most items that travel together: a message costs as much as loading a small picture."""


class Loader:
    """A pool of processes that decode and resize pictures.

    Args:
        workers: number of processes; 0 loads in this process, when a window is asked for.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._pool = self._start()

    def _start(self) -> ProcessPoolExecutor | None:
        if not self._workers:
            return None
        spawn = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._workers, mp_context=spawn, initializer=worker_processes.begin)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool:
            self._pool.shutdown(wait=kind is None, cancel_futures=True)

    def stream(self, windows: Iterable[Sequence[Pictures]]) -> Iterator[list[Outcome]]:
        """The pictures of each window, in order, loaded while the one before is in use.

        Yields:
            For each item of the window its pictures, or the error that they failed with.
        """
        waiting: deque[_Window] = deque()
        upcoming = iter(windows)
        try:
            while True:
                while len(waiting) <= AHEAD and (window := next(upcoming, None)) is not None:
                    waiting.append(self._submit(window))
                if not waiting:
                    return
                yield self._outcomes(waiting.popleft())
        finally:
            # Of a stream that nobody reads to its end, because the task failed.
            for _, sent in (group for window in waiting for group in window.groups):
                _drop(sent)

    def _submit(self, pictures: Sequence[Pictures]) -> _Window:
        window = _Window(pictures, [])
        if not self._pool:
            return window
        travelling = [place for place, one in enumerate(pictures) if one]
        size = max(1, min(GROUP, len(travelling) // (4 * self._workers)))
        for start in range(0, len(travelling), size):
            places, ready = [], []
            for place in travelling[start : start + size]:
                # What cannot be read here gets its message when it is asked for.
                with contextlib.suppress(DataError, OSError):
                    # Only this process has the memory-mapped tables; what travels is the encoded picture.
                    ready.append(pictures[place].portable())
                    places.append(place)
            try:
                sent = self._pool.submit(shared.load, ready, share=len(window.groups) < SHARED)
            except BrokenProcessPool as error:
                raise self._died() from error
            window.groups.append((places, sent))
        return window

    def _outcomes(self, window: _Window) -> list[Outcome]:
        came: dict[int, Outcome] = {}
        try:
            for places, sent in window.groups:
                came.update(zip(places, shared.received(sent.result()), strict=True))
        except (BrokenProcessPool, OSError, EOFError) as error:
            raise self._died() from error
        return [came[place] if place in came else shared.attempt(one) for place, one in enumerate(window.pictures)]

    def _died(self) -> DataError:
        """The error of a killed worker; a new pool stands ready for the tasks to come."""
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)
        self._pool = self._start()
        return DataError(
            "a process that loads pictures was killed, most likely for want of memory;"
            " run again with fewer (runtime.workers=1) or a smaller runtime.tokens_per_batch"
        )


@dataclass(frozen=True, slots=True)
class _Window:
    """Pictures of a window's items, and those of them that workers load, in groups with their places."""

    pictures: Sequence[Pictures]
    groups: list[tuple[list[int], Future[list[Outcome] | shared.Shared]]]


def _drop(sent: Future[list[Outcome] | shared.Shared]) -> None:
    """Do not begin, or wait for them to let go of the memory that they are in."""
    if not sent.cancel():
        with contextlib.suppress(Exception):
            shared.received(sent.result())

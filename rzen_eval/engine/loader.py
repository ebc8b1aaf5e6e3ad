"""Pictures of the items to come, loaded by worker processes while the model works on the present ones."""

from __future__ import annotations

import contextlib
import multiprocessing
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

from rzen_eval import workers as worker_processes
from rzen_eval.engine import shared
from rzen_eval.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from concurrent.futures import Future
    from types import TracebackType

    from rzen_eval.models.pixels import Pictures, Pixels

AHEAD = 1
"""Windows in preparation besides the one in use; bounds the memory that loaded pictures take."""
SHARED = 64
"""Items of a window that come through shared memory; each holds a file descriptor, of which a process has few."""


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

    def stream(self, windows: Iterable[Sequence[Pictures]]) -> Iterator[list[list[Pixels] | DataError]]:
        """The pictures of each window, in order, loaded while the one before is in use.

        Yields:
            For each item of the window its pictures, or the error that they failed with.
        """
        waiting: deque[list[_Load]] = deque()
        upcoming = iter(windows)
        try:
            while True:
                while len(waiting) <= AHEAD and (window := next(upcoming, None)) is not None:
                    waiting.append([self._submit(pictures, place < SHARED) for place, pictures in enumerate(window)])
                if not waiting:
                    return
                yield [self._outcome(load) for load in waiting.popleft()]
        finally:
            # Of a stream that nobody reads to its end, because the task failed.
            for load in (load for window in waiting for load in window):
                load.drop()

    def _submit(self, pictures: Pictures, share: bool) -> _Load:
        if not (self._pool and pictures):
            return _Here(pictures)
        try:
            # Only this process has the memory-mapped tables; what travels is the encoded picture.
            return _There(self._pool.submit(shared.load, pictures.portable(), share=share))
        except BrokenProcessPool as error:
            raise self._died() from error
        except (DataError, OSError):
            return _Here(pictures)

    def _outcome(self, load: _Load) -> list[Pixels] | DataError:
        try:
            return load.result()
        except DataError as error:
            return error
        except BrokenProcessPool as error:
            raise self._died() from error
        except (MemoryError, OSError, EOFError) as error:
            return DataError(f"its pictures cannot be loaded ({type(error).__name__}: {error})")

    def _died(self) -> DataError:
        """The error of a killed worker; a new pool stands ready for the tasks to come."""
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)
        self._pool = self._start()
        return DataError(
            "a process that loads pictures was killed, most likely for want of memory;"
            " run again with fewer (runtime.workers=1) or a smaller runtime.tokens_per_batch"
        )


class _Load(Protocol):
    """Pictures that are being loaded."""

    def result(self) -> list[Pixels]:
        """The pictures, once they are there."""

    def drop(self) -> None:
        """Nobody will ask for them."""


@dataclass(frozen=True, slots=True)
class _Here:
    """Pictures that this process loads when they are asked for."""

    pictures: Pictures

    def result(self) -> list[Pixels]:
        """The pictures."""
        return self.pictures.load()

    def drop(self) -> None:
        """Nothing has begun."""


@dataclass(frozen=True, slots=True)
class _There:
    """Pictures that a worker loads."""

    sent: Future[list[Pixels] | shared.Shared]

    def result(self) -> list[Pixels]:
        """The pictures, waited for."""
        return shared.received(self.sent.result())

    def drop(self) -> None:
        """Do not begin, or wait for them to let go of the memory that they are in."""
        if not self.sent.cancel():
            with contextlib.suppress(Exception):
                self.result()

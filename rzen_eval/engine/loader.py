"""Pictures of the items to come, loaded by worker processes while the model works on the present ones."""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Self

from rzen_eval.errors import DataError
from rzen_eval.models.pixels import Pictures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import TracebackType

    from rzen_eval.models.pixels import Pixels

AHEAD = 1
"""Windows in preparation besides the one in use; bounds the memory that loaded pictures take."""


class Loader:
    """A pool of processes that decode and resize pictures.

    Args:
        workers: number of processes; 0 loads in this process, when a window is asked for.
    """

    def __init__(self, workers: int) -> None:
        self._pool = (
            ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_ignore_interrupt)
            if workers
            else None
        )

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
        waiting: deque[list[Callable[[], list[Pixels]]]] = deque()
        upcoming = iter(windows)
        while True:
            while len(waiting) <= AHEAD and (window := next(upcoming, None)) is not None:
                waiting.append([self._submit(pictures) for pictures in window])
            if not waiting:
                return
            yield [_outcome(result) for result in waiting.popleft()]

    def _submit(self, pictures: Pictures) -> Callable[[], list[Pixels]]:
        if not (self._pool and pictures):
            return pictures.load
        try:
            # Only this process has the memory-mapped tables; what travels is the encoded picture.
            return self._pool.submit(Pictures.load, pictures.portable()).result
        except BrokenProcessPool as error:
            raise _died() from error
        except DataError:
            return pictures.load


def _outcome(result: Callable[[], list[Pixels]]) -> list[Pixels] | DataError:
    try:
        return result()
    except DataError as error:
        return error
    except BrokenProcessPool as error:
        raise _died() from error


def _died() -> DataError:
    return DataError(
        "a process that loads pictures was killed, most likely for want of memory;"
        " run again with fewer (runtime.workers=1) or a smaller runtime.tokens_per_batch"
    )


def _ignore_interrupt() -> None:
    """Leave Ctrl-C to the parent, which shuts the pool down."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

"""Pictures of the batches to come, loaded by worker processes while the model works on the present one."""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Self

from rzen_eval.errors import DataError
from rzen_eval.media import portable
from rzen_eval.models.pixels import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    from rzen_eval.models.pixels import Picture, Pixels

AHEAD = 2
"""Batches in preparation besides the one in use; bounds the memory that loaded pictures take."""


class Loader:
    """A pool of processes that decode and resize pictures.

    Args:
        workers: number of processes; 0 loads in this process, when a batch is asked for.
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

    def stream(self, batches: Sequence[Sequence[tuple[Picture, ...]]]) -> Iterator[list[list[Pixels] | DataError]]:
        """The pictures of each batch, in order, loaded a few batches ahead of their use.

        Yields:
            For each item of the batch its pictures, or the error that they failed with.
        """
        waiting: deque[list[Callable[[], list[Pixels]]]] = deque()
        upcoming = iter(batches)
        while True:
            while len(waiting) <= AHEAD and (batch := next(upcoming, None)) is not None:
                waiting.append([self._submit(pictures) for pictures in batch])
            if not waiting:
                return
            yield [_outcome(result) for result in waiting.popleft()]

    def _submit(self, pictures: tuple[Picture, ...]) -> Callable[[], list[Pixels]]:
        if not (self._pool and pictures):
            return partial(load, pictures)
        try:
            # Only this process has the memory-mapped tables; what travels is the encoded picture.
            movable = [replace(picture, media=portable(picture.media)) for picture in pictures]
            return self._pool.submit(load, movable).result
        except BrokenProcessPool as error:
            raise _died() from error
        except DataError:
            return partial(load, pictures)


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

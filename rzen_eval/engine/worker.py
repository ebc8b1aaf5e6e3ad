"""What a worker does, be it a process or an actor: windows in, chunks in the store out."""

from __future__ import annotations

import os
import queue
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rzen_eval.engine.job import Step
from rzen_eval.engine.pairs import pipeline_of
from rzen_eval.engine.picture_loader import Loader
from rzen_eval.engine.vector_store import VectorStore
from rzen_eval.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rzen_eval.engine.job import Done, Job, Unit
    from rzen_eval.models.interface import Pairwise, Pipelined

OpenModel = Callable[[int], "Pipelined | Pairwise"]
"""Opens a model for a worker's place among the workers of its machine, which decides its device; travels to them."""
PAUSE = 0.02
"""Seconds to wait for a further window before going on with those that are there."""


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What every worker of a run needs to know."""

    open_model: OpenModel
    folder: Path | None
    """Of the store; None: vectors travel back."""
    dtype: Any
    """Of the store."""
    tokens_per_batch: int
    loaders: int
    """Processes of its own that load pictures; 0: it does so itself, in a thread."""
    threads: int | None
    """Of torch, where the model runs on the CPU."""


class Worker:
    """A worker with its model warm."""

    def __init__(self, settings: WorkerSettings, place: int) -> None:
        import torch

        if settings.threads and "OMP_NUM_THREADS" not in os.environ:
            torch.set_num_threads(settings.threads)
        self._store = VectorStore(settings.folder, settings.dtype, say=_nothing)
        self._pipeline = pipeline_of(settings.open_model(place), Loader(settings.loaders), settings.tokens_per_batch)
        self._units: dict[int, Sequence[Unit]] = {}

    def run(self, inbox: queue.SimpleQueue[Job | None]) -> Iterator[Step | Done]:
        """Embed windows and write their chunks; vectors that cannot be written travel back.

        Args:
            inbox: windows as they come; None ends the work.

        Raises:
            DeviceError: its device answers nothing more; another worker in its place may find it well.
        """
        for done in self._pipeline.run(self._taken(inbox)):
            if isinstance(done, Step):
                yield done
                continue
            if isinstance(done.error, DeviceError):
                raise done.error
            keys = [unit.key for unit in self._units.pop(done.number)]
            chunk = self._store.write(keys, done.rows) if done.rows is not None else None
            yield replace(done, rows=None, chunk=chunk) if chunk else done

    def _taken(self, inbox: queue.SimpleQueue[Job | None]) -> Iterator[Job | None]:
        while True:
            try:
                job = inbox.get(timeout=PAUSE)
            except queue.Empty:
                yield None
                continue
            if job is None:
                return
            self._units[job.number] = job.units
            yield job


def _nothing(_line: str) -> None:
    """The parent says what is to be said: it gets the vectors that could not be written."""

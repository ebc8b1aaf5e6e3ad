"""Batches that were sent to a model, and the windows that they are of."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from rzen_eval.engine.job import Done
from rzen_eval.engine.spent import Spent
from rzen_eval.ranking.multivectors import as_vectors, by_item

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.core import Vectors
    from rzen_eval.engine.job import Job
    from rzen_eval.errors import RzenEvalError
    from rzen_eval.models.batch import Pending

NONE = np.zeros((0, 0), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Wait:
    """Vectors of a batch, or parts of it, that may still be on their way, and the items of each part."""

    parts: Sequence[tuple[Pending | list[Vectors], int]]

    @property
    def ready(self) -> bool:
        """Whether there is nothing to wait for."""
        return all(isinstance(part, list) or part.ready for part, _ in self.parts)

    def vectors(self) -> list[Vectors]:
        """Of each item."""
        made: list[Vectors] = []
        for part, n_items in self.parts:
            made += part if isinstance(part, list) else by_item(as_vectors(part.vectors(), n_items))
        return made


@dataclass(slots=True)
class Window:
    """A window under way."""

    job: Job
    failed: RzenEvalError | None
    rows: list[Vectors] = field(default_factory=list)
    seconds: float = 0.0
    tokens: int = 0
    padding: int = 0
    flying: int = 0
    """Batches that have not come back."""
    closed: bool = False
    """Whether all were sent."""

    def done(self, seconds: float, budget: int) -> Done:
        """What became of it."""
        took = Spent(seconds=seconds, items=len(self.job.units), budget=budget)
        if self.failed is not None:
            return Done(self.job.number, None, self.failed, spent=took)
        took = replace(took, model_seconds=self.seconds, tokens=self.tokens, padding=self.padding)
        return Done(self.job.number, self.rows, spent=took)


@dataclass(frozen=True, slots=True)
class Flight:
    """A batch that was sent to the model."""

    window: Window
    places: Sequence[int]
    """Of its items in the window."""
    tokens: int
    wait: Wait


class Clock:
    """Seconds since a window was done last."""

    def __init__(self) -> None:
        self._last = time.perf_counter()

    def lap(self) -> float:
        """Since the last call."""
        now = time.perf_counter()
        took, self._last = now - self._last, now
        return took

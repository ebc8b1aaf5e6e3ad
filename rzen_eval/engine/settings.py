"""How embedding is carried out; but for storage in float16, nothing here changes a vector by more than rounding."""

from __future__ import annotations

import os
from typing import Literal

from pydantic import Field

from rzen_eval.core import Frozen


class Runtime(Frozen):
    """Settings of the engine (Hydra group `runtime`)."""

    workers: int | None = Field(default=None, ge=0)
    """Processes that decode and resize pictures; 0: this process does it. None: every core but one, eight at most."""
    store: Literal["float32", "float16"] | None = "float32"
    """How vectors are kept in the cache folder; None: they are not, and an interrupted task begins again."""
    rank_device: str = "cpu"
    """Where candidates are ranked: `cpu`, or a torch device such as `cuda`."""
    tokens_per_batch: int = Field(default=8192, gt=0)
    """Longest item times items in a batch, padding included."""

    @property
    def n_workers(self) -> int:
        """The number of worker processes."""
        if self.workers is None:
            return max(1, min(8, len(os.sched_getaffinity(0)) - 1))
        return self.workers

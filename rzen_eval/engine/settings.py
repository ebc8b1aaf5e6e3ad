"""How embedding is carried out; but for storage in float16, nothing here changes a vector by more than rounding."""

from __future__ import annotations

import os
from typing import Literal

from pydantic import Field

from rzen_eval.core import Frozen


class Runtime(Frozen):
    """Settings of the engine (Hydra group `runtime`)."""

    kind: Literal["inline", "pool", "ray"] = "inline"
    """In this process, in one process a device of this machine, or in one actor a device of a Ray cluster."""
    processes: int | None = Field(default=None, gt=0)
    """Of a pool or a cluster; None: one a GPU, and where there is none one a core of this machine. Of a pool no more
    than four a GPU, or one a core where it computes on the CPU, and no more than there are windows to embed."""
    workers: int | None = Field(default=None, ge=0)
    """Processes that decode and resize pictures, for each process with a model; 0: that one does it, in a thread. None:
    a share of the cores, eight at most, and none where a pool computes on the CPU."""
    store: Literal["float32", "float16"] | None = "float32"
    """How vectors are kept in the cache folder; None: they are not, and an interrupted task begins again."""
    rank_device: str = "cpu"
    """Where candidates are ranked: `cpu`, or a torch device such as `cuda`."""
    tokens_per_batch: int | None = Field(default=None, gt=0)
    """Longest item times items in a batch, padding included; None: what suits the device."""
    timeout: float = Field(default=1800.0, gt=0)
    """Seconds without a finished batch after which a worker of a pool or cluster counts as hung and is replaced."""
    progress: Literal["auto", "bar", "lines", "json", "quiet"] = "auto"
    """A bar and a line a task; lines alone; JSON lines; nothing but tables. `auto`: a bar on a terminal, else lines."""

    def loaders(self, sharing: int = 1, *, gpu: bool = True) -> int:
        """Processes that load pictures for one of the processes that share this machine."""
        if self.workers is not None:
            return min(self.workers, MOST * cores())
        if sharing > 1 and not gpu:
            return 0
        return max(1, min(8, cores() // sharing - 1))

    def models(self, gpus: int) -> int:
        """Processes of a pool, each with a model; GPUs that it has, 0: it computes on the CPU."""
        usual, most = (gpus, MOST * gpus) if gpus else (cores(), cores())
        return min(self.processes or usual, most)


MOST = 4
"""Processes that load pictures, for each core, and with a model for each GPU: more do no more."""


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))

"""Embedding in several processes that run the same command on one shared store."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rzen_eval.engine.inline import keep
from rzen_eval.engine.job import Done, Step
from rzen_eval.engine.pairs import pipeline_of
from rzen_eval.engine.spent import Spent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rzen_eval.engine.picture_loader import Loader
    from rzen_eval.engine.plan import Plan
    from rzen_eval.models.interface import Pairwise, Pipelined

PATIENCE = 60.0
"""Seconds without a new chunk after which rank 0 takes over what other ranks have left."""


@dataclass(frozen=True, slots=True)
class Rank:
    """One of several processes that run the same command on one shared store, as `torchrun` and `srun` start them."""

    rank: int
    world: int
    local: int
    """Place among the ranks of this machine."""

    @classmethod
    def of_environment(cls) -> Rank:
        """As torchrun or Slurm has set it; alone where neither has."""
        for rank, world, local in (
            ("RANK", "WORLD_SIZE", "LOCAL_RANK"),
            ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"),
        ):
            if rank in os.environ and world in os.environ:
                return cls(int(os.environ[rank]), int(os.environ[world]), int(os.environ.get(local, "0")))
        return cls(0, 1, 0)


@dataclass(frozen=True, slots=True)
class Ranks:
    """This process embeds its share of the windows; rank 0 waits for the rest and takes over what does not come."""

    model: Pipelined | Pairwise
    loader: Loader
    place: Rank
    patience: float = PATIENCE

    def run(self, plan: Plan) -> Iterator[Step | Done]:
        """As `Engine`; other ranks than 0 yield their own share only."""
        order = plan.order()
        pipeline = pipeline_of(self.model, self.loader, plan.tokens_per_batch)
        for done in pipeline.run(plan.jobs([number for number in order if self._owner(number) == self.place.rank])):
            yield keep(plan, done)
        yield from plan.done_elsewhere()
        if self.place.rank:
            return
        left = [number for number in order if self._owner(number)]
        heard = time.monotonic()
        while left:
            plan.store.refresh()
            came = [number for number in left if all(key in plan.store for key in plan.keys(number))]
            for number in came:
                heard = time.monotonic()
                yield Done(number, None, spent=Spent(items=len(plan.keys(number)), budget=plan.tokens_per_batch))
            left = [number for number in left if number not in set(came)]
            if left and time.monotonic() - heard > self.patience:
                for done in pipeline.run(plan.jobs(left)):
                    yield keep(plan, done)
                yield from plan.done_elsewhere()
                return
            time.sleep(0.2 if left else 0)

    def _owner(self, number: int) -> int:
        return number % self.place.world

"""Embedding in this process; what every other place where it happens has in common with that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from rzen_eval.engine.job import Done, Step
from rzen_eval.engine.pairs import pipeline_of
from rzen_eval.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rzen_eval.engine.picture_loader import Loader
    from rzen_eval.engine.plan import Plan
    from rzen_eval.models.interface import Pairwise, Pipelined


class Engine(Protocol):
    """Embeds the windows of a plan into its store."""

    def run(self, plan: Plan) -> Iterator[Step | Done]:
        """Batches as they are done, and what became of each window, in any order.

        Vectors of a window without an error are in the plan's store.
        """


@dataclass(frozen=True, slots=True)
class Inline:
    """In this process."""

    model: Pipelined | Pairwise
    loader: Loader

    def run(self, plan: Plan) -> Iterator[Step | Done]:
        """As `Engine`."""
        for done in pipeline_of(self.model, self.loader, plan.tokens_per_batch).run(plan.jobs(), plan.is_done):
            yield keep(plan, done)
            if isinstance(done, Done):
                plan.store.refresh()
            yield from plan.done_elsewhere()
        yield from plan.done_elsewhere()


def keep(plan: Plan, done: Step | Done) -> Step | Done:
    """Put a window's vectors into the store, or take note of the chunk that another process put there."""
    if isinstance(done, Step):
        return done
    if done.chunk is not None:
        plan.store.enter(done.chunk)
        if not all(key in plan.store for key in plan.keys(done.number)):
            problem = DataError(
                f"a worker has written {done.chunk}, which is not in {plan.store.folder} here; give a cache_dir that"
                " all machines share, or runtime.store=null"
            )
            return replace(done, chunk=None, error=problem)
    elif done.rows is not None:
        plan.store.put(plan.keys(done.number), done.rows)
    return replace(done, rows=None)

"""Processes that train one model together, each with its copy: each embeds a share, and the first gets all vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from rzen_eval.engine.inline import keep
from rzen_eval.engine.job import Done, Step
from rzen_eval.engine.pipeline import Pipeline
from rzen_eval.engine.waiting import watched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rzen_eval.core import Vectors
    from rzen_eval.engine.picture_loader import Loader
    from rzen_eval.engine.plan import Plan
    from rzen_eval.engine.vector_store import Key
    from rzen_eval.models.interface import Pipelined

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Peers:
    """The processes of `torch.distributed`, where it has been set up; else this one alone."""

    rank: int
    world: int

    @classmethod
    def here(cls) -> Peers:
        """As the training loop has set it up."""
        import torch.distributed as together

        if together.is_available() and together.is_initialized():
            return cls(together.get_rank(), together.get_world_size())
        return cls(0, 1)

    @property
    def first(self) -> bool:
        """Whether this process scores."""
        return self.rank == 0

    def gathered(self, mine: T) -> list[T]:
        """What each process has, in the first one; in others nothing."""
        if self.world == 1:
            return [mine]
        import torch.distributed as together

        every: list[Any] | None = [None] * self.world if self.first else None
        together.gather_object(mine, every, dst=0)
        return every or []

    def of_first(self, what: T | None) -> T:
        """What the first process says, in every one."""
        said: list[Any] = [what]
        if self.world > 1:
            import torch.distributed as together

            together.broadcast_object_list(said, src=0)
        found: T = said[0]
        return found


@dataclass(frozen=True, slots=True)
class _Share:
    """What a process has made."""

    keys: list[Key]
    rows: list[Vectors]
    done: list[Done]


def embed_together(
    plan: Plan,
    model: Pipelined,
    loader: Loader,
    peers: Peers,
    report: Callable[[Step], object],
    *,
    say: Callable[[str], object],
) -> None:
    """Embed a plan's windows, each process those that are its own; afterwards the first has every vector in its store.

    Args:
        plan: the same in every process.
        model: this process's copy.
        loader: where pictures are loaded.
        peers: who takes part.
        report: told of every batch of this process.
        say: told what is waited for, where nothing comes for long.

    Raises:
        RzenEvalError: in the first process, what a window has failed with, in whichever process.
    """
    mine = [number for number in plan.order() if number % peers.world == peers.rank]
    share = _Share([], [], [])
    for done in watched(_kept(plan, model, loader, mine), say, plan.awaited):
        if isinstance(done, Step):
            report(done)
            continue
        share.done.append(done)
        if done.error is None and peers.world > 1:
            share.keys.extend(plan.keys(done.number))
            share.rows.extend(plan.store.get(plan.keys(done.number)))
    failed = next(iter(plan.failed.values()), None)
    gathered = peers.gathered((share, failed))
    for error in (failed, *(theirs for _, theirs in gathered)):
        if error is not None:
            raise error
    for rank, (other, _) in enumerate(gathered):
        if rank and other.keys:
            plan.store.put(other.keys, other.rows)
        for done in other.done:
            plan.note(done)
    for problem in plan.failed.values():
        raise problem


def _kept(plan: Plan, model: Pipelined, loader: Loader, numbers: list[int]) -> Iterator[Step | Done]:
    for done in Pipeline(model, loader, plan.tokens_per_batch).run(plan.jobs(numbers)):
        yield keep(plan, done)

"""Vectors of a task's queries or candidates, and what it took to make them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rzen_eval.engine.inline import Inline
from rzen_eval.engine.job import Step
from rzen_eval.engine.plan import Plan
from rzen_eval.engine.vector_store import VectorStore
from rzen_eval.models.interface import Metered, Pipelined

if TYPE_CHECKING:
    from collections.abc import Callable

    from rzen_eval.core import MultiVectors, Vectors
    from rzen_eval.engine.picture_loader import Loader
    from rzen_eval.engine.plan import TaskSide
    from rzen_eval.engine.spent import Spent


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors of items, and what it took to make them."""

    vectors: Vectors | MultiVectors
    """An array of shape (n, dim), or MultiVectors of a model with several an item."""
    first_prompt: str | None
    """The rendered prompt of the first item; None for an embedder that keeps its prompts to itself."""
    spent: Spent
    n_cut: int = 0
    """Items whose text is cut to fit the model's length."""


def embed(
    model: Pipelined,
    part: TaskSide,
    *,
    loader: Loader,
    tokens_per_batch: int,
    store: VectorStore | None = None,
    progress: Callable[[int], object] | None = None,
) -> Embedded:
    """Embed queries or candidates in this process.

    Args:
        model: a model that plans, loads and forwards apart.
        part: n items and their ids.
        loader: where pictures are loaded.
        tokens_per_batch: budget of a batch.
        store: where this model's vectors are kept, and taken from where they are there already.
        progress: called with the number of items done since.

    Returns:
        Vectors in the order of the items, shape (n, dim), or MultiVectors, unchecked.

    Raises:
        DataError: an item cannot be embedded; it is named.
        ModelError: the model fails.
    """
    report = progress or (lambda _items: None)
    store = store or VectorStore(None)
    store.refresh()
    plan = Plan(model, store, tokens_per_batch)
    plan.add(part)
    if isinstance(model, Metered) and plan.n_items:
        model.confirm(unit.item for job in plan.jobs() for unit in job.units)
    if kept := len(part.items) - plan.n_items:
        report(kept)
    for done in Inline(model, loader).run(plan):
        if isinstance(done, Step):
            report(done.items)
            continue
        plan.note(done)
        if done.error:
            raise done.error
    for error in plan.failed.values():
        raise error
    return collect(plan, part)


def collect(plan: Plan, part: TaskSide) -> Embedded:
    """The vectors of queries or candidates that are all in the plan's store."""
    return Embedded(plan.store.joined(part.keys), part.first_prompt, part.spent, part.n_cut)

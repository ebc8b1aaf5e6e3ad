"""What a task takes, counted on its data."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rzen_eval.core import Side
from rzen_eval.data.load import load_data
from rzen_eval.engine.item_key import item_key
from rzen_eval.estimate.cost import Amount, TaskCost

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rzen_eval.core import Item, Task
    from rzen_eval.engine.vector_store import Key
    from rzen_eval.estimate.item_cost import Reader

SAMPLE = 200
"""Pictured items a side of a task whose pictures are opened; of more, every k-th."""


def measured(
    task: Task, reader: Reader, seen: set[Key] | None, progress: Callable[[int], object] | None = None
) -> TaskCost:
    """Count a task's items, and open their pictures as far as their headers.

    An item is what its prompt and its media make it, as in a run's store of vectors. Items without a picture are
    measured one by one. Of more than 200 pictured ones of a side every k-th is, k the smallest step that leaves no
    more than 200, and their mean stands for all; how many pictures there are is always counted.

    Args:
        task: whose data are there.
        reader: the model.
        seen: items of earlier tasks, which this one's are added to; None: nothing is kept between the two sides.
        progress: called with the number of items done.

    Raises:
        DataError: the data are missing or damaged.
        ConfigError: the task's recipe or options are wrong.
    """
    data = load_data(task)
    sides = []
    sampled = False
    for items, side in ((data.queries, Side.QUERY), (data.candidates, Side.CANDIDATE)):
        amount, whole = _side(items, side, reader, set() if seen is None else seen, progress)
        sides.append(amount)
        sampled |= not whole
    return TaskCost(
        id=task.id,
        modality=task.modality,
        n_queries=len(data.query_ids),
        n_candidates=len(data.candidate_ids),
        queries=sides[0],
        candidates=sides[1],
        source="data, sampled" if sampled else "data",
    )


def _side(
    items: Sequence[Item], side: Side, reader: Reader, seen: set[Key], progress: Callable[[int], object] | None
) -> tuple[Amount, bool]:
    """What a side adds, and whether every item of it was measured."""
    total = Amount()
    pictured: list[int] = []
    images = frames = 0
    for place, item in enumerate(items):
        key = item_key(reader.prompt(item, side), item)
        if progress:
            progress(1)
        if key in seen:
            continue
        seen.add(key)
        if item.images or item.frames:
            pictured.append(place)
            images, frames = images + len(item.images), frames + len(item.frames)
        else:
            total += reader.amount(item, side)
    step = max(1, -(-len(pictured) // SAMPLE))
    chosen = pictured[::step]
    part = Amount()
    for place in chosen:
        part += reader.amount(items[place], side)
    if chosen:
        scaled = part.times(len(pictured) / len(chosen))
        total += replace(scaled, items=len(pictured), images=images, frames=frames)
    return total, step == 1

"""Batches by token budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_PADDING = 0.05
"""Share of a batch that may be padding; a batch of like lengths costs less than one call fewer."""


def cut(lengths: Sequence[int], tokens_per_batch: int) -> list[list[int]]:
    """Group items of like length so that no batch exceeds a budget or is more than five per cent padding.

    Longest first, so that running out of memory shows at once. An item longer than the budget is a
    batch of its own.

    Args:
        lengths: tokens of each item.
        tokens_per_batch: budget for longest item times number of items.

    Returns:
        Indices into `lengths`, each exactly once.
    """
    batches: list[list[int]] = []
    room = tokens = 0
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        longest = lengths[batches[-1][0]] if batches else 0
        room, tokens = room + longest, tokens + lengths[index]
        if batches and room <= tokens_per_batch and room - tokens <= MAX_PADDING * room:
            batches[-1].append(index)
        else:
            batches.append([index])
            room = tokens = lengths[index]
    return batches

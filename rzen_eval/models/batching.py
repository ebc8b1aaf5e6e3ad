"""Batches by token budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def cut(lengths: Sequence[int], tokens_per_batch: int) -> list[list[int]]:
    """Group items of like length so that no batch, padding included, exceeds a budget.

    Longest first, so that running out of memory shows at once. An item longer than the budget is a
    batch of its own.

    Args:
        lengths: tokens of each item.
        tokens_per_batch: budget for longest item times number of items.

    Returns:
        Indices into `lengths`, each exactly once.
    """
    batches: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if batches and lengths[batches[-1][0]] * (len(batches[-1]) + 1) <= tokens_per_batch:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches

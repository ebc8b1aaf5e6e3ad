"""Windows and batches by token budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_PADDING = 0.05
"""Share of a batch that may be padding; a batch of like lengths costs less than one call fewer."""


WINDOW_TOKENS = 131_072
"""Upper bound of a full window's tokens; at 2,352 bytes of pixels a token, 300 MB."""
WINDOW_ITEMS = 2048
"""Most items of a window; bounds what texts take in memory."""
GROWTH = 1.25
"""Of a window over the one before, so that loading it takes little longer than using that one."""


@dataclass(frozen=True, slots=True)
class Room:
    """What a batch may hold."""

    tokens: int
    patches: int | None = None
    """Of all its pictures; None: as many as its tokens bring."""

    def half(self, tokens: int, patches: int) -> Room:
        """After a batch of so many did not fit."""
        most = self.patches
        return Room(min(self.tokens, tokens // 2), most if most is None else min(most, max(1, patches // 2)))


def windows(most_tokens: Sequence[int], tokens_per_batch: int) -> list[list[int]]:
    """Group items into windows that are loaded, and then cut into batches, one after the other.

    How many tokens a picture takes shows when it is opened, and it is opened once; before that there is only
    an upper bound. Items with the highest come first, so that running out of memory shows at once. Windows
    begin small, so that the device need not wait long for its first batch.

    Args:
        most_tokens: an upper bound, or any other measure, of each item's length.
        tokens_per_batch: budget of a batch, and of the first window.

    Returns:
        Indices into `most_tokens`, each exactly once.
    """
    found: list[list[int]] = []
    room, size = 0.0, float(tokens_per_batch)
    for index in sorted(range(len(most_tokens)), key=lambda i: (-most_tokens[i], i)):
        room -= most_tokens[index]
        if not found or room < 0 or len(found[-1]) == WINDOW_ITEMS:
            room = size - most_tokens[index]
            size = min(GROWTH * size, max(WINDOW_TOKENS, tokens_per_batch))
            found.append([])
        found[-1].append(index)
    return found


def cut(
    lengths: Sequence[int], room: Room | int, *, packed: bool = False, patches: Sequence[int] | None = None
) -> list[list[int]]:
    """Group items of like length so that no batch exceeds a budget or is more than five per cent padding.

    Longest first, so that running out of memory shows at once. An item longer than the budget is a
    batch of its own.

    Args:
        lengths: tokens of each item.
        room: budget for longest item times number of items, and for patches.
        packed: items go end to end, without padding; the budget is for their tokens.
        patches: of each item's pictures; None: they are not counted.

    Returns:
        Indices into `lengths`, each exactly once.
    """
    most = Room(room) if isinstance(room, int) else room
    batches: list[list[int]] = []
    taken = tokens = seen = 0
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        length, own = lengths[index], patches[index] if patches is not None else 0
        longest = length if packed or not batches else lengths[batches[-1][0]]
        taken, tokens, seen = taken + longest, tokens + length, seen + own
        fits = taken <= most.tokens and (most.patches is None or seen <= most.patches)
        if batches and fits and taken - tokens <= MAX_PADDING * taken:
            batches[-1].append(index)
        else:
            batches.append([index])
            taken = tokens = length
            seen = own
    return batches

"""The size that a picture is fitted to."""

from __future__ import annotations

import math

Size = tuple[int, int]
"""Width and height."""
TOKEN = 28
"""Side in pixels of the square that one visual token covers: patches of 14, merged two by two."""
MAX_RATIO = 200
"""Longest side over shortest, beyond which Qwen's own code reads no picture."""


def beyond_ratio(size: Size) -> bool:
    """Whether the sides of a picture are further apart than Qwen's own code reads."""
    return max(size) > MAX_RATIO * min(size)


def clamped(size: Size) -> Size:
    """A size cut to that ratio."""
    limit = min(size) * MAX_RATIO
    return min(size[0], limit), min(size[1], limit)


def fit(width: int, height: int, least: float, most: float, token: int = TOKEN) -> tuple[int, int]:
    """The size nearest to a picture's own with sides in multiples of a token's and an area within a budget.

    Args:
        width: of the picture.
        height: of the picture.
        least: tokens to take.
        most: tokens to take.
        token: side of the square that a token covers.

    Source: `smart_resize` of Qwen2-VL's image processor.
    """
    area = width * height
    low, high = least * token**2, most * token**2
    fitted = [max(token, round(side / token) * token) for side in (width, height)]
    if fitted[0] * fitted[1] > high:
        shrink = math.sqrt(area / high)
        fitted = [max(token, math.floor(side / shrink / token) * token) for side in (width, height)]
    elif fitted[0] * fitted[1] < low:
        grow = math.sqrt(low / area)
        fitted = [math.ceil(side * grow / token) * token for side in (width, height)]
    return fitted[0], fitted[1]

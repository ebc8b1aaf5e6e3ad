"""How averages of scores are formed."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def mean(percents: Sequence[float], digits: int = 2) -> Decimal:
    """Mean as the published tables form it: every score is first rounded, to two decimals unless said otherwise.

    It is exact, so that halves round to even as in those tables: 43.125 to 43.12, 34.955 to 34.96.
    Source: found by recomputing the published rows of 2025 from the official per-task scores.
    """
    return sum((Decimal(f"{percent:.{digits}f}") for percent in percents), Decimal(0)) / len(percents)


def average(scores: Sequence[float]) -> float:
    """Mean in percent of scores from 0 to 1, with two decimals."""
    return float(round(mean([100 * score for score in scores]), 2))

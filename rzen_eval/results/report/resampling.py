"""How far a mean over queries could have come out otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rzen_eval.core import Frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.metrics import Floats

DRAWS = 1000
LEVEL = 0.95
AT_ONCE = 1 << 20
"""Numbers drawn at a time."""


class Estimate(Frozen):
    """A mean with its interval, fractions from 0 to 1."""

    mean: float
    low: float
    high: float


def resampled(values: Floats, seed: int = 0) -> Floats:
    """Means of queries drawn with replacement.

    Args:
        values: of each query.
        seed: of the draws; the same gives the same means.

    Returns:
        Array of shape (1000,).
    """
    random = np.random.default_rng(seed)
    rows = max(1, AT_ONCE // len(values))
    return np.concatenate(
        [
            values[random.integers(0, len(values), (min(rows, DRAWS - start), len(values)))].mean(axis=1)
            for start in range(0, DRAWS, rows)
        ]
    )


def estimate(values: Floats, seed: int = 0) -> Estimate:
    """The mean over queries and its 95 % percentile interval."""
    return _estimate(float(values.mean()), resampled(values, seed))


def average(tasks: Sequence[tuple[float, Floats]]) -> Estimate:
    """The mean over tasks, with queries drawn anew within each of them.

    Args:
        tasks: score and `resampled` means of each.
    """
    return _estimate(float(np.mean([score for score, _ in tasks])), np.mean([draws for _, draws in tasks], axis=0))


def _estimate(mean: float, draws: Floats) -> Estimate:
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
    return Estimate(mean=mean, low=low, high=high)

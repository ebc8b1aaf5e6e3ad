"""How far a mean over queries could have come out otherwise."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.metrics import Floats

DRAWS = 1000
LEVEL = 0.95
AT_ONCE = 1 << 20
"""Numbers drawn at a time."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its interval, fractions from 0 to 1."""

    mean: float
    low: float
    high: float


def resampled(values: Floats, task: str) -> Floats:
    """Means of queries drawn with replacement.

    Args:
        values: of each query.
        task: its id, which sets the random numbers: tasks are drawn independently, and always alike.

    Returns:
        Array of shape (1000,).
    """
    random = np.random.default_rng(zlib.crc32(task.encode()))
    rows = max(1, AT_ONCE // len(values))
    return np.concatenate(
        [
            values[random.integers(0, len(values), (min(rows, DRAWS - start), len(values)))].mean(axis=1)
            for start in range(0, DRAWS, rows)
        ]
    )


def estimate(values: Floats, task: str) -> Estimate:
    """The mean over queries and its 95 % percentile interval."""
    return _estimate(float(values.mean()), resampled(values, task))


def average(tasks: Sequence[tuple[float, Floats]]) -> Estimate:
    """The mean over tasks, with queries drawn anew within each of them.

    Args:
        tasks: score and `resampled` means of each.
    """
    return _estimate(float(np.mean([score for score, _ in tasks])), np.mean([draws for _, draws in tasks], axis=0))


def _estimate(mean: float, draws: Floats) -> Estimate:
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
    return Estimate(mean=mean, low=low, high=high)

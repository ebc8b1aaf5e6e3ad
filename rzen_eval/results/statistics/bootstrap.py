"""How sure a mean over queries is.

A bootstrap resamples the queries of a task; that of an average resamples within each of its tasks and averages the
means, so it is stratified. A paired permutation test flips the sign of each query's difference. Both depend on nothing
but how often each value occurs, so where values are few, as those of hit@1, their counts are drawn and not n queries:
multinomial for a resample, binomial for flips. The distribution is the same; 8,000 queries take milliseconds.

Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapters 13 and 15; Holm (1979); Benjamini and
Hochberg (1995).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Floats = NDArray[np.float64]

SEED = 0
LEVEL = 0.95
RESAMPLES = 10_000
CELLS = 4_000_000
"""Numbers drawn at a time, which bounds memory."""
FEW = 25
"""Queries for each distinct value from which on counts are drawn: a count costs as much as that many queries."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A percentile interval."""

    low: float
    high: float

    @property
    def half(self) -> float:
        """Half its width."""
        return (self.high - self.low) / 2


def resampled(values: Floats, task: str, *, resamples: int = RESAMPLES, seed: int = SEED) -> Floats:
    """Means of bootstrap resamples of a task's queries.

    Args:
        values: one of each query, shape (queries,); not empty.
        task: its id; with `seed` it sets the random numbers, so that a task's interval does not depend on others.
        resamples: how many.
        seed: of the random numbers.

    Returns:
        Shape (resamples,). Means of several tasks, averaged resample by resample, are the stratified bootstrap of
        their average.
    """
    n = len(values)
    distinct, counts = np.unique(values, return_counts=True)
    random = _random(task, "resample", seed)
    if FEW * len(distinct) <= n:
        sizes = _parts(resamples, len(distinct))
        return np.concatenate([random.multinomial(n, counts / n, size=size) @ distinct for size in sizes]) / n
    drawn = [values[random.integers(0, n, size=(size, n))].mean(axis=1) for size in _parts(resamples, n)]
    means: Floats = np.concatenate(drawn)
    return means


def flipped(differences: Floats, task: str, *, flips: int = RESAMPLES, seed: int = SEED) -> Floats:
    """Means of a task's differences, each query's sign set by a coin: what is seen where two models are alike.

    Args:
        differences: one of each query, shape (queries,); not empty.
        task: as for `resampled`.
        flips: how many.
        seed: of the random numbers.

    Returns:
        Shape (flips,).
    """
    n = len(differences)
    distinct, counts = np.unique(np.abs(differences[differences != 0]), return_counts=True)
    random = _random(task, "flip", seed)
    if FEW * len(distinct) <= n:
        sizes = _parts(flips, len(distinct))
        drawn = [(2 * random.binomial(counts, 0.5, size=(size, len(counts))) - counts) @ distinct for size in sizes]
    else:
        signs = (random.integers(0, 2, size=(size, n), dtype=np.int8) * 2 - 1 for size in _parts(flips, n))
        drawn = [sign @ differences for sign in signs]
    means: Floats = np.concatenate(drawn) / n
    return means


def _random(task: str, use: str, seed: int) -> np.random.Generator:
    digest = hashlib.sha256(f"{use} {task}".encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])


def _parts(total: int, width: int) -> Iterator[int]:
    rows = max(1, CELLS // max(1, width))
    return (min(rows, total - start) for start in range(0, total, rows))


def interval(means: Floats, level: float = LEVEL) -> Interval:
    """The percentile interval of resampled means, shape (resamples,), in their unit."""
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def p_value(observed: float, null: Floats) -> float:
    """How often a mean as far from zero as the one observed is seen where two models are alike (two-sided).

    Args:
        observed: mean difference.
        null: what `flipped` gives, shape (flips,), or the average of that over tasks.

    Returns:
        Above 0, since the observed mean counts among the flipped ones (Phipson and Smyth, 2010).
    """
    # Sums of the same numbers in another order differ in their last bits.
    as_far = np.count_nonzero(np.abs(null) >= abs(observed) - 1e-12)
    return float((1 + as_far) / (1 + len(null)))


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for their number by Holm's method: the chance of any false alarm among all stays below p."""
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(1, np.maximum.accumulate(np.asarray(p_values)[order] * factors))
    return [float(p) for p in corrected]


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """P-values corrected by Benjamini and Hochberg's method: of those below p, a share p are false alarms."""
    order = np.argsort(p_values, kind="stable")[::-1]
    factors = len(p_values) / np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(1, np.minimum.accumulate(np.asarray(p_values)[order] * factors))
    return [float(p) for p in corrected]

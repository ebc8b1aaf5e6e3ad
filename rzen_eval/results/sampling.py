"""What a random sample of a task's queries tells of all of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

WIDE = 1.96
"""Standard errors to either side of an estimate in its 95 % interval."""


def standard_error(values: NDArray[np.float64], n_whole: int) -> float:
    """Standard error of the mean of a sample drawn without putting back.

    Two values of 0 and two of 1 are added for it, so that a sample without a single miss is not taken for certain.
    Source: Agresti and Coull, The American Statistician 52 (1998); Cochran, Sampling Techniques (1977), chapter 2.

    Args:
        values: of the sample's queries, from 0 to 1, shape (queries,); not empty.
        n_whole: queries of the whole task.
    """
    n = len(values)
    if n >= n_whole:
        return 0.0
    seen = np.concatenate([values, [0.0, 0.0, 1.0, 1.0]])
    return float(math.sqrt(seen.var() / len(seen) * (1 - n / n_whole)))


def half_interval(errors: Sequence[float]) -> float:
    """Half the 95 % interval, in points, of the mean over tasks, from the standard error of each as a fraction."""
    return 100 * WIDE * math.sqrt(sum(error * error for error in errors)) / len(errors)

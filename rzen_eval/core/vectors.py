"""What a model makes of items: a vector each, or several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Vectors = NDArray[np.float32]
"""Rows are items, columns dimensions."""


@dataclass(frozen=True, slots=True)
class MultiVectors:
    """Several vectors an item, such as one a token; a model that compares items vector by vector returns these."""

    rows: Vectors
    """The vectors of all items, item after item: (total, dimensions)."""
    offsets: NDArray[np.int64]
    """Where each item's rows begin, and where the last one's end: (items + 1,)."""

    def __post_init__(self) -> None:
        starts = self.offsets
        fits = self.rows.ndim == 2 and starts.ndim == 1 and len(starts) > 0
        if not fits or starts[0] != 0 or starts[-1] != len(self.rows) or (np.diff(starts) < 0).any():
            raise ValueError(
                "MultiVectors takes rows of shape (total, dimensions) and ascending offsets from 0 to total, found"
                f" rows of shape {self.rows.shape} and offsets {starts.tolist()[:3]} ... {starts.tolist()[-1:]}"
            )

    @classmethod
    def of(cls, items: Sequence[NDArray[Any]]) -> Self:
        """From one array of shape (vectors, dimensions) for each item."""
        rows = np.concatenate(items) if items else np.zeros((0, 0))
        return cls(rows.astype(np.float32, copy=False), np.cumsum([0, *map(len, items)], dtype=np.int64))

    def __len__(self) -> int:
        """Items."""
        return len(self.offsets) - 1

    def __getitem__(self, item: int) -> Vectors:
        """The vectors of one item, shape (vectors, dimensions)."""
        return self.rows[self.offsets[item] : self.offsets[item + 1]]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Vectors of each item: (items,)."""
        return np.diff(self.offsets)

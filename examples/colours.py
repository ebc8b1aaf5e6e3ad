"""A model in one class: colours of pictures and words of texts, side by side in one vector."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval import Item, Side, Vectors


class Colours:
    """Embeds a picture by how much it has of each of 64 colours, and a text by its words.

    Args:
        words: dimensions for words; which word goes to which is a matter of its hash.
    """

    def __init__(self, words: int = 64) -> None:
        self.words = words

    def embed(self, items: Sequence[Item], side: Side) -> Vectors:  # noqa: ARG002 - both sides are embedded alike
        """One vector an item, float32, shape (n, 64 + words); the harness gives them unit length."""
        vectors = np.zeros((len(items), 64 + self.words), dtype=np.float32)
        for row, item in enumerate(items):
            for picture in (*item.images, *item.frames):
                cells = np.asarray(picture) // 64 @ (16, 4, 1)
                vectors[row, :64] += np.bincount(cells.ravel(), minlength=64) / cells.size
            for word in f"{item.instruction or ''} {item.text or ''}".lower().split():
                vectors[row, 64 + zlib.crc32(word.encode()) % self.words] += 1
        return vectors

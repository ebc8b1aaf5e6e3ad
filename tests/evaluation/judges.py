"""Rerankers of one method, and what they have been asked."""

from collections.abc import Sequence

import numpy as np

from rzen_eval.core import Item, Side, Vectors

ASKED: list[int] = []
"""Candidates of each call."""
STOP: list[int] = []
"""At which call it is interrupted; empty: at none."""


def shade(item: Item) -> int:
    """What a page of `toys.four_pages` shows, or a query says."""
    return int(item.text.split()[-1]) if item.text else int(np.asarray(item.images[0])[0, 0, 0])


class Embedder:
    """The first stage: nearer shades are nearer."""

    def embed(self, items: Sequence[Item], side: Side) -> Vectors:
        angles = np.array([shade(item) for item in items]) / 180
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


class Shades:
    """Knows every shade, until it is interrupted."""

    def __init__(self, sign: float = -1.0):
        self._sign = sign

    def score(self, query: Item, candidates: Sequence[Item]) -> list[float]:
        if STOP and len(ASKED) >= STOP[0]:
            raise KeyboardInterrupt
        ASKED.append(len(candidates))
        return [self._sign * abs(shade(query) - shade(one)) for one in candidates]


class Flat:
    """Scores everything alike."""

    def score(self, query: Item, candidates: Sequence[Item]) -> np.ndarray:
        return np.zeros((len(candidates), 1))


class Nan:
    """Is not sure."""

    def score(self, query: Item, candidates: Sequence[Item]) -> list[float]:
        return [float("nan")] * len(candidates)


class Short:
    """Forgets one."""

    def score(self, query: Item, candidates: Sequence[Item]) -> list[float]:
        return [0.0] * (len(candidates) - 1)


class Complex:
    """Answers in another plane."""

    def score(self, query: Item, candidates: Sequence[Item]) -> np.ndarray:
        return np.full(len(candidates), 1 + 1j)


class Words:
    """Writes its numbers down."""

    def score(self, query: Item, candidates: Sequence[Item]) -> list[str]:
        return ["0.5"] * len(candidates)

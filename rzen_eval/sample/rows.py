"""Rows of a retrieval task before its pictures have names."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from PIL import Image


class Picture(Protocol):
    """Something to draw; equal pictures are one file."""

    def draw(self) -> Image.Image:
        """The drawing."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One side of a row: text, a picture, or both."""

    text: str = ""
    picture: Picture | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A query with the candidates it is ranked against."""

    query: Entry
    candidates: Sequence[Entry]
    """The right one first."""


Maker = Callable[[Random, int], Sequence[Row]]
"""From a source of randomness and a number to that many rows."""


def seeded(name: str, world: str = "") -> Random:
    """Random numbers that hang on a name and a world alone."""
    key = f"{world}: {name}" if world else name
    return Random(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]))


def pool(rng: Random, right: Entry, others: Iterable[Entry]) -> Sequence[Entry]:
    """Candidates in the order of the benchmark: the right one, then the others in any order."""
    rest = [entry for entry in dict.fromkeys(others) if entry != right]
    rng.shuffle(rest)
    return [right, *rest]


def texts(rng: Random, right: str, others: Iterable[str]) -> Sequence[Entry]:
    """A pool of texts."""
    return pool(rng, Entry(right), map(Entry, others))


def cycled(rng: Random, names: Sequence[str], number: int) -> Sequence[str]:
    """So many of the names, in any order, none of them again before all have come."""
    rounds = -(-number // len(names))
    return [name for _ in range(rounds) for name in rng.sample(names, len(names))][:number]

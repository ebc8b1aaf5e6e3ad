"""What travels between a plan and those who carry it out: windows of items, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rzen_eval.engine.spent import NOTHING, Spent
from rzen_eval.media import portable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.core import Item, Side, Vectors
    from rzen_eval.engine.vector_store import Key
    from rzen_eval.errors import RzenEvalError


@dataclass(frozen=True, slots=True)
class Unit:
    """An item that gets a vector."""

    item: Item
    side: Side
    name: str
    """Its id, for messages."""
    key: Key

    @property
    def who(self) -> str:
        """Side and id."""
        return f"{self.side} {self.name!r}"

    def portable(self) -> Unit:
        """The same in a form that can be sent to another process; pictures stay encoded."""
        return replace(self, item=portable_item(self.item))


def portable_item(item: Item) -> Item:
    """The same in a form that can be sent to another process."""
    if not (item.images or item.frames):
        return item
    images, frames = tuple(map(portable, item.images)), tuple(map(portable, item.frames))
    return replace(item, images=images, frames=frames)


@dataclass(frozen=True, slots=True)
class Job:
    """A window of items: loaded together, cut into batches, kept in one chunk."""

    number: int
    """Its place in the plan."""
    units: Sequence[Unit]

    def portable(self) -> Job:
        """The same in a form that can be sent to another process.

        Raises:
            DataError, OSError: a picture cannot be read.
        """
        return replace(self, units=tuple(unit.portable() for unit in self.units))


@dataclass(frozen=True, slots=True)
class Step:
    """A batch that went through the model."""

    number: int
    """Of its window."""
    items: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a window."""

    number: int
    rows: Sequence[Vectors] | None
    """For each item its vectors, float32, (1, dim) or (tokens, dim); None: they are in the store, or it failed."""
    error: RzenEvalError | None = None
    """Why there are no vectors; the item is named."""
    chunk: str | None = None
    """Name of the file in the store that holds them."""
    spent: Spent = NOTHING
    """Its seconds are those since the window before was done, in the process that did it."""

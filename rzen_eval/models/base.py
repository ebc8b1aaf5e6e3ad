"""What the engine needs of a model to keep its device busy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from rzen_eval.core import Item, Side, Vectors
    from rzen_eval.models.pixels import Picture, Pixels


@dataclass(frozen=True, slots=True)
class Planned:
    """An item as token ids, with its pictures still to load."""

    prompt: str
    """The rendered prompt, one placeholder a picture."""
    input_ids: NDArray[np.int64]
    """Tokens as the model reads them, shape (length,); every visual token has its place."""
    visual: NDArray[np.int64]
    """Positions of the visual tokens in `input_ids`, in the order of the pictures."""
    pictures: tuple[Picture, ...]

    @property
    def length(self) -> int:
        """Tokens that the item takes in a batch."""
        return len(self.input_ids)


@runtime_checkable
class Pipelined(Protocol):
    """A model whose work comes in three parts: plan (cheap), load (in workers), forward (on the device)."""

    def plan(self, item: Item, side: Side) -> Planned:
        """Render, tokenize and size an item; reads the headers of its pictures only."""

    def forward(self, planned: Sequence[Planned], pixels: Sequence[Sequence[Pixels]]) -> Vectors:
        """One unit vector an item, float32, shape (n, dim); `pixels[i]` are the loaded pictures of `planned[i]`."""

    def provenance(self) -> Mapping[str, Any]:
        """Everything about the model that can change a vector, for results and for telling stale ones."""

"""Models that take items whole: they open pictures, make prompts and batches in ways of their own."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from rzen_eval.core import Side, asked_of
from rzen_eval.media import open_rgb
from rzen_eval.models import device
from rzen_eval.models.interface import Planned, Rendered
from rzen_eval.models.pictures.resize import NO_PICTURES, Pictures
from rzen_eval.models.token_budget import WINDOW_TOKENS
from rzen_eval.ranking.multivectors import as_vectors, by_item, joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.core import Item, MultiVectors, Vectors
    from rzen_eval.models.declaration.local import Declared
    from rzen_eval.models.pictures.resize import Pixels, Visual


@dataclass(frozen=True, slots=True)
class Unopened(Pictures):
    """Pictures that the model opens itself: a worker has nothing to load."""

    share: int = 0

    @property
    def most_tokens(self) -> int:
        """What the item counts as."""
        return self.share


@dataclass(frozen=True, slots=True)
class Held(Planned):
    """An item that is handed over as it is."""

    item: Item = field(kw_only=True)
    side: Side = field(kw_only=True)
    share: int = field(kw_only=True)

    @property
    def length(self) -> int:
        """What the item counts as, whatever it holds."""
        return self.share


class OneMethodModel(ABC):
    """A model behind one method, as the engine drives it."""

    dim: int | None
    made: ClassVar[str]
    """Name of the cached property that is there once it is loaded."""
    window: ClassVar[int] = 64
    """Most items that are kept together if a batch has no more, and so the most that a run which is killed loses."""

    def __init__(self, spec: Declared) -> None:
        self.spec = spec
        self.device = device.device(spec)
        self.dim = spec.dim

    def __repr__(self) -> str:
        dimensions = f"{self.dim} dimensions" if self.dim else "dimensions not known"
        loaded = "" if self.made in vars(self) else "not "
        return f"<{type(self).__name__} {self.spec.name}: {self.where}, {dimensions}, {loaded}loaded>"

    @property
    def where(self) -> str:
        """Where it computes."""
        return f"on {self.device}"

    @property
    @abstractmethod
    def batch_size(self) -> int:
        """Items that are handed over at once."""

    @property
    def tokens_per_batch(self) -> int:
        """The same in the measure of batches."""
        return self.batch_size * self._share

    @property
    def _share(self) -> int:
        """What an item counts as, in tokens, so that windows and batches hold items by number."""
        return WINDOW_TOKENS // self.window

    @abstractmethod
    def vectors(self, items: Sequence[Item], side: Side) -> Any:
        """Vectors of a batch, in any form that `as_vectors` takes."""

    @abstractmethod
    def load(self) -> None:
        """Get ready now; otherwise that happens with the first batch."""

    @abstractmethod
    def provenance(self) -> dict[str, Any]:
        """Everything about the model that can change a vector."""

    def embed(self, items: Sequence[Item], side: Side | str = Side.QUERY) -> Vectors | MultiVectors:
        """Embed items in this process.

        Args:
            items: n items.
            side: `query` or `candidate`.

        Returns:
            float32, shape (n, dim), or MultiVectors where an item has several.

        Raises:
            DataError: a picture cannot be decoded.
            ModelError: the model fails.
        """
        size, side = self.batch_size, asked_of(items, side)
        batches = [items[start : start + size] for start in range(0, len(items), size)]
        made = [as_vectors(self.vectors(batch, side), len(batch)) for batch in batches]
        return joined([row for batch in made for row in by_item(batch)])

    def prompt(self, item: Item, side: Side) -> str:
        """What tells an item's words from another's; what the model makes of them it keeps to itself."""
        said = {"side": str(side), "instruction": item.instruction, "text": item.text}
        return json.dumps({key: value for key, value in said.items() if value}, ensure_ascii=False)

    def rendered(self, item: Item, side: Side) -> Rendered:
        """The item itself, with nothing for a worker to load."""
        return Rendered(item, side, self.prompt(item, side), Unopened(NO_PICTURES.how, share=self._share))

    def planned(self, rendered: Rendered, visuals: Sequence[Visual]) -> Held:  # noqa: ARG002 - it opens pictures itself
        """The item itself."""
        empty = np.zeros(0, dtype=np.int64)
        one = np.zeros(1, dtype=np.int64)
        return Held(rendered.prompt, one, empty, item=rendered.item, side=rendered.side, share=self._share)

    def forward(self, planned: Sequence[Planned], pixels: Sequence[Sequence[Pixels]]) -> Any:  # noqa: ARG002
        """Vectors of items of one side, shape (n, dim), or for each item several, shape (vectors, dim)."""
        held = [one for one in planned if isinstance(one, Held)]
        return self.vectors([one.item for one in held], held[0].side)


def decoded(item: Item) -> Item:
    """The same with its images and frames as PIL images, RGB.

    Raises:
        DataError: a picture is missing or damaged.
    """
    return replace(item, images=tuple(map(open_rgb, item.images)), frames=tuple(map(open_rgb, item.frames)))

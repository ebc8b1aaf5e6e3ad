"""An object of the user's own, with `embed(items, side)`, as a model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rzen_eval.models.declaration.local import Declared
from rzen_eval.models.external.foreign_code import called
from rzen_eval.models.external.one_method import OneMethodModel, decoded
from rzen_eval.models.interface import Pipelined
from rzen_eval.models.undisturbed import undisturbed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.core import Embedder, Item, Side

BATCH = 32
"""Items that are handed over at once where the object says nothing."""


class InMemory(OneMethodModel):
    """Hands an object its items as `model=python` does: in batches, images and frames as PIL images, RGB.

    Args:
        embedder: has `embed(items, side)`; its `batch_size`, if it has one, is what it gets at once.
    """

    made = "embedder"

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder
        super().__init__(
            Declared.model_construct(name=type(embedder).__qualname__, family="object", dim=None, device="cpu")
        )

    @property
    def batch_size(self) -> int:
        """Items that are handed over at once."""
        own = getattr(self.embedder, "batch_size", None)
        return own if isinstance(own, int) and own > 0 else BATCH

    @property
    def similarity(self) -> str:
        """How its vectors are compared, see `Embedder`."""
        return str(getattr(self.embedder, "similarity", "cosine"))

    def vectors(self, items: Sequence[Item], side: Side) -> Any:
        """What the object makes of a batch.

        Raises:
            ModelError: it fails.
        """
        with_pictures = [decoded(item) for item in items]
        with undisturbed(self.embedder), called(f"{self.spec.name}.embed failed"):
            return self.embedder.embed(with_pictures, side)

    def load(self) -> None:
        """It is there."""

    def provenance(self) -> dict[str, Any]:
        """Its class; of weights in memory nothing else is known."""
        return {"name": self.spec.name}

    def prompt(self, item: Item, side: Side) -> str:
        """What tells an item's words from another's: all that the object gets to read."""
        words = {
            "side": str(side),
            "instruction": item.instruction,
            "text": item.text,
            "kind": item.kind,
            "verbatim": item.verbatim,
            "user_turn": item.user_turn,
        }
        return json.dumps({key: value for key, value in words.items() if value}, ensure_ascii=False)


def pipelined(model: Embedder | Pipelined) -> Pipelined:
    """A model as the engine drives it, whatever it is."""
    return model if isinstance(model, Pipelined) else InMemory(model)

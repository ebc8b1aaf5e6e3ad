"""What is embedded, and what embeds it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, Protocol, Union, runtime_checkable

from rzen_eval.errors import ConfigError

if TYPE_CHECKING:
    from PIL.Image import Image

    from rzen_eval.core.vectors import MultiVectors, Vectors


class Side(StrEnum):
    """Which half of a retrieval task an item belongs to."""

    QUERY = "query"
    CANDIDATE = "candidate"


@runtime_checkable
class Encoded(Protocol):
    """An image that is still encoded and not in memory, such as a row of a memory-mapped table."""

    def read(self) -> bytes:
        """The encoded bytes (PNG, JPEG, ...)."""


@dataclass(frozen=True, slots=True)
class SavedAsJpeg:
    """A picture as the official evaluator stores it before use: saved by Pillow as a JPEG of default quality."""

    media: str | os.PathLike[str] | bytes | Encoded


Kind = Literal["label", "answer", "caption"]
"""What the text of a candidate stands for."""

Media = Union[str, os.PathLike[str], bytes, Encoded, SavedAsJpeg, "Image"]
"""A path, encoded bytes, a lazy reference to encoded bytes, one of these once more compressed, or a PIL image."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to embed. What the benchmark says, before any model adds its template."""

    text: str | None = None
    images: Sequence[Media] = ()
    """Still images, in order."""
    frames: Sequence[Media] = ()
    """Frames of one video, in order; apart from `images` since models give frames another pixel budget."""
    instruction: str | None = None
    """What the model is told to do; where it goes in the prompt is the model's affair."""
    verbatim: str | None = None
    """The one string that the official evaluator makes of all this for Qwen2-VL, media tokens and white space
    included; read by models that were published with these strings, and by no other."""
    user_turn: str | None = None
    """What the official evaluator puts into the user turn of models with a chat template, GME and LamRA, white space
    included; None: instruction and text joined by a space."""
    kind: Kind | None = None
    """What a candidate that is a text stands for; None: nothing in particular."""

    def __post_init__(self) -> None:
        for name, media in (("images", self.images), ("frames", self.frames)):
            if isinstance(media, (str, bytes)):
                raise TypeError(f"Item({name}=...) takes a list, found {type(media).__name__}; write {name}=[...]")
        for name, text in (("text", self.text), ("instruction", self.instruction)):
            if text is not None and not isinstance(text, str):
                raise TypeError(f"Item({name}=...) takes a text, found {type(text).__name__}: {text!r:.60}")


def asked_of(items: object, side: object) -> Side:
    """The side of `embed(items, side)` as it was called.

    Raises:
        ConfigError: it is none of the two, or the items are none.
    """
    strange = [one for one in items if not isinstance(one, Item)] if isinstance(items, list | tuple) else []
    if strange or isinstance(items, str) or not isinstance(items, Sequence):
        found = f"{strange[0]!r:.60} in it" if strange else type(items).__name__
        raise ConfigError(f"embed(items, side): expected a list of Items, found {found}; write [Item(text=...)]")
    found_side = next((one for one in Side if one == side), None)
    if found_side is None:
        raise ConfigError(f"embed(items, side): expected one of {', '.join(Side)}, found {side!r:.60}")
    return found_side


@runtime_checkable
class Embedder(Protocol):
    """A map from items to vectors. It never learns which task it is embedding.

    One whose vectors are meant to be compared by dot product, whatever their length, says so in an attribute
    `similarity = "dot"`; without it, or with `"cosine"`, they are made unit length.
    """

    def embed(self, items: Sequence[Item], side: Side) -> Vectors | MultiVectors | Sequence[Vectors]:
        """One vector an item, or several, in the order of the items.

        Args:
            items: n items.
            side: the half of the task they belong to; prompts may differ by side.

        Returns:
            float32 array of shape (n, dimensions), ranked by dot product; or for each item an array of shape
            (vectors, dimensions), or all of these as `MultiVectors`, ranked by MaxSim.
        """

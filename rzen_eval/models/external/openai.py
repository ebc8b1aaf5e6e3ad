"""Models behind OpenAI's `/v1/embeddings`: texts in batches, an item with pictures in a request of its own.

Sources: OpenAI's reference for texts; the examples of vLLM (`messages`) and SGLang (inputs with `text` and `image`) for
pictures.
"""

from __future__ import annotations

import math
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ConfigDict, Field, ValidationError

from rzen_eval.core import Frozen, Side
from rzen_eval.errors import DataError, first_fault
from rzen_eval.models.external.api import Api, Embedding
from rzen_eval.models.prompt import join

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.core import Item, Vectors
    from rzen_eval.models.declaration.external import ChatSlots, OpenAISpec


class Numbered(Embedding):
    """A vector with its place among the texts of a request."""

    index: int = Field(default=0, ge=0)


class Answers(Frozen):
    """What a server sends."""

    model_config = ConfigDict(extra="ignore")

    data: list[Numbered] = Field(min_length=1)


class OpenAI(Api):
    """A model that a server of one's own runs, or a vendor.

    Args:
        spec: the declaration.
        cache_dir: unused; vectors are kept by the engine.
    """

    spec: OpenAISpec  # type: ignore[assignment]
    window = 64
    """The most that has to be sent twice."""

    @property
    def wanted(self) -> int | None:
        """Dimensions that are asked for."""
        return self.spec.dimensions or self.spec.dim

    def requests(self, texts: int, others: int) -> int:
        """How many requests it takes."""
        return others + (math.ceil(texts / self.spec.batch_size) if self.spec.texts == "input" else texts)

    def vectors(self, items: Sequence[Item], side: Side) -> Vectors:
        """Vectors of a batch, float32, shape (n, dim), of unit length, whatever the order in which answers come.

        Raises:
            DataError: the server refuses an item, or a picture cannot be decoded.
            ModelError: the server does not answer, refuses the key, or answers with something else than vectors.
        """
        self.confirm(items)
        texts = [place for place, item in enumerate(items) if self._is_text(item)]
        size = self.spec.batch_size
        groups = [texts[start : start + size] for start in range(0, len(texts), size)]
        groups += [[place] for place in range(len(items)) if place not in set(texts)]
        made = self.at_once(lambda group: self._answered([items[place] for place in group], side), groups)
        rows: dict[int, Vectors] = {}
        for group, part in zip(groups, made, strict=True):
            rows.update(zip(group, part, strict=True))
        return np.stack([rows[place] for place in range(len(items))])

    def body(self, item: Item, side: Side) -> dict[str, Any]:
        """What is sent for an item that travels alone, without the key."""
        return self._body([item], side)

    def _is_text(self, item: Item) -> bool:
        return self.spec.texts == "input" and not (item.images or self.frames(item))

    def _answered(self, items: Sequence[Item], side: Side) -> list[Vectors]:
        try:
            answer = self._remote.post(self._body(items, side))
        except DataError as error:
            if len(items) > 1:
                # One of them is refused: alone it says which.
                return [row for item in items for row in self._answered([item], side)]
            what = shorten(join(items[0].instruction, items[0].text) or "an item without text", 80, placeholder=" ...")
            raise DataError(f"{what!r}: {error}") from error
        try:
            found = sorted(Answers.model_validate(answer).data, key=lambda one: one.index)
        except ValidationError as error:
            where, what = first_fault(error)
            raise self.refusal(f"{where}: {what}", answer) from None
        if [one.index for one in found] != list(range(len(items))):
            raise self.refusal(f"indices {[one.index for one in found]} for {len(items)} items", answer)
        return [self.unit(np.array(one.embedding), answer) for one in found]

    def _body(self, items: Sequence[Item], side: Side) -> dict[str, Any]:
        slots: ChatSlots = self.spec.instruction
        slot = slots.query if side == Side.QUERY else slots.candidate
        texts = [join(item.instruction if slot == "user" else None, item.text) for item in items]
        said: dict[str, Any] = {"model": self.spec.remote, "encoding_format": "float"}
        if self.spec.dimensions is not None:
            said["dimensions"] = self.spec.dimensions
        if all(map(self._is_text, items)):
            return said | {"input": texts}
        (item,), (text,) = items, texts
        pictures = [self.encoded(picture) for picture in (*item.images, *self.frames(item))]
        if self.spec.form == "sglang":
            if len(pictures) > 1:
                raise DataError(
                    f"{len(pictures)} pictures in one item, and an input of SGLang's holds one; of videos"
                    " model.video=middle sends one"
                )
            parts = ({"text": text} if text or not pictures else {}) | ({"image": pictures[0]} if pictures else {})
            return said | {"input": [parts]}
        content: list[dict[str, Any]] = [{"type": "image_url", "image_url": {"url": picture}} for picture in pictures]
        if text or not pictures:
            content.append({"type": "text", "text": text})
        system = item.instruction if slot == "system" else None
        turns = [{"role": "system", "content": [{"type": "text", "text": system}]}] if system else []
        return said | {"messages": [*turns, {"role": "user", "content": content}]}

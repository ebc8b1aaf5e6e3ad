"""Models behind an HTTP API: one item a request, several requests at once.

Source of the form of requests and answers: Volcengine Ark's multimodal embeddings, as its clients use them.
"""

from __future__ import annotations

import base64
import io
import math
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from PIL import Image
from pydantic import ConfigDict, Field, ValidationError, field_validator

from rzen_eval.core import Frozen, Side
from rzen_eval.errors import DataError, ModelError, first_fault
from rzen_eval.media import open_rgb
from rzen_eval.models.external.http import Remote
from rzen_eval.models.external.one_method import OneMethodModel
from rzen_eval.models.prompt import join

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from rzen_eval.core import Item, Media, MultiVectors, Vectors
    from rzen_eval.models.declaration.external import ApiSpec

CHARACTERS = 4
"""Of text to a token, for the estimate."""
LARGEST = 1e18
"""Number of a vector: the squares of larger ones add up to more than float32 holds."""
NO_EFFECT = {
    "headers", "key_variable", "timeout", "total_timeout", "largest_answer", "concurrency", "requests_per_minute",
    "attempts", "longest_wait", "confirmed", "price", "reproduces", "device",
}  # fmt: skip
"""Settings that change no vector."""


class Embedding(Frozen):
    """A vector, as a server sends it."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    embedding: list[float] = Field(min_length=1)


class Answer(Frozen):
    """What a server sends for one item; some put the one vector into a list."""

    model_config = ConfigDict(extra="ignore")

    data: Annotated[list[Embedding], Field(min_length=1, max_length=1)]

    @field_validator("data", mode="before")
    @classmethod
    def _one(cls, data: Any) -> Any:
        return data if isinstance(data, list) else [data]

    @property
    def embedding(self) -> list[float]:
        """The vector."""
        return self.data[0].embedding


class Api(OneMethodModel):
    """A model that others run.

    The first request waits for a confirmation: `model.confirmed=true`, or a yes at the terminal.

    Args:
        spec: the declaration.
        cache_dir: unused; vectors are kept by the engine.
    """

    spec: ApiSpec
    made = "_remote"
    window = 16
    """The most that has to be paid for twice."""

    def __init__(self, spec: ApiSpec, cache_dir: Path) -> None:  # noqa: ARG002 - as every class of a family
        super().__init__(spec)
        self._confirmed = spec.confirmed
        self._dimensions: dict[str, int] = {}
        """Of the first vector; all must have as many."""

    @property
    def where(self) -> str:
        """The server, and its name of the model."""
        return self.spec.source

    @property
    def batch_size(self) -> int:
        """Items that are on their way at once, and kept together."""
        return self.window

    def load(self) -> None:
        """See whether there is a key.

        Raises:
            ModelError: there is none.
        """
        self._remote  # noqa: B018 - a cached property

    def confirm(self, items: Iterable[Item]) -> None:
        """Say what a run will send, and let the user stop it.

        Args:
            items: all that have no vector yet.

        Raises:
            ModelError: the user says no, or there is no one to ask.
        """
        if self._confirmed:
            return
        requests = pictures = characters = 0
        for item in items:
            requests += 1
            pictures += len(item.images) + len(self._frames(item))
            characters += len(item.text or "") + len(item.instruction or "")
        said = f"{self.spec.name}: {self._cost(requests, pictures, math.ceil(characters / CHARACTERS))}"
        if not sys.stdin.isatty():
            raise ModelError(f"{said}; give model.confirmed=true to send them")
        print(f"{said}. Send them? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            raise ModelError(f"{self.spec.name}: nothing was sent")
        self._confirmed = True

    def embed(self, items: Sequence[Item], side: Side | str = Side.QUERY) -> Vectors | MultiVectors:
        """As every model, float32, shape (n, dim), after a confirmation for all items at once."""
        self.confirm(items)
        return super().embed(items, side)

    def vectors(self, items: Sequence[Item], side: Side) -> Vectors:
        """Vectors of a batch, one request an item, float32, shape (n, dim), of unit length.

        Raises:
            DataError: the server refuses an item, or a picture cannot be decoded.
            ModelError: the server does not answer, refuses the key, or answers with something else than a vector.
        """
        self.confirm(items)
        with ThreadPoolExecutor(min(self.spec.concurrency, len(items))) as threads:
            sent = [threads.submit(self._vector, item, side) for item in items]
            try:
                return np.stack([one.result() for one in sent])
            except (DataError, ModelError):
                for one in sent:
                    one.cancel()
                raise

    def provenance(self) -> dict[str, Any]:
        """The declaration but for what changes no vector; there is no key in it."""
        return self.spec.model_dump(mode="json", exclude=NO_EFFECT) | {"device": "remote"}

    @cached_property
    def _remote(self) -> Remote:
        spec = self.spec
        key = os.environ.get(spec.key_variable, "").strip()
        if not key:
            raise ModelError(
                f"{spec.name}: the environment variable {spec.key_variable} holds no key for {spec.endpoint};"
                " set it, or name another with model.key_variable=NAME"
            )
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise ModelError(
                f"{spec.name}: what the environment variable {spec.key_variable} holds is no key; expected letters,"
                " digits and signs of ASCII on one line"
            )
        return Remote(spec, key)

    def _vector(self, item: Item, side: Side) -> Vectors:
        try:
            answer = self._remote.post(self.body(item, side))
        except DataError as error:
            what = shorten(join(item.instruction, item.text) or "an item without text", 80, placeholder=" ...")
            raise DataError(f"{what!r}: {error}") from error
        try:
            vector = np.array(Answer.model_validate(answer).embedding)
        except ValidationError as error:
            where, what = first_fault(error)
            raise self._refusal(f"{where}: {what}", answer) from None
        wanted = self.spec.dim or self._dimensions.setdefault("of the first", len(vector))
        if len(vector) < wanted or (self.spec.dim is None and len(vector) != wanted):
            raise self._refusal(f"{len(vector)} numbers, expected {wanted}", answer)
        # Of a vector with more dimensions the first ones count, as it was trained for.
        kept = vector[:wanted]
        largest = float(np.abs(kept).max())
        if not 0 < largest <= LARGEST:
            raise self._refusal("a vector of no length" if largest == 0 else "numbers beyond 1e18", answer)
        kept = kept.astype(np.float32)
        return np.asarray(kept / np.linalg.norm(kept), dtype=np.float32)

    def _refusal(self, found: str, answer: Any) -> ModelError:
        return ModelError(
            f"{self.spec.name}: expected one vector of finite numbers under data.embedding, found"
            f" {self._remote.plain(found)}, in {self._remote.plain(str(answer))!r}"
        )

    def body(self, item: Item, side: Side) -> dict[str, Any]:
        """What is sent for an item, without the key."""
        template = self.spec.instruction.query if side == "query" else self.spec.instruction.candidate
        pictures = [*item.images, *self._frames(item)]
        text = item.text or "" if template else join(item.instruction, item.text)
        parts: list[dict[str, Any]] = [
            {"type": "image_url", "image_url": {"url": self._encoded(picture)}} for picture in pictures
        ]
        if text or not parts:
            parts.append({"type": "text", "text": text})
        said = {"model": self.spec.remote, "encoding_format": "float", "input": parts}
        if not template:
            return said
        content = "text and image" if pictures and text else "image" if pictures else "text"
        filled = template.replace("{instruction}", item.instruction or "").replace("{content}", content)
        return said | {"instruction": filled}

    def _frames(self, item: Item) -> Sequence[Media]:
        frames = item.frames
        return frames[len(frames) // 2 : len(frames) // 2 + 1] if self.spec.video == "middle" else frames

    def _encoded(self, media: Media) -> str:
        """A picture as a data address, its sides made to fit what the server takes."""
        picture, limits = open_rgb(media), self.spec.sides
        shrink = min(1.0, limits.most / max(picture.size))
        size = tuple(max(limits.least, round(side * shrink)) for side in picture.size)
        if size != picture.size:
            picture = picture.resize((size[0], size[1]), Image.Resampling.BICUBIC)
        stream = io.BytesIO()
        picture.save(stream, format="JPEG", quality=95)
        return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"

    def _cost(self, requests: int, pictures: int, tokens: int) -> str:
        said = f"{requests:,} requests with {pictures:,} pictures and about {tokens:,} tokens of text"
        price = self.spec.price
        if price is None:
            return f"{said}, at a price that is not declared (model.price)"
        per_million = tokens * price.text + pictures * price.tokens_per_picture * price.picture
        return f"{said}, about {per_million / 1e6:,.2f} {price.currency}"

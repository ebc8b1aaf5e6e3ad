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
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

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
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from rzen_eval.core import Item, Media, MultiVectors, Vectors
    from rzen_eval.models.declaration.external import ApiSpec

T = TypeVar("T")
R = TypeVar("R")
CHARACTERS = 4
"""Of text to a token, for the estimate."""
LARGEST = 1e18
"""Number of a vector: the squares of larger ones add up to more than float32 holds."""
NO_EFFECT = {
    "headers", "key_variable", "timeout", "total_timeout", "largest_answer", "concurrency", "requests_per_minute",
    "attempts", "longest_wait", "confirmed", "price", "reproduces", "device", "batch_size",
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
        self._confirmed = spec.confirmed or spec.key_variable is None
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
        texts = others = pictures = characters = 0
        for item in items:
            shown = len(item.images) + len(self.frames(item))
            texts, others, pictures = texts + (not shown), others + bool(shown), pictures + shown
            characters += len(item.text or "") + len(item.instruction or "")
        requests = self.requests(texts, others)
        said = f"{self.spec.name}: {self._cost(requests, pictures, math.ceil(characters / CHARACTERS))}"
        if not sys.stdin.isatty():
            raise ModelError(f"{said}; give {self.spec.setting}.confirmed=true to send them")
        print(f"{said}. Send them? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            raise ModelError(f"{self.spec.name}: nothing was sent")
        self._confirmed = True

    def requests(self, texts: int, others: int) -> int:
        """How many requests it takes to send so many texts, and items with pictures."""
        return texts + others

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
        return np.stack(self.at_once(lambda item: self._vector(item, side), items))

    def at_once(self, send: Callable[[T], R], parts: Sequence[T]) -> list[R]:
        """What a server answers to each part, in their order, as many requests on their way as there may be.

        Raises:
            DataError: see `vectors`, here and below.
            ModelError: the first that failed; those that have not begun are not sent.
        """
        with ThreadPoolExecutor(min(self.spec.concurrency, len(parts))) as threads:
            sent = [threads.submit(send, part) for part in parts]
            try:
                return [one.result() for one in sent]
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
        if spec.key_variable is None:
            return Remote(spec, None)
        key = os.environ.get(spec.key_variable, "").strip()
        if not key:
            raise ModelError(
                f"{spec.name}: the environment variable {spec.key_variable} holds no key for {spec.endpoint};"
                f" set it, or name another with {spec.setting}.key_variable=NAME"
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
            raise self.refusal(f"{where}: {what}", answer) from None
        return self.unit(vector, answer)

    def unit(self, vector: NDArray[np.float64], answer: Any) -> Vectors:
        """A vector of finite numbers at unit length, float32.

        Args:
            vector: as the server sent it, shape (dimensions,).
            answer: all that it said, for the message.

        Raises:
            ModelError: it has other dimensions than the first one, or no length.
        """
        wanted = self.wanted or self._dimensions.setdefault("of the first", len(vector))
        if len(vector) < wanted or (self.wanted is None and len(vector) != wanted):
            raise self.refusal(f"{len(vector)} numbers, expected {wanted}", answer)
        # Of a vector with more dimensions the first ones count, as it was trained for.
        kept = vector[:wanted]
        largest = float(np.abs(kept).max())
        if not 0 < largest <= LARGEST:
            raise self.refusal("a vector of no length" if largest == 0 else "numbers beyond 1e18", answer)
        kept = kept.astype(np.float32)
        return np.asarray(kept / np.linalg.norm(kept), dtype=np.float32)

    @property
    def wanted(self) -> int | None:
        """Dimensions of a vector; None: as many as the first one has."""
        return self.spec.dim

    def refusal(self, instead: str, answer: Any) -> ModelError:
        """What to say of an answer that holds no vector."""
        return ModelError(
            f"{self.spec.name}: expected one vector of finite numbers under data.embedding, found"
            f" {self._remote.plain(instead)}, in {self._remote.plain(str(answer))!r}"
        )

    def body(self, item: Item, side: Side) -> dict[str, Any]:
        """What is sent for an item, without the key."""
        template = self.spec.instruction.query if side == "query" else self.spec.instruction.candidate
        pictures = [*item.images, *self.frames(item)]
        text = item.text or "" if template else join(item.instruction, item.text)
        parts: list[dict[str, Any]] = [
            {"type": "image_url", "image_url": {"url": self.encoded(picture)}} for picture in pictures
        ]
        if text or not parts:
            parts.append({"type": "text", "text": text})
        said = {"model": self.spec.remote, "encoding_format": "float", "input": parts}
        if not template:
            return said
        content = "text and image" if pictures and text else "image" if pictures else "text"
        filled = template.replace("{instruction}", item.instruction or "").replace("{content}", content)
        return said | {"instruction": filled}

    def frames(self, item: Item) -> Sequence[Media]:
        """Those that are sent."""
        frames = item.frames
        return frames[len(frames) // 2 : len(frames) // 2 + 1] if self.spec.video == "middle" else frames

    def encoded(self, media: Media) -> str:
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
            return f"{said}, at a price that is not declared ({self.spec.setting}.price)"
        per_million = tokens * price.text + pictures * price.tokens_per_picture * price.picture
        return f"{said}, about {per_million / 1e6:,.2f} {price.currency}"

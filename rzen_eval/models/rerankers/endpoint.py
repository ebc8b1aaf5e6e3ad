"""Rerankers behind `/v1/rerank`: a query with several candidates a request.

Source of the form of requests and answers: vLLM's rerank API, whose documents are texts, or contents of texts and
pictures as in its chat API.
"""

from __future__ import annotations

from textwrap import shorten
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ConfigDict, Field, ValidationError

from rzen_eval.core import Frozen
from rzen_eval.errors import DataError, ModelError, first_fault
from rzen_eval.models.external.api import NO_EFFECT, Api
from rzen_eval.models.prompt import join
from rzen_eval.models.rerankers.whole import WholeReranker

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from rzen_eval.core import Item
    from rzen_eval.models.declaration.reranker import RerankEndpointSpec


class Ranked(Frozen):
    """The score of a document, with its place among those of a request."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    index: int = Field(ge=0)
    relevance_score: float


class Answer(Frozen):
    """What a server sends, best first."""

    model_config = ConfigDict(extra="ignore")

    results: list[Ranked]


class _Sender(Api):
    """Sends bodies; keys, retries and pace are those of every API."""

    def post(self, body: dict[str, Any]) -> Any:
        """What the server answers."""
        return self._remote.post(body)

    def plain(self, text: str) -> str:
        """A server's words in one short line, without the key."""
        return self._remote.plain(text)


class RerankEndpoint(WholeReranker):
    """A reranker that a server of one's own runs, or a vendor.

    Args:
        spec: the declaration.
        cache_dir: unused; scores are kept by the engine.
    """

    spec: RerankEndpointSpec

    def __init__(self, spec: RerankEndpointSpec, cache_dir: Path) -> None:
        super().__init__(spec)
        self._sender = _Sender(spec, cache_dir)  # type: ignore[arg-type]

    @property
    def batch_size(self) -> int:
        """Candidates of a query that are on their way at once."""
        return self.spec.documents * self.spec.concurrency

    def confirm(self, items: Iterable[Item]) -> None:
        """Let a server that wants a key, and so may cost money, be asked only by who said so.

        Raises:
            ModelError: nobody did.
        """
        n_pairs = sum(1 for _ in items)
        if self.spec.key_variable and not self.spec.confirmed:
            raise ModelError(
                f"{self.spec.name}: {n_pairs:,} pairs would be sent to {self.spec.source}; give reranker.confirmed=true"
                " to send them"
            )

    def load(self) -> None:
        """See whether there is a key, where one is named.

        Raises:
            ModelError: there is none.
        """
        self._sender.load()

    def scores(self, query: Item, candidates: Sequence[Item]) -> Any:
        """What the server makes of them, several requests at once.

        Raises:
            DataError: the server refuses a query with its candidates.
            ModelError: the server does not answer, or with something else than a score for each.
        """
        size = self.spec.documents
        parts = [candidates[start : start + size] for start in range(0, len(candidates), size)]
        return np.concatenate(self._sender.at_once(lambda part: self._answered(query, part), parts))

    def provenance(self) -> dict[str, Any]:
        """The declaration but for what changes no score; there is no key in it."""
        return self.spec.model_dump(mode="json", exclude={*NO_EFFECT, "documents"}) | {"device": "remote"}

    def body(self, query: Item, candidates: Sequence[Item]) -> dict[str, Any]:
        """What is sent for a query with candidates, without the key."""
        told = query.instruction if self.spec.instruction == "user" else None
        documents = [self._content(one, one.text) for one in candidates]
        asked = self._content(query, join(told, query.text))
        return {"model": self.spec.remote, "query": asked, "documents": documents, "top_n": len(documents)}

    def _content(self, item: Item, text: str | None) -> str | dict[str, Any]:
        pictures = [*item.images, *self._sender.frames(item)]
        if not pictures:
            return text or ""
        parts: list[dict[str, Any]] = [
            {"type": "image_url", "image_url": {"url": self._sender.encoded(picture)}} for picture in pictures
        ]
        return {"content": [*parts, *([{"type": "text", "text": text}] if text else [])]}

    def _answered(self, query: Item, candidates: Sequence[Item]) -> Any:
        try:
            answer = self._sender.post(self.body(query, candidates))
        except DataError as error:
            what = shorten(query.text or "a query without text", 80, placeholder=" ...")
            raise DataError(f"{what!r} with {len(candidates)} candidates: {error}") from error
        try:
            found = sorted(Answer.model_validate(answer).results, key=lambda one: one.index)
        except ValidationError as error:
            where, what = first_fault(error)
            raise self._refusal(f"{where}: {what}", len(candidates), answer) from None
        if [one.index for one in found] != list(range(len(candidates))):
            raise self._refusal(f"indices {[one.index for one in found]}", len(candidates), answer)
        return np.array([one.relevance_score for one in found])

    def _refusal(self, instead: str, n: int, answer: Any) -> ModelError:
        said = self._sender.plain(str(answer))
        return ModelError(
            f"{self.spec.name}: expected an index and a relevance_score for each of {n} documents under results, found"
            f" {self._sender.plain(instead)}, in {said!r}"
        )

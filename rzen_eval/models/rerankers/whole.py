"""Rerankers that take a query with its candidates whole: they open pictures and make prompts in ways of their own."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from rzen_eval.errors import ModelError, reason
from rzen_eval.models import device
from rzen_eval.models.external.one_method import Unopened, decoded
from rzen_eval.models.interface import Planned, Rendered
from rzen_eval.models.pictures.resize import NO_PICTURES
from rzen_eval.models.token_budget import WINDOW_TOKENS
from rzen_eval.ranking.multivectors import real_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rzen_eval.core import Item, Side, Vectors
    from rzen_eval.models.declaration.local import Declared
    from rzen_eval.models.pictures.resize import Pixels, Visual

WINDOW = 64
"""Most pairs that are kept together, and so the most that a run which is killed loses."""
SHARE = WINDOW_TOKENS // WINDOW
"""What a pair counts as, in tokens, so that windows and batches hold pairs by number."""


@dataclass(frozen=True, slots=True)
class HeldPair(Planned):
    """A pair that is handed over as it is."""

    query: Item = field(kw_only=True)
    candidate: Item = field(kw_only=True)

    @property
    def length(self) -> int:
        """What the pair counts as, whatever it holds."""
        return SHARE


class WholeReranker(ABC):
    """A reranker behind one method, as the engine drives it."""

    def __init__(self, spec: Declared) -> None:
        self.spec = spec
        self.device = device.device(spec)

    @property
    @abstractmethod
    def batch_size(self) -> int:
        """Candidates of a query that are handed over at once."""

    @abstractmethod
    def scores(self, query: Item, candidates: Sequence[Item]) -> Any:
        """One score a candidate; pictures are PIL images, RGB."""

    @abstractmethod
    def load(self) -> None:
        """Get ready now; otherwise that happens with the first batch."""

    @abstractmethod
    def provenance(self) -> dict[str, Any]:
        """Everything about the model that can change a score."""

    @property
    def tokens_per_batch(self) -> int:
        """The batch size in the measure of batches."""
        return self.batch_size * SHARE

    def rendered(self, item: Item, side: Side) -> Rendered:
        """The item itself, with nothing for a worker to load."""
        said = {"side": str(side), "instruction": item.instruction, "text": item.text}
        words = json.dumps({key: value for key, value in said.items() if value}, ensure_ascii=False)
        return Rendered(item, side, words, Unopened(NO_PICTURES.how, share=max(0, SHARE // 2 - len(words))))

    def planned_pair(
        self,
        query: Rendered,
        candidate: Rendered,
        seen: Sequence[Visual],  # noqa: ARG002 - it opens pictures itself
        offered: Sequence[Visual],  # noqa: ARG002
    ) -> HeldPair:
        """The pair itself."""
        one, empty = np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.int64)
        return HeldPair(query.prompt + candidate.prompt, one, empty, query=query.item, candidate=candidate.item)

    def forward(self, planned: Sequence[Planned], pixels: Sequence[Sequence[Pixels]]) -> Vectors:  # noqa: ARG002
        """One score a pair of one query, shape (n, 1)."""
        held = [one for one in planned if isinstance(one, HeldPair)]
        return self.score(held[0].query, [one.candidate for one in held])[:, None]

    def score(self, query: Item, candidates: Sequence[Item]) -> NDArray[np.float32]:
        """Score candidates of a query in this process.

        Args:
            query: with its instruction.
            candidates: n items.

        Returns:
            Shape (n,).

        Raises:
            DataError: a picture cannot be decoded.
            ModelError: the model fails, or returns something else than n numbers.
        """
        asked, offered = decoded(query), [decoded(one) for one in candidates]
        parts = [offered[start : start + self.batch_size] for start in range(0, len(offered), self.batch_size)]
        found = [self._checked(self.scores(asked, part), len(part)) for part in parts]
        return np.concatenate(found) if found else np.zeros(0, dtype=np.float32)

    def _checked(self, made: Any, n: int) -> NDArray[np.float32]:
        expected = f"{self.spec.name}: expected {n} scores for {n} candidates, an array of shape ({n},)"
        try:
            scores = real_numbers(made)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ModelError(f"{expected}, found {type(made).__name__} ({reason(error, 100)})") from error
        if scores.shape not in {(n,), (n, 1)}:
            raise ModelError(f"{expected}, found shape {scores.shape}")
        if not np.isfinite(scores).all():
            raise ModelError(f"{expected}, found {scores.reshape(-1)[~np.isfinite(scores.reshape(-1))][0]} among them")
        return scores.reshape(n)

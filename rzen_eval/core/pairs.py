"""What a second stage judges: a query with one candidate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from rzen_eval.core.items import Item


@runtime_checkable
class Reranker(Protocol):
    """How well candidates answer a query. It never learns which task it is scoring."""

    def score(self, query: Item, candidates: Sequence[Item]) -> NDArray[np.float32]:
        """One score a candidate, in the order of the candidates; the higher, the better.

        Args:
            query: with its instruction.
            candidates: n items.

        Returns:
            Shape (n,).
        """

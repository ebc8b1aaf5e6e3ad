"""From items to vectors, with the device kept busy."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rzen_eval.errors import DataError, ModelError
from rzen_eval.models.base import Pipelined, Planned
from rzen_eval.models.batching import cut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rzen_eval.core import Embedder, Item, Side, Vectors
    from rzen_eval.engine.loader import Loader
    from rzen_eval.models.pixels import Pixels


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors of items, and what it took to make them."""

    vectors: Vectors
    first_prompt: str | None
    """The rendered prompt of the first item; None for an embedder that keeps its prompts to itself."""
    seconds: float
    model_seconds: float
    """Of these, spent in the model."""
    tokens: int
    padding: int
    """Tokens of padding, in addition to `tokens`."""


def embed(
    model: Embedder | Pipelined,
    items: Sequence[Item],
    ids: Sequence[str],
    side: Side,
    *,
    loader: Loader,
    tokens_per_batch: int,
    progress: Callable[[int, int], None] | None = None,
) -> Embedded:
    """Embed items, in batches of like length while pictures of the next ones load.

    Args:
        model: a model that plans, loads and forwards apart, or anything with `embed(items, side)`.
        items: n items.
        ids: their ids, for messages.
        side: which half of the task they are.
        loader: where pictures are loaded.
        tokens_per_batch: budget of a batch.
        progress: called after each batch with the items and tokens done.

    Returns:
        Vectors in the order of the items, shape (n, dim), unchecked.

    Raises:
        DataError: an item cannot be embedded; it is named.
    """
    start = time.perf_counter()
    report = progress or _silent
    if not isinstance(model, Pipelined):
        vectors = np.asarray(model.embed(items, side))
        report(len(items), 0)
        seconds = time.perf_counter() - start
        return Embedded(vectors, None, seconds, seconds, 0, 0)
    planned = list(_plan(model, items, ids, side))
    batches = cut([plan.length for plan in planned], tokens_per_batch)
    rows: list[Vectors] = []
    in_model = 0.0
    stream = loader.stream([[planned[i].pictures for i in batch] for batch in batches])
    for batch, outcomes in zip(batches, stream, strict=True):
        pixels = [_loaded(outcome, side, ids[i]) for i, outcome in zip(batch, outcomes, strict=True)]
        began = time.perf_counter()
        rows.append(model.forward([planned[i] for i in batch], pixels))
        in_model += time.perf_counter() - began
        report(len(batch), sum(planned[i].length for i in batch))
    padded = sum(planned[batch[0]].length * len(batch) for batch in batches)
    tokens = sum(plan.length for plan in planned)
    return Embedded(
        vectors=_in_order(rows, batches),
        first_prompt=planned[0].prompt,
        seconds=time.perf_counter() - start,
        model_seconds=in_model,
        tokens=tokens,
        padding=padded - tokens,
    )


def _silent(_items: int, _tokens: int) -> None:
    """Progress that nobody watches."""


def _plan(model: Pipelined, items: Sequence[Item], ids: Sequence[str], side: Side) -> Iterator[Planned]:
    for name, item in zip(ids, items, strict=True):
        try:
            yield model.plan(item, side)
        except DataError as error:
            raise _named(error, side, name) from error


def _loaded(outcome: list[Pixels] | DataError, side: Side, name: str) -> list[Pixels]:
    if isinstance(outcome, DataError):
        raise _named(outcome, side, name) from outcome
    return outcome


def _named(error: DataError, side: Side, name: str) -> DataError:
    return DataError(f"{side} {name!r}: {error}")


def _in_order(rows: Sequence[Vectors], batches: Sequence[Sequence[int]]) -> Vectors:
    stacked = np.concatenate(rows)
    if len(stacked) != sum(map(len, batches)):
        raise ModelError(f"expected {sum(map(len, batches))} vectors, the model returned {len(stacked)}")
    vectors = np.empty_like(stacked)
    vectors[np.concatenate([np.asarray(batch) for batch in batches])] = stacked
    return vectors

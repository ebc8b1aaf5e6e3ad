"""From items to vectors, with the device kept busy."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rzen_eval.engine.keys import item_key
from rzen_eval.engine.store import Key, VectorStore
from rzen_eval.errors import DataError, ModelError
from rzen_eval.models.base import Pipelined, Planned
from rzen_eval.models.batching import cut, windows
from rzen_eval.models.pixels import Visual

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rzen_eval.core import Embedder, Item, Side, Vectors
    from rzen_eval.engine.loader import Loader
    from rzen_eval.models.pixels import Pictures, Pixels


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
    computed: int
    """Items that went through the model; the others had a vector already, or are the same as one that did."""


def embed(
    model: Embedder | Pipelined,
    items: Sequence[Item],
    ids: Sequence[str],
    side: Side,
    *,
    loader: Loader,
    tokens_per_batch: int,
    store: VectorStore | None = None,
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
        store: where this model's vectors are kept, and taken from where they are there already.
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
        return Embedded(vectors, None, seconds, seconds, 0, 0, len(items))
    # Items are made here; one whose folder of frames is missing says so now.
    wanted = [_wanted(model, items, place, name, side) for place, name in enumerate(ids)]
    store = store or VectorStore(None)
    store.refresh()
    new = list({one.key: place for place, one in reversed(list(enumerate(wanted))) if one.key not in store}.values())
    if len(new) < len(wanted):
        report(len(wanted) - len(new), 0)
    tally = _Tally()
    order = [[new[i] for i in window] for window in windows([wanted[i].most_tokens for i in new], tokens_per_batch)]
    stream = loader.stream([wanted[i].pictures for i in window] for window in order)
    for window, outcomes in zip(order, stream, strict=True):
        pixels = [_loaded(outcome, side, ids[i]) for i, outcome in zip(window, outcomes, strict=True)]
        planned = [
            _planned(model, wanted[i].item, side, ids[i], loaded) for i, loaded in zip(window, pixels, strict=True)
        ]
        batches = cut([plan.length for plan in planned], tokens_per_batch)
        made = []
        for batch in batches:
            began = time.perf_counter()
            made.append(model.forward([planned[i] for i in batch], [pixels[i] for i in batch]))
            tally.add([planned[i].length for i in batch], time.perf_counter() - began)
            report(len(batch), sum(planned[i].length for i in batch))
        store.put([wanted[i].key for i in window], np.split(_in_order(made, batches), len(window)))
    return Embedded(
        vectors=np.concatenate(store.get([one.key for one in wanted])),
        first_prompt=wanted[0].prompt,
        seconds=time.perf_counter() - start,
        model_seconds=tally.seconds,
        tokens=tally.tokens,
        padding=tally.padding,
        computed=len(new),
    )


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An item, and what is known of it before its pictures are opened."""

    item: Item
    prompt: str
    pictures: Pictures
    key: Key
    most_tokens: int
    """About the most that it can be long: as many tokens as its text has characters, and what its pictures may take."""


@dataclass(slots=True)
class _Tally:
    """What has been done so far."""

    seconds: float = 0.0
    tokens: int = 0
    padding: int = 0

    def add(self, lengths: Sequence[int], seconds: float) -> None:
        """Count a batch."""
        self.seconds += seconds
        self.tokens += sum(lengths)
        self.padding += max(lengths) * len(lengths) - sum(lengths)


def _silent(_items: int, _tokens: int) -> None:
    """Progress that nobody watches."""


def _wanted(model: Pipelined, items: Sequence[Item], place: int, name: str, side: Side) -> _Wanted:
    try:
        item = items[place]
        prompt, pictures = model.prompt(item, side), model.pictures(item)
        return _Wanted(item, prompt, pictures, item_key(prompt, item), pictures.most_tokens + len(prompt))
    except DataError as error:
        raise _named(error, side, name) from error


def _planned(model: Pipelined, item: Item, side: Side, name: str, pixels: Sequence[Pixels]) -> Planned:
    try:
        return model.plan(item, side, [Visual.of(one) for one in pixels])
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

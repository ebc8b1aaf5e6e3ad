"""From items to vectors, with the device kept busy."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from textwrap import shorten
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from rzen_eval.engine.keys import item_key
from rzen_eval.engine.store import Key, VectorStore
from rzen_eval.errors import DataError, ModelError
from rzen_eval.models.base import Pipelined, Planned
from rzen_eval.models.batching import cut, windows
from rzen_eval.models.pixels import Visual

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from rzen_eval.core import Embedder, Item, Side, Vectors
    from rzen_eval.engine.loader import Loader
    from rzen_eval.models.pixels import Pictures, Pixels

T = TypeVar("T")


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
    budget: int
    """Tokens of a batch; less than asked for where the device ran out of memory."""


def embed(
    model: Embedder | Pipelined,
    items: Sequence[Item],
    ids: Sequence[str],
    side: Side,
    *,
    loader: Loader,
    tokens_per_batch: int,
    store: VectorStore | None = None,
    progress: Callable[[int], None] | None = None,
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
        progress: called after each batch with the number of items done.

    Returns:
        Vectors in the order of the items, shape (n, dim), unchecked.

    Raises:
        DataError: an item cannot be embedded; it is named.
    """
    start = time.perf_counter()
    report = progress or _silent
    if not isinstance(model, Pipelined):
        vectors = _array(model.embed(items, side))
        report(len(items))
        seconds = time.perf_counter() - start
        return Embedded(vectors, None, seconds, seconds, 0, 0, len(items), tokens_per_batch)
    # Items are made here; one whose folder of frames is missing says so now.
    wanted = [_wanted(model, items, place, name, side) for place, name in enumerate(ids)]
    store = store or VectorStore(None)
    store.refresh()
    new = list({one.key: place for place, one in reversed(list(enumerate(wanted))) if one.key not in store}.values())
    if len(new) < len(wanted):
        report(len(wanted) - len(new))
    tally = _Tally(tokens_per_batch)
    order = [[new[i] for i in window] for window in windows([wanted[i].most_tokens for i in new], tokens_per_batch)]

    def prepared() -> Generator[tuple[list[int], list[_Ready]]]:
        stream = loader.stream([wanted[i].pictures for i in window] for window in order)
        for window, outcomes in zip(order, stream, strict=True):
            yield window, [_ready(model, wanted[i], side, ids[i], out) for i, out in zip(window, outcomes, strict=True)]

    for window, ready in _ahead(prepared()):
        batches = cut([one.plan.length for one in ready], tally.budget)
        made = []
        for batch in batches:
            began = time.perf_counter()
            made.append(_forward(model, [ready[i] for i in batch], tally))
            tally.add([ready[i].plan.length for i in batch], time.perf_counter() - began)
            report(len(batch))
        store.put([wanted[i].key for i in window], np.split(_in_order(made, batches), len(window)))
    return Embedded(
        vectors=np.concatenate(store.get([one.key for one in wanted])),
        first_prompt=wanted[0].prompt,
        seconds=time.perf_counter() - start,
        model_seconds=tally.seconds,
        tokens=tally.tokens,
        padding=tally.padding,
        computed=len(new),
        budget=tally.budget,
    )


def _ahead(parts: Generator[T]) -> Iterator[T]:
    """The same, each one made in a thread while the one before is in use."""
    end = object()
    with closing(parts), ThreadPoolExecutor(1) as thread:
        following = thread.submit(next, parts, end)
        while (now := following.result()) is not end:
            following = thread.submit(next, parts, end)
            yield cast("T", now)


def _forward(model: Pipelined, batch: Sequence[_Ready], tally: _Tally) -> Vectors:
    """A batch through the model; one that does not fit into the device's memory goes through in halves."""
    import torch

    longest = max(one.plan.length for one in batch)
    try:
        return model.forward([one.plan for one in batch], [one.pixels for one in batch])
    except torch.OutOfMemoryError as error:
        if len(batch) == 1:
            raise DataError(
                f"{batch[0].who}: an item of {longest} tokens does not fit into the device's memory;"
                " lower the model's pixel budget"
            ) from error
    except RuntimeError as error:
        raise ModelError(f"the model failed: {shorten(str(error), 300, placeholder=' ...')}") from error
    # Outside the handler, whose traceback holds on to the tensors that filled the memory.
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    tally.budget = min(tally.budget, longest * len(batch) // 2)
    half = len(batch) // 2
    return np.concatenate([_forward(model, batch[:half], tally), _forward(model, batch[half:], tally)])


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

    budget: int
    """Tokens of a batch; less than asked for once a batch did not fit into memory."""
    seconds: float = 0.0
    tokens: int = 0
    padding: int = 0

    def add(self, lengths: Sequence[int], seconds: float) -> None:
        """Count a batch."""
        self.seconds += seconds
        self.tokens += sum(lengths)
        self.padding += max(lengths) * len(lengths) - sum(lengths)


def _array(vectors: Any) -> Vectors:
    """What an embedder of the user's returned, torch tensors of any kind included."""
    try:
        if hasattr(vectors, "detach"):
            vectors = vectors.detach().float().cpu()
        return np.asarray(vectors, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ModelError(
            f"expected an array of shape (n, dim) from embed, found {type(vectors).__name__} ({error})"
        ) from error


def _silent(_items: int) -> None:
    """Progress that nobody watches."""


def _wanted(model: Pipelined, items: Sequence[Item], place: int, name: str, side: Side) -> _Wanted:
    try:
        item = items[place]
        prompt, pictures = model.prompt(item, side), model.pictures(item)
        return _Wanted(item, prompt, pictures, item_key(prompt, item), pictures.most_tokens + len(prompt))
    except DataError as error:
        raise _named(error, side, name) from error


@dataclass(frozen=True, slots=True)
class _Ready:
    """An item that can go through the model."""

    who: str
    """Side and id, for messages."""
    plan: Planned
    pixels: Sequence[Pixels]


def _ready(model: Pipelined, one: _Wanted, side: Side, name: str, outcome: list[Pixels] | DataError) -> _Ready:
    try:
        if isinstance(outcome, DataError):
            raise outcome
        plan = model.plan(one.item, side, [Visual.of(pixels) for pixels in outcome])
    except DataError as error:
        raise _named(error, side, name) from error
    return _Ready(f"{side} {name!r}", plan, outcome)


def _named(error: DataError, side: Side, name: str) -> DataError:
    return DataError(f"{side} {name!r}: {error}")


def _in_order(rows: Sequence[Vectors], batches: Sequence[Sequence[int]]) -> Vectors:
    stacked = np.concatenate(rows)
    if len(stacked) != sum(map(len, batches)):
        raise ModelError(f"expected {sum(map(len, batches))} vectors, the model returned {len(stacked)}")
    vectors = np.empty_like(stacked)
    vectors[np.concatenate([np.asarray(batch) for batch in batches])] = stacked
    return vectors

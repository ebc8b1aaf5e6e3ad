"""From items to vectors in one process: pictures load, items are planned, batches go through the model."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar, cast

import numpy as np

from rzen_eval.engine.spent import NOTHING, Spent
from rzen_eval.errors import DataError, ModelError, RzenEvalError, failure
from rzen_eval.media import portable
from rzen_eval.models.pictures.resize import NO_PICTURES
from rzen_eval.models.token_budget import cut
from rzen_eval.ranking.multivectors import as_vectors, by_item

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from rzen_eval.core import Item, Side, Vectors
    from rzen_eval.engine.picture_loader import Loader
    from rzen_eval.engine.shared_memory import Outcome
    from rzen_eval.engine.vector_store import Key
    from rzen_eval.models.interface import Pairwise, Pictures, Pipelined, Planned, Rendered
    from rzen_eval.models.pictures.resize import Pixels

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unit:
    """An item that gets a vector."""

    item: Item
    side: Side
    name: str
    """Its id, for messages."""
    key: Key

    @property
    def who(self) -> str:
        """Side and id."""
        return f"{self.side} {self.name!r}"

    def portable(self) -> Unit:
        """The same in a form that can be sent to another process; pictures stay encoded."""
        return replace(self, item=portable_item(self.item))


def portable_item(item: Item) -> Item:
    """The same in a form that can be sent to another process."""
    if not (item.images or item.frames):
        return item
    images, frames = tuple(map(portable, item.images)), tuple(map(portable, item.frames))
    return replace(item, images=images, frames=frames)


@dataclass(frozen=True, slots=True)
class Job:
    """A window of items: loaded together, cut into batches, kept in one chunk."""

    number: int
    """Its place in the plan."""
    units: Sequence[Unit]

    def portable(self) -> Job:
        """The same in a form that can be sent to another process.

        Raises:
            DataError, OSError: a picture cannot be read.
        """
        return replace(self, units=tuple(unit.portable() for unit in self.units))


@dataclass(frozen=True, slots=True)
class Step:
    """A batch that went through the model."""

    number: int
    """Of its window."""
    items: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a window."""

    number: int
    rows: Sequence[Vectors] | None
    """For each item its vectors, float32, (1, dim) or (tokens, dim); None: they are in the store, or it failed."""
    error: RzenEvalError | None = None
    """Why there are no vectors; the item is named."""
    chunk: str | None = None
    """Name of the file in the store that holds them."""
    spent: Spent = NOTHING
    """Its seconds are those since the window before was done, in the process that did it."""


class Pipeline:
    """A model with what feeds it.

    Args:
        model: a model that plans, loads and forwards apart.
        loader: where pictures are loaded.
        tokens_per_batch: budget of a batch; halved when the device runs out of memory.
    """

    def __init__(self, model: Pipelined | Pairwise, loader: Loader, tokens_per_batch: int) -> None:
        self._model = model
        self._loader = loader
        self._budget = tokens_per_batch

    def run(self, jobs: Iterable[Job | None]) -> Iterator[Step | Done]:
        """Embed windows in order; one that fails says so and does not stop the others.

        Args:
            jobs: taken as they are needed, up to three ahead of the one in the model; None says that there is none
                at present, though one may come.
        """
        last = time.perf_counter()
        for job, ready in _ahead(self._prepared(jobs)):
            if isinstance(ready, RzenEvalError):
                done = Done(job.number, None, error=ready)
            else:
                done = yield from self._embed(job, ready)
            now = time.perf_counter()
            yield replace(
                done, spent=replace(done.spent, seconds=now - last, items=len(job.units), budget=self._budget)
            )
            last = now

    def _prepared(self, jobs: Iterable[Job | None]) -> Generator[tuple[Job, Sequence[Ready] | RzenEvalError]]:
        taken: deque[tuple[Job, list[Rendered | RzenEvalError]]] = deque()

        def pictures() -> Iterator[list[Pictures] | None]:
            for job in jobs:
                if job is None:
                    yield None
                    continue
                rendered = [self._rendered(unit) for unit in job.units]
                taken.append((job, rendered))
                yield [NO_PICTURES if isinstance(one, RzenEvalError) else one.pictures for one in rendered]

        for outcomes in self._loader.stream(pictures()):
            job, rendered = taken.popleft()
            try:
                ready = [self._plan(*one) for one in zip(job.units, rendered, outcomes, strict=True)]
            except RzenEvalError as error:
                yield job, error
            else:
                yield job, ready

    def _rendered(self, unit: Unit) -> Rendered | RzenEvalError:
        try:
            with named(unit):
                return self._model.rendered(unit.item, unit.side)
        except RzenEvalError as error:
            return error

    def _plan(self, unit: Unit, rendered: Rendered | RzenEvalError, outcome: Outcome) -> Ready:
        if isinstance(rendered, RzenEvalError):
            raise rendered
        if isinstance(outcome, DataError):
            raise DataError(f"{unit.who}: {outcome}") from outcome
        with named(unit):
            return Ready(
                unit.who, cast("Pipelined", self._model).planned(rendered, rendered.pictures.visuals(outcome)), outcome
            )

    def _embed(self, job: Job, ready: Sequence[Ready]) -> Generator[Step, None, Done]:
        rows: list[Vectors] = [_NONE] * len(ready)
        lengths = [one.plan.length for one in ready]
        tokens = [len(one.plan.input_ids) for one in ready]
        seconds, padding = 0.0, 0
        try:
            for batch in self._batches(ready):
                began = time.perf_counter()
                made = self._forward([ready[i] for i in batch])
                seconds += time.perf_counter() - began
                padding += lengths[batch[0]] * len(batch) - sum(lengths[i] for i in batch)
                for place, vectors in zip(batch, made, strict=True):
                    rows[place] = vectors
                yield Step(job.number, len(batch), sum(tokens[i] for i in batch))
        except RzenEvalError as error:
            return Done(job.number, None, error)
        return Done(job.number, rows, spent=Spent(model_seconds=seconds, tokens=sum(tokens), padding=padding))

    def _batches(self, ready: Sequence[Ready]) -> Iterator[list[int]]:
        """Places of those that go through the model together."""
        yield from cut([one.plan.length for one in ready], self._budget)

    def _forward(self, batch: Sequence[Ready]) -> list[Vectors]:
        """A batch through the model; one that does not fit into the device's memory goes through in halves."""
        import torch

        longest = max(one.plan.length for one in batch)
        try:
            made = self._model.forward([one.plan for one in batch], [one.pixels for one in batch])
            rows = by_item(as_vectors(made, len(batch)))
        except torch.OutOfMemoryError as error:
            if len(batch) == 1:
                raise DataError(
                    f"{batch[0].who}: an item of {longest} tokens does not fit into the device's memory;"
                    " lower the model's pixel budget"
                ) from error
        except (RzenEvalError, KeyboardInterrupt):
            raise
        except BaseException as error:
            # Code of others may fail in any way, sys.exit(0) included, which must not pass for the end of a run.
            raise ModelError(f"the model failed: {failure(error)}") from error
        else:
            return rows
        # Outside the handler, whose traceback holds on to the tensors that filled the memory.
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self._budget = min(self._budget, longest * len(batch) // 2)
        half = len(batch) // 2
        return self._forward(batch[:half]) + self._forward(batch[half:])


_NONE = np.zeros((0, 0), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Ready:
    """An item that can go through the model."""

    who: str
    plan: Planned
    pixels: Sequence[Pixels]


@contextmanager
def named(unit: Unit) -> Iterator[None]:
    """Whatever goes wrong with an item names it."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{unit.who}: {error}") from error
    except Exception as error:
        raise ModelError(f"{unit.who}: the model cannot read it: {failure(error)}") from error


def _ahead(parts: Generator[T]) -> Iterator[T]:
    """The same, each one made in a thread while the one before is in use."""
    end = object()
    with closing(parts), ThreadPoolExecutor(1) as thread:
        following = thread.submit(next, parts, end)
        while (now := following.result()) is not end:
            following = thread.submit(next, parts, end)
            yield cast("T", now)

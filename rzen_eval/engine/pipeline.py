"""From items to vectors in one process: pictures load, items are planned, batches go through the model."""

from __future__ import annotations

import time
import traceback
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

from rzen_eval.engine.in_flight import NONE, Clock, Flight, Wait, Window
from rzen_eval.engine.job import Done, Step
from rzen_eval.engine.trial import Trial
from rzen_eval.errors import DataError, DeviceError, ModelError, RzenEvalError, failure
from rzen_eval.models.device_errors import full, lost
from rzen_eval.models.interface import Launching, Pairwise, Sending
from rzen_eval.models.pictures.resize import NO_PICTURES
from rzen_eval.models.token_budget import Room, cut
from rzen_eval.ranking.multivectors import as_vectors, by_item

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from rzen_eval.engine.job import Job, Unit
    from rzen_eval.engine.picture_loader import Loader
    from rzen_eval.engine.shared_memory import Outcome
    from rzen_eval.models.interface import Pictures, Pipelined, Planned, Rendered
    from rzen_eval.models.pictures.resize import Pixels

T = TypeVar("T")
IN_FLIGHT = 2
"""Batches on the device at once: while one is computed the next is put together, copied and queued."""


class Pipeline:
    """A model with what feeds it.

    Args:
        model: a model that plans, loads and forwards apart.
        loader: where pictures are loaded.
        tokens_per_batch: budget of a batch; tried with the first ones where it is the model's own, and halved when the
            device runs out of memory.
    """

    def __init__(self, model: Pipelined | Pairwise, loader: Loader, tokens_per_batch: int) -> None:
        self._model = model
        self._loader = loader
        self._room = Room(tokens_per_batch)
        self._fewest = tokens_per_batch
        self._launching = isinstance(model, Launching) and not isinstance(model, Pairwise)
        self._packed = self._launching and cast("Launching", model).packed
        self._trial = Trial(model if self._launching else None, tokens_per_batch)

    def run(
        self, jobs: Iterable[Job | None], is_done: Callable[[int], bool] = lambda _number: False
    ) -> Iterator[Step | Done]:
        """Embed windows in order; one that fails says so and does not stop the others.

        Args:
            jobs: taken as they are needed, up to three ahead of the one in the model; None says that there is none
                at present, though one may come.
            is_done: whether a window that was taken has been done by another run since; it is left alone then.
        """
        flying: deque[Flight] = deque()
        clock = Clock()
        for prepared in _ahead(self._prepared(jobs)):
            if prepared is None:
                yield from self._landed(flying, clock, keep=0)
                continue
            job, ready = prepared
            if is_done(job.number):
                yield Step(job.number, len(job.units), 0)
                yield Done(job.number, None)
                continue
            window = Window(job, failed=ready if isinstance(ready, RzenEvalError) else None)
            if not isinstance(ready, RzenEvalError):
                yield from self._sent(window, ready, flying, clock)
            window.closed = True
            if not window.flying:
                yield from self._landed(flying, clock, keep=0)
                yield window.done(clock.lap(), self._fewest)
        yield from self._landed(flying, clock, keep=0)

    def _sent(
        self, window: Window, ready: Sequence[Ready], flying: deque[Flight], clock: Clock
    ) -> Generator[Step | Done]:
        """Send a window's batches to the model, and take in those before them as they come back."""
        lengths = [one.plan.length for one in ready]
        window.rows = [NONE] * len(ready)
        window.tokens = sum(len(one.plan.input_ids) for one in ready)
        for batch in self._batches(ready):
            began = time.perf_counter()
            try:
                wait = self._launch([ready[place] for place in batch])
            except RzenEvalError as error:
                window.failed = error
                return
            window.seconds += time.perf_counter() - began
            if not self._packed:
                window.padding += lengths[batch[0]] * len(batch) - sum(lengths[place] for place in batch)
            window.flying += 1
            flying.append(Flight(window, batch, sum(len(ready[place].plan.input_ids) for place in batch), wait))
            yield from self._landed(flying, clock, keep=IN_FLIGHT - 1)

    def _landed(self, flying: deque[Flight], clock: Clock, *, keep: int) -> Generator[Step | Done]:
        """Wait for batches until so many are left, and take in what is there."""
        while flying and (len(flying) > keep or flying[0].wait.ready):
            flight = flying.popleft()
            window = flight.window
            window.flying -= 1
            if window.failed is None:
                began = time.perf_counter()
                try:
                    made = flight.wait.vectors()
                except Exception as error:  # noqa: BLE001 - a device says later than elsewhere what it failed of
                    window.failed = _failed(error)
                else:
                    window.seconds += time.perf_counter() - began
                    for place, vectors in zip(flight.places, made, strict=True):
                        window.rows[place] = vectors
                    yield Step(window.job.number, len(flight.places), flight.tokens)
            if window.closed and not window.flying:
                yield window.done(clock.lap(), self._fewest)

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

    def _batches(self, ready: Sequence[Ready]) -> Iterator[list[int]]:
        """Places of those that go through the model together."""
        plans = [one.plan for one in ready]
        patches = [self._trial.patches(plan) for plan in plans]
        yield from cut([plan.length for plan in plans], self._room, packed=self._packed, patches=patches)

    def _launch(self, batch: Sequence[Ready]) -> Wait:
        """Send a batch to the model; one that does not fit into the device's memory goes in halves."""
        import torch

        lengths = [one.plan.length for one in batch]
        planned, pixels = [one.plan for one in batch], [one.pixels for one in batch]
        tokens = sum(lengths) if self._packed else max(lengths) * len(batch)
        patches = sum(self._trial.patches(plan) for plan in planned)
        try:
            if self._launching:
                model = cast("Launching", self._model)
                with self._trial.watched(self._room, tokens, patches) as room:
                    sent = model.launch(model.staged(planned, pixels))
                (self._room,) = room
                return Wait([(sent, len(batch))])
            if isinstance(self._model, Sending):
                return Wait([(self._model.send(planned, pixels), len(batch))])
            return Wait([(by_item(as_vectors(self._model.forward(planned, pixels), len(batch))), len(batch))])
        except (RzenEvalError, KeyboardInterrupt):
            raise
        except BaseException as error:
            # What is told of a run's errors in the end would hold on to the tensors of the batch until then.
            traceback.clear_frames(error.__traceback__)
            if not full(error):
                # Code of others may fail in any way, sys.exit(0) included, which must not pass for the end of a run.
                raise _failed(error) from error
            if len(batch) == 1:
                raise DataError(
                    f"{batch[0].who}: an item of {lengths[0]} tokens does not fit into the device's memory;"
                    " lower the model's pixel budget"
                ) from error
        # Outside the handler, whose traceback holds on to the tensors that filled the memory.
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self._room = self._room.half(tokens, patches)
        self._fewest = min(self._fewest, self._room.tokens)
        half = len(batch) // 2
        return Wait([*self._launch(batch[:half]).parts, *self._launch(batch[half:]).parts])


def _failed(error: BaseException) -> ModelError:
    return (DeviceError if lost(error) else ModelError)(f"the model failed: {failure(error)}")


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


def _ahead(parts: Generator[T]) -> Iterator[T | None]:
    """The same, each one made in a thread while the one before is in use; None first where it is not ready yet."""
    end = object()
    with closing(parts), ThreadPoolExecutor(1) as thread:
        following = thread.submit(next, parts, end)
        while True:
            if not following.done():
                yield None
            if (now := following.result()) is end:
                return
            following = thread.submit(next, parts, end)
            yield cast("T", now)

"""From pairs of a query and a candidate to scores in one process; pictures that pairs of a window share load once."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rzen_eval.core import Side
from rzen_eval.engine.job import Unit, portable_item
from rzen_eval.engine.pipeline import Pipeline, Ready, named
from rzen_eval.errors import DataError, RzenEvalError
from rzen_eval.models.interface import Pairwise
from rzen_eval.models.pictures.resize import NO_PICTURES
from rzen_eval.models.token_budget import cut

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from rzen_eval.core import Item
    from rzen_eval.engine.job import Job
    from rzen_eval.engine.picture_loader import Loader
    from rzen_eval.engine.shared_memory import Outcome
    from rzen_eval.engine.vector_store import Key
    from rzen_eval.models.interface import Pictures, Pipelined, Rendered


@dataclass(frozen=True, slots=True)
class PairUnit(Unit):
    """A query with a candidate, which get a score."""

    candidate: Item = field(kw_only=True)
    candidate_name: str = field(kw_only=True)
    query_key: Key = field(kw_only=True)
    candidate_key: Key = field(kw_only=True)

    @property
    def who(self) -> str:
        """Both ids."""
        return f"query {self.name!r} with candidate {self.candidate_name!r}"

    def portable(self) -> PairUnit:
        """The same in a form that can be sent to another process; pictures stay encoded."""
        return replace(self, item=portable_item(self.item), candidate=portable_item(self.candidate))


@dataclass(frozen=True, slots=True)
class _ReadyPair(Ready):
    """A pair that can go through the model."""

    query_key: Key = field(kw_only=True)


@dataclass(slots=True)
class _Window:
    """The distinct queries and candidates of a window, as the model reads them."""

    rendered: dict[tuple[Side, Key], Rendered | RzenEvalError] = field(default_factory=dict)
    loaded: dict[tuple[Side, Key], Outcome] = field(default_factory=dict)


class PairPipeline(Pipeline):
    """A model of pairs with what feeds it.

    Args:
        model: a model that plans, loads and forwards apart.
        loader: where pictures are loaded.
        tokens_per_batch: budget of a batch; halved when the device runs out of memory.
    """

    def __init__(self, model: Pairwise, loader: Loader, tokens_per_batch: int) -> None:
        super().__init__(model, loader, tokens_per_batch)
        self._judge = model

    def _prepared(self, jobs: Iterable[Job | None]) -> Generator[tuple[Job, Sequence[Ready] | RzenEvalError]]:
        taken: deque[tuple[Job, _Window]] = deque()

        def pictures() -> Iterator[list[Pictures] | None]:
            for job in jobs:
                if job is None:
                    yield None
                    continue
                window = self._window(job)
                taken.append((job, window))
                sides = window.rendered.values()
                yield [NO_PICTURES if isinstance(one, RzenEvalError) else one.pictures for one in sides]

        for outcomes in self._loader.stream(pictures()):
            job, window = taken.popleft()
            window.loaded = dict(zip(window.rendered, outcomes, strict=True))
            try:
                yield job, [self._pair(unit, window) for unit in job.units if isinstance(unit, PairUnit)]
            except RzenEvalError as error:
                yield job, error

    def _window(self, job: Job) -> _Window:
        window = _Window()
        for unit in job.units:
            if not isinstance(unit, PairUnit):
                raise TypeError(f"{unit.who} is no pair")
            for place, item in _both(unit):
                if place not in window.rendered:
                    window.rendered[place] = self._side(unit, item, place[0])
        return window

    def _side(self, unit: Unit, item: Item, side: Side) -> Rendered | RzenEvalError:
        try:
            with named(unit):
                return self._judge.rendered(item, side)
        except RzenEvalError as error:
            return error

    def _pair(self, unit: PairUnit, window: _Window) -> _ReadyPair:
        found = []
        for place, _ in _both(unit):
            rendered, loaded = window.rendered[place], window.loaded[place]
            if isinstance(rendered, RzenEvalError):
                raise rendered
            if isinstance(loaded, DataError):
                raise DataError(f"{unit.who}: {loaded}") from loaded
            found.append((rendered, loaded, rendered.pictures.visuals(loaded)))
        (query, seen, sizes), (candidate, offered, other_sizes) = found
        with named(unit):
            plan = self._judge.planned_pair(query, candidate, sizes, other_sizes)
        return _ReadyPair(unit.who, plan, [*seen, *offered], query_key=unit.query_key)

    def _batches(self, ready: Sequence[Ready]) -> Iterator[list[int]]:
        """Pairs of one query and like length; what they share is computed once for a batch."""
        by_query: dict[Key, list[int]] = {}
        for place, one in enumerate(ready):
            by_query.setdefault(one.query_key if isinstance(one, _ReadyPair) else b"", []).append(place)
        for places in by_query.values():
            for batch in cut([ready[place].plan.length for place in places], self._room):
                yield [places[i] for i in batch]


def _both(unit: PairUnit) -> list[tuple[tuple[Side, Key], Item]]:
    return [((Side.QUERY, unit.query_key), unit.item), ((Side.CANDIDATE, unit.candidate_key), unit.candidate)]


def pipeline_of(model: Pipelined | Pairwise, loader: Loader, tokens_per_batch: int) -> Pipeline:
    """The pipeline of a model of items, or of one of pairs."""
    if isinstance(model, Pairwise):
        return PairPipeline(model, loader, tokens_per_batch)
    return Pipeline(model, loader, tokens_per_batch)

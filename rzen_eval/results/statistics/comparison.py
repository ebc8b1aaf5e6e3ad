"""Two models, task by task and average by average, and how sure the difference is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from rzen_eval.core import Mark
from rzen_eval.errors import ResultError, some
from rzen_eval.results import per_query, protocol
from rzen_eval.results.statistics import bootstrap
from rzen_eval.results.tables.averages import mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rzen_eval.benchmark.manifest import Manifest
    from rzen_eval.core import Result
    from rzen_eval.results.statistics.bootstrap import Floats, Interval
    from rzen_eval.results.store import ModelResults

Reading = Literal["score", "exact"]
CORRECTIONS: dict[str, Callable[[Sequence[float]], list[float]]] = {
    "holm": bootstrap.holm,
    "bh": bootstrap.benjamini_hochberg,
    "none": list,
}


@dataclass(frozen=True, slots=True)
class Method:
    """How sure a difference is, and of what."""

    reading: Reading = "score"
    level: float = bootstrap.LEVEL
    resamples: int = bootstrap.RESAMPLES
    seed: int = bootstrap.SEED
    correction: str = "holm"
    """One of CORRECTIONS; tasks are corrected for their number, and averages for theirs."""


@dataclass(frozen=True, slots=True)
class Queries:
    """What becomes of single queries, and how sure their mean is."""

    wins: int
    """Queries on which the second model is better."""
    ties: int
    losses: int
    interval: Interval
    """Of the difference, in points."""
    p: float
    """Two-sided, of the paired permutation test."""
    corrected: float
    """The same, corrected for the number of tests in its table."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The second model less the first, on a task or an average."""

    name: str
    group: str
    """Of a task; nothing for an average."""
    first: float
    """Per cent; averages are formed as the leaderboard's tables form them."""
    second: float
    queries: Queries | None
    """None where the scores of single queries were not kept on either side, or not of all tasks of an average."""
    n_shared: int = 1
    """Tasks that both models have."""
    n_tasks: int = 1
    """Tasks that it should be over."""

    @property
    def points(self) -> float:
        """The difference in points."""
        return self.second - self.first

    def verdict(self, level: float) -> str:
        """Whether the second model is higher or lower, where that is surer than the level; else nothing."""
        if self.queries is None or self.queries.corrected >= 1 - level:
            return ""
        return "higher" if self.points > 0 else "lower"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything there is to say about two models."""

    first: str
    """Name of the one."""
    second: str
    version: str
    """Of the data, that the averages are of."""
    tasks: Sequence[Difference]
    averages: Sequence[Difference]
    differences: Sequence[str]
    """What differs in protocol, a line each."""
    alone: Mapping[str, Sequence[str]]
    """Ids of tasks that one model has and the other lacks, by model."""
    other: Sequence[str]
    """Ids of tasks of another version of the data, which are left out."""
    notes: Sequence[str]
    """What a reader must know about the scores of both."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """A task of both models."""

    first: Result
    second: Result
    scores: tuple[float, float]
    """Of both, in per cent, over the queries that both were asked."""
    drawn: _Drawn | None

    @property
    def versions(self) -> Sequence[str]:
        """Of the data; none for a variant."""
        return self.first.versions or ()


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What the differences of a task's queries tell, in fractions."""

    signs: tuple[int, int, int]
    """Queries on which the second model is better, equal, worse."""
    observed: float
    means: Floats
    """Of resamples, shape (resamples,)."""
    null: Floats
    """Of sign flips, shape (resamples,)."""

    @classmethod
    def of(cls, task: str, differences: Floats, method: Method) -> _Drawn:
        better, worse = int((differences > 0).sum()), int((differences < 0).sum())
        return cls(
            signs=(better, len(differences) - better - worse, worse),
            observed=float(differences.mean()),
            means=bootstrap.resampled(differences, task, resamples=method.resamples, seed=method.seed),
            null=bootstrap.flipped(differences, task, flips=method.resamples, seed=method.seed),
        )


def compare(
    first: ModelResults, second: ModelResults, manifest: Manifest, version: str | None, method: Method
) -> Comparison:
    """Compare two models on the tasks that both were scored on.

    Args:
        first: results of one model.
        second: results of another.
        manifest: what averages are made of.
        version: of the data that averages are of; None: the newest that a task tells.
        method: of the statistics.

    Raises:
        ResultError: nothing, or not the same, was asked of the two models; says what differs.
    """
    shared = [name for name in first.results if name in second.results]
    _check(first, second, shared)
    version = version or protocol.version((first.results[name] for name in shared), manifest)
    made_of, digits = manifest.columns(version), manifest.benchmark(version).digits
    pairs = {name: _pair(name, first, second, method) for name in shared}
    order = [task for names in made_of.values() for task in names]
    kept = {
        name: pair
        for name, pair in sorted(pairs.items(), key=lambda item: _place(item[1], order))
        if version in (pair.versions or [version])
    }
    made = {pair.first.task: pair for pair in kept.values() if pair.versions}
    averages = [
        _average(column, [made[task] for task in names if task in made], len(names), method, digits)
        for column, names in made_of.items()
        if any(task in made for task in names)
    ]
    return Comparison(
        first=first.name,
        second=second.name,
        version=version,
        tasks=_corrected([_task(pair, method) for pair in kept.values()], method),
        averages=_corrected(averages, method),
        differences=protocol.listed({name: _changes(pair) for name, pair in kept.items()}, (first.name, second.name)),
        alone={
            one.name: [name for name in one.results if name not in other.results]
            for one, other in ((first, second), (second, first))
        },
        other=[name for name in pairs if name not in kept],
        notes=_notes([result for pair in kept.values() for result in (pair.first, pair.second)]),
    )


def _place(pair: _Pair, order: Sequence[str]) -> tuple[int, str]:
    """Where a task stands in the leaderboard's tables; variants at the end."""
    known = pair.versions and pair.first.task in order
    return (order.index(pair.first.task) if known else len(order), pair.first.id)


def _notes(results: Sequence[Result]) -> list[str]:
    limited = sorted({result.limit.words for result in results if result.limit})
    said = [f"These are scores of {' or '.join(limited)} of a task."] if limited else []
    if any(result.source == "sample" for result in results):
        said.append("These are scores of the made-up sample, not of the benchmark.")
    if any(Mark.OTHER_DATA in result.marks for result in results):
        said.append("These are scores of other data than the benchmark's: counts differ from the declared ones.")
    return said


def _check(first: ModelResults, second: ModelResults, shared: Sequence[str]) -> None:
    """Refuse scores of different tasks, or of different data."""
    for one in first.results.values():
        for other in second.results.values():
            if one.task == other.task and one.id != other.id and not {one.id, other.id} & set(shared):
                raise ResultError(
                    f"{one.task}: {first.name} was scored on {one.id} and {second.name} on {other.id}, which are"
                    " different versions of its data; score both on one of them"
                )
    if not shared:
        raise ResultError(f"{first.name} and {second.name} have no task in common; score both on the same tasks")
    found = {name: protocol.changes(*_asked(first.results[name], second.results[name])) for name in shared}
    if any(found.values()):
        lines = protocol.listed({name: some for name, some in found.items() if some}, (first.name, second.name))
        tasks = [name for name, some in found.items() if some]
        raise ResultError(
            f"{some(tasks, 3)} cannot be compared:"
            f" {'; '.join(lines)}; score both models on the same data, or name the tasks to compare with task="
        )


def _asked(first: Result, second: Result) -> tuple[protocol.Facts, protocol.Facts]:
    """What two results must have alike: of random samples the task that they are of, since pairs are found in both."""
    if first.limit != second.limit and all(result.limit is None or result.sampled for result in (first, second)):
        return protocol.asked_in_all(first), protocol.asked_in_all(second)
    return protocol.asked(first), protocol.asked(second)


def _pair(name: str, first: ModelResults, second: ModelResults, method: Method) -> _Pair:
    one, other = first.results[name], second.results[name]
    left, right = per_query.read_queries(first.folder, one), per_query.read_queries(second.folder, other)
    scores = [100 * float(getattr(result, method.reading)) for result in (one, other)]
    if left is None or right is None:
        if one.limit != other.limit:
            raise ResultError(f"{name}: {first.name} and {second.name} were asked different queries; score both alike")
        return _Pair(one, other, (scores[0], scores[1]), None)
    if one.limit == other.limit and left.query_ids != right.query_ids:
        raise ResultError(f"{name}: {first.name} and {second.name} were asked different queries; score both again")
    _, here, there = np.intersect1d(left.query_ids, right.query_ids, assume_unique=True, return_indices=True)
    if not len(here):
        raise ResultError(f"{name}: {first.name} and {second.name} have no query in common; take samples of one seed")
    before, after = getattr(left, method.reading)[here], getattr(right, method.reading)[there]
    if one.limit != other.limit:
        scores = [100 * float(values.mean()) for values in (before, after)]
    return _Pair(one, other, (scores[0], scores[1]), _Drawn.of(name, after - before, method))


def _changes(pair: _Pair) -> list[protocol.Change]:
    facts = (protocol.settings, protocol.presented, protocol.made_with)
    found = [change for part in facts for change in protocol.changes(part(pair.first), part(pair.second))]
    # The first query of a sample is another one.
    same = pair.first.limit == pair.second.limit
    return [change for change in found if same or change.name != "first prompt of a query"]


def _task(pair: _Pair, method: Method) -> Difference:
    return Difference(pair.first.id, pair.first.group, *pair.scores, _queries([pair], method))


def _average(column: str, members: Sequence[_Pair], expected: int, method: Method, digits: int) -> Difference:
    one, other = (float(mean([pair.scores[side] for pair in members], digits)) for side in (0, 1))
    return Difference(column, "", one, other, _queries(members, method), len(members), expected)


def _queries(members: Sequence[_Pair], method: Method) -> Queries | None:
    """Of the mean over tasks: resamples and flips are averaged draw by draw."""
    drawn = [pair.drawn for pair in members if pair.drawn]
    if len(drawn) < len(members):
        return None
    wins, ties, losses = (sum(numbers) for numbers in zip(*(one.signs for one in drawn), strict=True))
    within = bootstrap.interval(100 * np.mean([one.means for one in drawn], axis=0), method.level)
    observed, null = np.mean([one.observed for one in drawn]), np.mean([one.null for one in drawn], axis=0)
    p = bootstrap.p_value(float(observed), null)
    return Queries(wins, ties, losses, within, p, p)


def _corrected(differences: Sequence[Difference], method: Method) -> list[Difference]:
    tested = [one.queries.p for one in differences if one.queries]
    corrected = iter(CORRECTIONS[method.correction](tested))
    return [
        replace(one, queries=replace(one.queries, corrected=next(corrected))) if one.queries else one
        for one in differences
    ]

"""Pure metrics of rankings.

Two readings of every metric. `exact` is the textbook's: graded gains belong to the candidates they were given to,
and a candidate that is ranked twice counts once. `official` is the value of the evaluator that published numbers come
from (`src/utils/eval_utils/metrics.py` of TIGER-AI-Lab/VLM2Vec at 6e1e1d4, class RankingMetrics), oddities included.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from rzen_eval.core import Run
from rzen_eval.errors import ConfigError, DataError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rzen_eval.core import TaskData

Reading = Literal["exact", "official"]
QueryId = TypeVar("QueryId", bound=str | int)
CandidateId = TypeVar("CandidateId", bound=str | int)
Floats = NDArray[np.float64]

CUTOFFS = (1, 5, 10)
DEPTH = max(CUTOFFS)
FAMILIES = ("hit", "ndcg_linear", "ndcg_exponential", "precision", "recall", "f1", "map", "mrr")
MOST_GRADE = 1000
METRICS = tuple(f"{family}@{k}" for family in FAMILIES for k in CUTOFFS)


@dataclass(frozen=True, slots=True)
class PerQuery:
    """Every metric of every judged query."""

    query_ids: tuple[str | int, ...]
    values: Mapping[str, Floats]
    """One array of shape (queries,) for each name of METRICS, in the order of `query_ids`; fractions, not per cent."""

    def means(self) -> dict[str, float]:
        """Mean of every metric; the sum is rounded once, so the order of the queries cannot show in the last digit."""
        return {name: math.fsum(values.tolist()) / len(self.query_ids) for name, values in self.values.items()}


@dataclass(frozen=True, slots=True)
class _Gains:
    """What the metrics need to know of n queries; a place is one of the first ten of a ranking."""

    grades: Floats
    """Grade at each place, NaN where the candidate is not relevant or the ranking has ended: (n, 10)."""
    repeated: NDArray[np.bool_]
    """Whether the candidate at this place is at an earlier one too: (n, 10)."""
    ideal: Floats
    """The query's highest grades, descending, zeros at the end: (n, 10)."""
    n_relevant: NDArray[np.int64]
    """Relevant candidates of each query, ranked or not: (n,)."""


def checked_name(name: str) -> str:
    """A metric's name, checked.

    Args:
        name: such as `hit@1` or `ndcg_linear@5`.

    Returns:
        The same name.

    Raises:
        ConfigError: there is no such metric.
    """
    if name not in METRICS:
        raise ConfigError(
            f"no metric is called {name!r}{nearest(name, METRICS)}; expected one of {', '.join(FAMILIES)}, at 1, 5 or"
            " 10, such as hit@1"
        )
    return name


def grade_fault(grade: Any) -> str | None:
    """What keeps a judgement's grade from being one, such as "is nan, ..."; None: nothing.

    A grade is a finite number from 0 to 1,000: ten gains of 2 to the 1,000th still add up to a number.
    """
    if grade is None:
        return "is missing; expected a grade"
    if not isinstance(grade, (int, float, np.integer, np.floating)):
        return f"is {grade!r:.60}; expected a number"
    return None if 0 <= grade <= MOST_GRADE else f"is {grade}; expected a grade from 0 to {MOST_GRADE:,}"


def check_qrels(qrels: Mapping[Any, Mapping[Any, Any]]) -> None:
    """Refuse judgements with a grade that cannot be one.

    Raises:
        DataError: a grade is missing, no number, not finite, negative or so large that its gain overflows; query,
            candidate and grade are named.
    """
    for query_id, grades in qrels.items():
        for candidate_id, grade in grades.items():
            if problem := grade_fault(grade):
                raise DataError(f"the grade of query {query_id!r} and candidate {candidate_id!r} {problem}")


def score_run(
    run: Run | Mapping[QueryId, Sequence[CandidateId]],
    qrels: Mapping[QueryId, Mapping[CandidateId, float]],
    reading: Reading = "exact",
) -> dict[str, float]:
    """Score rankings against judgements.

    Args:
        run: candidate ids of each query, best first.
        qrels: grade of each judged candidate of each query, in the order of the benchmark's judgements.
        reading: `exact`, where candidates with a grade above zero are relevant, or `official`, where every
            candidate that is listed is.

    Returns:
        Mean over the queries of `qrels` for each name of METRICS. A query that the run lacks scores as an empty
        ranking does.

    Raises:
        ConfigError: there is no such reading.
        DataError: nothing is judged, a grade cannot be one (`check_qrels`), a ranked query is not judged, or ids of the
            two sides differ in type.
    """
    _check_form(run, qrels)
    check_qrels(qrels)
    return per_query(run, qrels, reading).means()


def _check_form(run: object, qrels: object) -> None:
    """Refuse what is no run or no judgements: letters of a text would be ranked as candidates, say.

    Raises:
        DataError: what was found is named.
    """
    if not isinstance(qrels, Mapping) or not all(isinstance(grades, Mapping) for grades in qrels.values()):
        raise DataError("score_run(run, qrels): expected qrels as {query: {candidate: grade}}")
    if isinstance(run, Run):
        return
    if not isinstance(run, Mapping):
        raise DataError(f"score_run(run, qrels): expected a run as {{query: [candidates]}}, found {type(run).__name__}")
    for query_id, ranked in run.items():
        if isinstance(ranked, Mapping):
            raise DataError(
                f"the run ranks query {query_id!r} by a mapping; expected candidates, best first:"
                " sorted(scores, key=scores.get, reverse=True)"
            )
        if isinstance(ranked, (str, bytes)) or not hasattr(ranked, "__getitem__"):
            raise DataError(
                f"the run ranks query {query_id!r} by {ranked!r:.60}; expected a list of candidates, best first"
            )


def per_query(
    run: Run | Mapping[QueryId, Sequence[CandidateId]],
    qrels: Mapping[QueryId, Mapping[CandidateId, float]],
    reading: Reading = "exact",
) -> PerQuery:
    """The values behind `score_run`, which documents the arguments and errors.

    Returns:
        Metrics of each query, in the order of `qrels`.
    """
    ranking: Mapping[Any, Sequence[Any]] = run.ranking if isinstance(run, Run) else run
    if reading not in get_args(Reading):
        raise ConfigError(f"no reading is called {reading!r}; choose one of {', '.join(get_args(Reading))}")
    if not qrels:
        raise DataError("qrels judge no query, so there is nothing to score")
    for query_id in ranking:
        if query_id not in qrels:
            raise DataError(f"the run ranks query {query_id!r}, which the qrels do not judge; leave it out or judge it")
    gains = _gather(ranking, qrels, reading)
    if np.isnan(gains.grades).all():
        _check_types(ranking, qrels)
    values = _ndcg(gains) | _set_metrics(gains) | _rank_metrics(gains)
    return PerQuery(tuple(qrels), {name: values[name] for name in METRICS})


def official_per_query(run: Run, data: TaskData) -> PerQuery:
    """Metrics of every query in the official evaluator's reading, which depends on whether ids are integers."""
    if not data.integer_ids:
        return per_query(run, data.qrels, reading="official")
    ranking = {query: [int(candidate) for candidate in ranked[:DEPTH]] for query, ranked in run.ranking.items()}
    qrels = {
        query: {int(candidate): grade for candidate, grade in grades.items()} for query, grades in data.qrels.items()
    }
    return per_query(ranking, qrels, reading="official")


def _gather(ranking: Mapping[Any, Sequence[Any]], qrels: Mapping[Any, Mapping[Any, float]], reading: Reading) -> _Gains:
    """Look up the grades; all that is left to do afterwards is arithmetic on arrays."""
    exact = reading == "exact"
    grades: list[float | None] = []
    ideal: list[float] = []
    lengths, n_relevant = [], []
    repeats: list[tuple[int, int]] = []
    for row, (query_id, judged) in enumerate(qrels.items()):
        ranked = ranking.get(query_id, ())
        top = ranked[:DEPTH]
        if len(set(top)) < len(top):
            if exact:
                top = list(dict.fromkeys(ranked))[:DEPTH]
            else:
                repeats += [(row, place) for place in range(len(top)) if top[place] in top[:place]]
        grades.extend(map((judged if exact else _official_pairs(judged)).get, top))
        lengths.append(len(top))
        relevant = [grade for grade in judged.values() if grade > 0] if exact else list(judged.values())
        ideal += sorted(relevant, reverse=True)[:DEPTH]
        n_relevant.append(len(relevant))
    found = _table(grades, lengths, fill=math.nan)
    if exact:
        found[found <= 0] = math.nan
    repeated = np.zeros(found.shape, dtype=bool)
    if repeats:
        repeated[tuple(np.array(repeats).T)] = True
    counts = np.array(n_relevant)
    return _Gains(found, repeated, _table(ideal, np.minimum(counts, DEPTH), fill=0.0), counts)


def _official_pairs(judged: Mapping[Any, float]) -> Mapping[Any, float]:
    """Grades as the official evaluator pairs them: qrels order on one side, set order on the other.

    The set order of integers is fixed, and published scores contain it. That of strings changes with the hash seed,
    so there is no official value to follow and grades stay with their candidates. The set must grow from a list, as
    the evaluator's does: one made from a mapping is sized at once and can come out in another order.
    """
    if len(set(judged.values())) < 2 or not all(isinstance(candidate_id, int) for candidate_id in judged):
        return judged
    labels = list(judged)
    return dict(zip(set(labels), judged.values(), strict=True))


def _table(flat: Sequence[float | None], lengths: Sequence[int] | NDArray[np.int64], fill: float) -> Floats:
    """Rows of the given lengths, one after the other in `flat`, as an array of shape (rows, 10); None becomes NaN."""
    table = np.full((len(lengths), DEPTH), fill)
    table[np.arange(DEPTH) < np.asarray(lengths)[:, None]] = np.array(flat, dtype=np.float64)
    return table


def _check_types(ranking: Mapping[Any, Sequence[Any]], qrels: Mapping[Any, Mapping[Any, float]]) -> None:
    """Tell ids that cannot match, such as 17 and "17" (JSON knows no integer keys), from a model that finds nothing."""
    ranked, judged = _types(ranking.values()), _types(qrels.values())
    if ranked and judged and not ranked & judged:
        raise DataError(
            f"no ranked candidate is judged: the run's ids are {_spell(ranked)}, those of the qrels {_spell(judged)};"
            " give both the same type"
        )


def _types(lists: Iterable[Iterable[Any]]) -> set[type]:
    return {type(candidate_id) for ids in lists for candidate_id in ids}


def _spell(types: set[type]) -> str:
    return " and ".join(sorted(kind.__name__ for kind in types))


def _ndcg(gains: _Gains) -> dict[str, Floats]:
    discounts = np.log2(np.arange(DEPTH) + 2)
    grades = np.nan_to_num(gains.grades, nan=0.0)
    gained = {"linear": grades / discounts, "exponential": (np.exp2(grades) - 1) / discounts}
    ideal = {"linear": gains.ideal / discounts, "exponential": (np.exp2(gains.ideal) - 1) / discounts}
    return {
        f"ndcg_{form}@{k}": _ratio(gained[form][:, :k].sum(axis=1), ideal[form][:, :k].sum(axis=1))
        for form in gained
        for k in CUTOFFS
    }


def _set_metrics(gains: _Gains) -> dict[str, Floats]:
    """Metrics that do not see the order within the first k, nor copies of a candidate."""
    found = np.cumsum(~np.isnan(gains.grades) & ~gains.repeated, axis=1)
    values = {}
    for k in CUTOFFS:
        hits = found[:, k - 1]
        precision = hits / k
        recall = np.where(gains.n_relevant > 0, hits / np.maximum(gains.n_relevant, 1), 1.0)
        values[f"hit@{k}"] = (hits > 0).astype(np.float64)
        values[f"precision@{k}"] = precision
        values[f"recall@{k}"] = recall
        values[f"f1@{k}"] = _ratio(2 * precision * recall, precision + recall)
    return values


def _rank_metrics(gains: _Gains) -> dict[str, Floats]:
    """Average precision (its divisor is min(relevant, k), where trec_eval's is all relevant) and reciprocal rank."""
    ranks = np.arange(DEPTH) + 1
    relevant = ~np.isnan(gains.grades)
    precisions = np.cumsum(relevant, axis=1) / ranks * relevant
    reciprocals = relevant / ranks
    values = {}
    for k in CUTOFFS:
        values[f"map@{k}"] = _ratio(precisions[:, :k].sum(axis=1), np.minimum(gains.n_relevant, k))
        values[f"mrr@{k}"] = reciprocals[:, :k].max(axis=1)
    return values


def _ratio(numerator: Floats, denominator: NDArray[Any]) -> Floats:
    """The quotient, and 0 where there is nothing to divide by."""
    quotient = np.zeros(len(numerator))
    np.divide(numerator, denominator, out=quotient, where=denominator > 0)
    return quotient

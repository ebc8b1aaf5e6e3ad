"""What a model's ranking of each query comes to, beside the right answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rzen_eval.data.query_choice import judgements
from rzen_eval.ranking.metrics import official_per_query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rzen_eval.core import Result, Run, TaskData
    from rzen_eval.results.statistics.bootstrap import Floats

SHOWN = 5
"""Candidates shown of every ranking."""
TIED_AMONG = 10
"""Places among which, or at whose edge, equal scores count as a tie."""
NEAR = 3
"""A right answer that is not first but among so many is a near miss."""
SAME = 1e-6
"""Difference of two means of the same values."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A model's queries on a task, in the order of the data."""

    values: Floats
    """The task's metric, 0 to 1, in the official reading: (queries,)."""
    ranks: Sequence[int | None]
    """Place of the best right answer, from 1; None where it is not among those that the run keeps."""
    margins: Sequence[float | None]
    """Score of the best right answer less that of the best wrong one; None where one of them is not in the run."""
    tied: Sequence[bool]
    """Whether the first places hold equal scores of different candidates."""
    top: Sequence[Sequence[str]]
    """First five candidates of each."""
    scores: Sequence[Sequence[float]]
    """Their scores."""

    def missed(self, query: int) -> bool:
        """Whether a wrong answer comes first."""
        return self.ranks[query] != 1

    def near(self, query: int) -> bool:
        """Whether a right answer is not first but close."""
        rank = self.ranks[query]
        return rank is not None and 1 < rank <= NEAR


def judge(result: Result, run: Run, data: TaskData) -> Judged | str:
    """Judge a run on the data that it was made of.

    Returns:
        What it comes to; or, where these cannot be the run's data, how that shows.
    """
    found = (len(data.query_ids), len(data.candidate_ids))
    if found != (result.n_queries, result.n_candidates):
        return (
            f"{found[0]} queries and {found[1]} candidates, where the result was made of {result.n_queries}"
            f" and {result.n_candidates}"
        )
    if set(run.ranking) - set(data.query_ids):
        return "other query ids than the run's"
    if result.provenance.get("dataset", {}).get("judgements", known := judgements(data)) != known:
        return "other queries, pools or judgements than those that were scored"
    values = official_per_query(run, data)
    if result.metric not in values.values:
        return f"no metric {result.metric!r}"
    by_query = dict(zip(values.query_ids, values.values[result.metric].tolist(), strict=True))
    own = np.array([by_query[query] for query in data.query_ids])
    if abs(own.mean() - result.score) > SAME:
        return f"a score of {100 * own.mean():.2f} for the run, where the result says {100 * result.score:.2f}"
    rankings = [run.ranking.get(query, ()) for query in data.query_ids]
    scores = [run.scores.get(query, ()) for query in data.query_ids]
    places = [_places(ranked, data.qrels[query]) for query, ranked in zip(data.query_ids, rankings, strict=True)]
    return Judged(
        values=own,
        ranks=[None if right is None else right + 1 for right, _ in places],
        margins=[
            None if right is None or wrong is None else given[right] - given[wrong]
            for (right, wrong), given in zip(places, scores, strict=True)
        ],
        tied=[_tied(ranked, given) for ranked, given in zip(rankings, scores, strict=True)],
        top=[ranked[:SHOWN] for ranked in rankings],
        scores=[given[:SHOWN] for given in scores],
    )


def _places(ranked: Sequence[str], grades: Mapping[str, float]) -> tuple[int | None, int | None]:
    """Where the first right and the first wrong candidate stand, from 0."""
    right = next((place for place, candidate in enumerate(ranked) if grades.get(candidate, 0) > 0), None)
    wrong = next((place for place, candidate in enumerate(ranked) if grades.get(candidate, 0) <= 0), None)
    return right, wrong


def _tied(ranked: Sequence[str], scores: Sequence[float]) -> bool:
    last = min(TIED_AMONG, len(ranked) - 1)
    return any(scores[i] == scores[i + 1] and ranked[i] != ranked[i + 1] for i in range(last))

"""The official evaluator's rankings, `<task>_pred.jsonl`: a line a query, scored as that evaluator scores them."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from rzen_eval.core import Run, TaskData
from rzen_eval.errors import DataError, ResultError, reason
from rzen_eval.files import read_whole
from rzen_eval.ranking.metrics import official_per_query

if TYPE_CHECKING:
    from pathlib import Path

ENDING = "pred.jsonl"
DEPTH = 10
"""Places that a score looks at."""


def scores(file: Path) -> dict[str, float]:
    """What the evaluator would have written into `<task>_score.json` for these rankings.

    Args:
        file: with `prediction` (names of candidates, best first), `label` and `rel_scores` (their grades, or null) on
            every line, and `prediction_scores` where the evaluator kept them.

    Returns:
        Every metric in the official reading, `num_pred`, `num_data`, and `n_ties` where there are scores: queries with
        equal scores of candidates in the first ten places or at their edge, whose order there is that of the list.

    Raises:
        ResultError: the file cannot be read, or a line is none of these.
    """
    ranking: dict[str, list[str]] = {}
    qrels: dict[str, dict[str, float]] = {}
    tied: list[bool] | None = []
    integers = True
    try:
        content = read_whole(file)
    except OSError as error:
        raise ResultError(f"{file} cannot be read ({reason(error)})") from error
    for number, text in enumerate(content.splitlines(), 1):
        try:
            line = json.loads(text)
            names, labels = line["prediction"], line["label"]
            grades = line["rel_scores"] or [1] * len(labels)
            judged = {str(name): float(grade) for name, grade in zip(labels, grades, strict=True)}
            ranking[str(number)], qrels[str(number)] = list(map(str, names)), judged
            integers = integers and all(isinstance(name, int) for name in (*names, *labels))
            tied = None if tied is None else _noted(tied, line, names)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ResultError(
                f"{file}: line {number}: expected prediction, label and rel_scores ({error!r})"
            ) from error
    if not ranking:
        raise ResultError(f"{file} is empty")
    data = TaskData(list(ranking), (), (), (), qrels, integer_ids=integers)
    try:
        means = official_per_query(Run(ranking, {}), data).means()
    except DataError as error:
        raise ResultError(f"{file}: {error}") from error
    counts = {"num_pred": len(ranking), "num_data": len(ranking)}
    return {**means, **counts, **({"n_ties": sum(tied)} if tied is not None else {})}


def _noted(tied: list[bool], line: dict[str, Any], names: list[Any]) -> list[bool] | None:
    """The list with whether this query is tied; None where its scores are not there."""
    scores = line.get("prediction_scores")
    if scores is None:
        return None
    if len(scores) != len(names):
        raise ValueError(f"{len(scores)} prediction_scores of {len(names)} candidates")
    top = [float(score) for score in scores[: DEPTH + 1]]
    return [*tied, any(one == other for one, other in pairwise(top))]

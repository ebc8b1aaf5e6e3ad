"""Load, embed, rank, score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rzen_eval.core import Mark, MultiVectors, QueryScores, Result, Run, Side, Task, TaskData
from rzen_eval.data.load import LoadedTask, judgements, load
from rzen_eval.engine.embed import Embedded, embed
from rzen_eval.engine.picture_loader import Loader
from rzen_eval.engine.settings import Runtime
from rzen_eval.errors import DataError, ModelError
from rzen_eval.evaluation import provenance
from rzen_eval.models.interface import Pipelined
from rzen_eval.ranking.dot import CheckedVectors, check_vectors, rank
from rzen_eval.ranking.maxsim import rank_maxsim
from rzen_eval.ranking.metrics import official_per_query, per_query
from rzen_eval.ranking.multivectors import CheckedMultiVectors, check_multi_vectors, same_form

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rzen_eval.core import Embedder, Vectors


@dataclass(frozen=True, slots=True)
class Scored:
    """A result with the rankings and the queries behind it."""

    result: Result
    run: Run
    queries: QueryScores


def evaluate(task: Task, model: Embedder, runtime: Runtime | None = None) -> Result:
    """Score a model on a task.

    Args:
        task: see `load_task`.
        model: anything with `embed(items, side) -> (n, dim) array`; one that returns a list of n arrays of shape
            (vectors, dim), or MultiVectors, is ranked by MaxSim.
        runtime: how to embed; by default all in this process, so that it works in any script.

    Returns:
        Scores in both readings, counts, warnings and provenance. Nothing is written.

    Raises:
        DataError: the task's data are missing, damaged or not as declared, or an item cannot be embedded.
        ModelError: the model cannot be loaded, or its vectors cannot be ranked.
    """
    runtime = runtime or Runtime(workers=0)
    budget = runtime.tokens_per_batch or (model.tokens_per_batch if isinstance(model, Pipelined) else 1)
    with Loader(runtime.loaders()) as loader:
        return score(task, model, loader, tokens_per_batch=budget, rank_device=runtime.rank_device).result


def score(
    task: Task,
    model: Embedder | Pipelined,
    loader: Loader,
    *,
    tokens_per_batch: int,
    rank_device: str = "cpu",
) -> Scored:
    """As `evaluate`, with the engine's parts given, and the rankings kept."""
    loaded = load(task)
    data = loaded.data
    try:
        queries, candidates = (
            embed(model, items, ids, side, loader=loader, tokens_per_batch=tokens_per_batch)
            for items, ids, side in (
                (data.queries, data.query_ids, Side.QUERY),
                (data.candidates, data.candidate_ids, Side.CANDIDATE),
            )
        )
    except DataError as error:
        raise DataError(f"{task.id}: {error}") from error
    return finish(loaded, model, queries, candidates, tokens_per_batch=tokens_per_batch, rank_device=rank_device)


def finish(
    loaded: LoadedTask,
    model: Embedder | Pipelined,
    queries: Embedded,
    candidates: Embedded,
    *,
    tokens_per_batch: int,
    rank_device: str = "cpu",
) -> Scored:
    """Check vectors, rank and score.

    Args:
        loaded: the task and its data.
        model: what made the vectors, for provenance.
        queries: their vectors.
        candidates: their vectors.
        tokens_per_batch: what was asked for.
        rank_device: where candidates are ranked.

    Raises:
        ModelError: the vectors cannot be ranked.
    """
    task, data = loaded.task, loaded.data
    what = f"{_name(model)} on {task.id}"
    sides = queries.vectors, candidates.vectors
    if isinstance(model, Pipelined):
        sides = same_form(*sides)
    left = check(sides[0], data.query_ids, f"{what}, queries")
    right = check(sides[1], data.candidate_ids, f"{what}, candidates")
    run = rank_checked(left.vectors, right.vectors, data, rank_device, what)
    warnings = [
        *data.warnings,
        *left.warnings,
        *right.warnings,
        *_short_of_memory(min(queries.budget, candidates.budget), tokens_per_batch),
    ]
    where_from = _provenance(loaded, model, queries, candidates)
    return measure(task, data, run, warnings, where_from, collapsed=left.collapsed or right.collapsed)


def measure(
    task: Task,
    data: TaskData,
    run: Run,
    warnings: Sequence[str],
    where_from: Mapping[str, Any],
    *,
    collapsed: bool,
) -> Scored:
    """Score a task's rankings, in both readings.

    Args:
        task: as declared.
        data: its judgements.
        run: rankings of its queries.
        warnings: all that a reader must know.
        where_from: provenance.
        collapsed: whether the vectors of a side were practically all alike.
    """
    exact, official = per_query(run, data.qrels), official_per_query(run, data)
    metrics, means = exact.means(), official.means()
    differing = {name: value for name, value in means.items() if abs(value - metrics[name]) > 1e-12}
    marks = {Mark.OTHER_DATA: data.other_data, Mark.COLLAPSED: collapsed}
    result = Result(
        id=task.id,
        task=task.name,
        modality=task.modality,
        group=task.group,
        metric=task.metric,
        score=differing.get(task.metric, metrics[task.metric]),
        exact=metrics[task.metric],
        metrics=metrics,
        official=differing,
        n_queries=len(data.query_ids),
        n_candidates=len(data.candidate_ids),
        n_ties=len(run.tied),
        limit=task.limit,
        marks=tuple(mark for mark, holds in marks.items() if holds),
        warnings=list(warnings),
        provenance=dict(where_from),
    )
    reading = official if task.metric in differing else exact
    ids = [str(query_id) for query_id in exact.query_ids]
    return Scored(result, run, QueryScores(ids, reading.values[task.metric], exact.values[task.metric]))


def check(vectors: Vectors | MultiVectors, ids: Sequence[str], what: str) -> CheckedVectors | CheckedMultiVectors:
    """Refuse vectors that cannot be ranked, one an item or many; see `check_vectors` and `check_multi_vectors`."""
    if isinstance(vectors, MultiVectors):
        return check_multi_vectors(vectors, ids, what)
    return check_vectors(vectors, len(ids), what)


def rank_checked(
    left: Vectors | MultiVectors,
    right: Vectors | MultiVectors,
    data: TaskData,
    device: str,
    what: str,
) -> Run:
    """Rank queries (left) against candidates by dot product, or by MaxSim where items have many vectors.

    Raises:
        ModelError: the sides do not fit each other.
    """
    dims = [(side.rows if isinstance(side, MultiVectors) else side).shape[1] for side in (left, right)]
    if dims[0] != dims[1]:
        raise ModelError(f"{what}: queries and candidates have {dims[0]} and {dims[1]} dimensions")
    if isinstance(left, MultiVectors) and isinstance(right, MultiVectors):
        return rank_maxsim(left, right, data.query_ids, data.candidate_ids, data.pools, device=device)
    if isinstance(left, MultiVectors) or isinstance(right, MultiVectors):
        many, one = ("queries", "candidates") if isinstance(left, MultiVectors) else ("candidates", "queries")
        raise ModelError(f"{what}: {many} have many vectors an item and {one} a single one; give both the same form")
    return rank(left, right, data.query_ids, data.candidate_ids, data.pools, device=device)


def _short_of_memory(budget: int, asked: int) -> list[str]:
    if budget == asked:
        return []
    return [
        f"the device ran out of memory with runtime.tokens_per_batch={asked}; batches were halved to {budget} tokens"
    ]


def describe(model: Embedder | Pipelined) -> Mapping[str, Any]:
    """What a model says of itself; of one that says nothing, its class."""
    return model.provenance() if isinstance(model, Pipelined) else {"name": _name(model)}


def _name(model: Embedder | Pipelined) -> str:
    return str(model.provenance()["name"]) if isinstance(model, Pipelined) else type(model).__qualname__


def _provenance(
    loaded: LoadedTask, model: Embedder | Pipelined, queries: Embedded, candidates: Embedded
) -> dict[str, Any]:
    task, data, described = loaded.task, loaded.data, describe(model)
    return {
        "fingerprint": provenance.fingerprint(task, loaded.content, described),
        "model": dict(described),
        "dataset": {
            "source": task.source.kind,
            "repo": task.dataset.repo,
            "revision": data.revision,
            "content": loaded.content,
            "judgements": judgements(data),
            **({"media": dict(data.media)} if data.media else {}),
        },
        "versions": list(task.versions),
        "frames": task.frames,
        "instruction": task.instruction.model_dump(),
        "prompts": {"query": queries.first_prompt, "candidate": candidates.first_prompt},
        "software": provenance.software(),
        "machine": provenance.machine(),
        "embedding": _speed(queries, candidates),
    }


def _speed(*sides: Embedded) -> dict[str, float]:
    seconds = sum(side.seconds for side in sides)
    items, computed, tokens, padding = (
        sum(len(side.vectors) for side in sides),
        sum(side.computed for side in sides),
        sum(side.tokens for side in sides),
        sum(side.padding for side in sides),
    )
    return {
        "seconds": round(seconds, 3),
        "model_seconds": round(sum(side.model_seconds for side in sides), 3),
        "items": items,
        "computed": computed,
        "tokens": tokens,
        "items_per_second": round(computed / seconds, 2) if computed else 0.0,
        "tokens_per_second": round(tokens / seconds, 1) if computed else 0.0,
        "padding_share": round(padding / (tokens + padding), 4) if tokens else 0.0,
    }

"""Load, embed, rank, score."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rzen_eval.core import Mark, QueryScores, Result, Run, Sampled, Side, Task, TaskData
from rzen_eval.data.load import LoadedTask, load
from rzen_eval.data.query_choice import judgements
from rzen_eval.engine.embed import Embedded, embed
from rzen_eval.engine.picture_loader import Loader
from rzen_eval.engine.plan import both_sides
from rzen_eval.engine.settings import Runtime
from rzen_eval.errors import DataError
from rzen_eval.evaluation import arguments, provenance
from rzen_eval.evaluation.rankings import Rankings, Sides, check, is_cosine, ranked
from rzen_eval.models.external.in_memory import pipelined
from rzen_eval.models.interface import Pipelined, Reporting
from rzen_eval.models.undisturbed import undisturbed
from rzen_eval.ranking.metrics import PerQuery, official_per_query, per_query
from rzen_eval.ranking.mteb import per_query_as_mteb
from rzen_eval.ranking.multivectors import same_form
from rzen_eval.results.sampling import standard_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from rzen_eval.core import Embedder
    from rzen_eval.engine.spent import Spent


@dataclass(frozen=True, slots=True)
class Scored:
    """A result with the rankings and the queries behind it."""

    result: Result
    run: Run
    queries: QueryScores


def evaluate(task: Task, model: Embedder, runtime: Runtime | None = None, *, limit: int | str | None = None) -> Result:
    """Score a model on a task.

    Args:
        task: see `load_task`.
        model: anything with `embed(items, side) -> (n, dim) array`, which gets items in batches of 32, or of its
            `batch_size`, with images and frames as PIL images; one that returns a list of n arrays of shape
            (vectors, dim), or MultiVectors, is ranked by MaxSim. A module that is being trained goes on as it was.
        runtime: how to embed; by default all in this process, so that it works in any script.
        limit: how many queries, a random sample of them, or `first:20`; None: as the task says.

    Returns:
        Scores in both readings, counts, warnings and provenance. Nothing is written.

    Raises:
        ConfigError: an argument is of another kind.
        DataError: the task's data are missing, damaged or not as declared, or an item cannot be embedded.
        ModelError: the model cannot be loaded, or its vectors cannot be ranked.
    """
    arguments.check(task, model)
    arguments.check_runtime("evaluate(task, model)", runtime)
    task = task if limit is None else arguments.limited(task, limit)
    runtime = runtime or Runtime(workers=0)
    engine = pipelined(model)
    budget = runtime.tokens_per_batch or engine.tokens_per_batch
    with undisturbed(model), Loader(runtime.loaders()) as loader:
        scored = score(task, engine, loader, tokens_per_batch=budget, rank_device=runtime.rank_device)
    return arguments.told_of_sample(scored.result)


def score(
    task: Task,
    model: Embedder | Pipelined,
    loader: Loader,
    *,
    tokens_per_batch: int,
    rank_device: str = "cpu",
) -> Scored:
    """As `evaluate`, with the engine's parts given, and the rankings kept."""
    loaded, model = load(task), pipelined(model)
    data = loaded.data
    try:
        queries, candidates = (
            embed(model, part, loader=loader, tokens_per_batch=tokens_per_batch) for part in both_sides(task.id, data)
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
    cosine = is_cosine(model)
    made = Sides(queries.vectors, candidates.vectors)
    if isinstance(model, Pipelined):
        made = Sides(*same_form(made.queries, made.candidates))
    left = check(made.queries, data.query_ids, f"{what}, queries", cosine=cosine)
    right = check(made.candidates, data.candidate_ids, f"{what}, candidates", cosine=cosine)
    checked = Sides(left.vectors, right.vectors, made, cosine)
    rankings = ranked(task, data, checked, what, device=rank_device)
    warnings = [
        *data.warnings,
        *_of_model(model, task, queries, candidates),
        *left.warnings,
        *right.warnings,
        *short_of_memory((queries.spent + candidates.spent).budget, tokens_per_batch),
    ]
    where_from = provenance_of(
        loaded,
        describe(model),
        (queries.first_prompt, candidates.first_prompt),
        queries.spent + candidates.spent,
        len(queries.vectors) + len(candidates.vectors),
    )
    return measure(task, data, rankings, warnings, where_from, collapsed=left.collapsed or right.collapsed)


def _official(task: Task, data: TaskData, run: Run) -> PerQuery:
    """Metrics of each query as the evaluator of the task's own suite computes them."""
    return per_query_as_mteb(run, data.qrels) if task.evaluator == "mteb" else official_per_query(run, data)


def measure(
    task: Task,
    data: TaskData,
    rankings: Rankings,
    warnings: Sequence[str],
    where_from: Mapping[str, Any],
    *,
    collapsed: bool,
) -> Scored:
    """Score a task's rankings, in both readings.

    Args:
        task: as declared.
        data: its judgements.
        rankings: of its queries.
        warnings: all that a reader must know.
        where_from: provenance.
        collapsed: whether the vectors of a side were practically all alike.

    Raises:
        DataError: a metric is not finite.
    """
    exact = per_query(rankings.exact, data.qrels)
    official = _official(task, data, rankings.official)
    metrics, means = exact.means(), official.means()
    for name, value in [*metrics.items(), *means.items()]:
        if not math.isfinite(value):
            raise DataError(f"{task.id}: {name} is {value}, no number to keep; look at the grades of its judgements")
    differing = {name: value for name, value in means.items() if abs(value - metrics[name]) > 1e-12}
    marks = {Mark.OTHER_DATA: data.other_data, Mark.COLLAPSED: collapsed}
    reading = official if task.metric in differing else exact
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
        n_ties=len(rankings.official.tied),
        limit=task.limit,
        sampled=_sampled(task, data, reading.values[task.metric]),
        marks=tuple(mark for mark, holds in marks.items() if holds),
        warnings=list(warnings),
        provenance=dict(where_from),
    )
    ids = [str(query_id) for query_id in exact.query_ids]
    return Scored(result, rankings.official, QueryScores(ids, reading.values[task.metric], exact.values[task.metric]))


def _sampled(task: Task, data: TaskData, values: NDArray[np.float64]) -> Sampled | None:
    """What the scores of a random sample tell of the whole task, values of shape (queries,)."""
    if data.whole is None or task.limit is None or task.limit.how == "first":
        return None
    whole = data.whole
    return Sampled(
        n_queries=whole.n_queries, error=standard_error(values, whole.n_queries), judgements=whole.judgements
    )


def _of_model(model: Embedder | Pipelined, task: Task, queries: Embedded, candidates: Embedded) -> list[str]:
    """What is odd about a model's checkpoint, and how much of the task is longer than it reads."""
    said = list(model.notes()) if isinstance(model, Reporting) else []
    for side, embedded in zip(Side, (queries, candidates), strict=True):
        if embedded.n_cut:
            said.append(
                f"{task.id}: {side} texts that {_name(model)} reads cut short, to fit its length: {embedded.n_cut} of"
                f" {len(embedded.vectors)}"
            )
    return said


def short_of_memory(budget: int | None, asked: int) -> list[str]:
    """What to say where batches were smaller than was asked for."""
    if budget is None or budget == asked:
        return []
    return [
        f"the device ran out of memory with runtime.tokens_per_batch={asked}; batches were halved to {budget} tokens"
    ]


def describe(model: Embedder | Pipelined) -> Mapping[str, Any]:
    """What a model says of itself; of one that says nothing, its class."""
    return model.provenance() if isinstance(model, Pipelined) else {"name": _name(model)}


def _name(model: Embedder | Pipelined) -> str:
    return str(model.provenance()["name"]) if isinstance(model, Pipelined) else type(model).__qualname__


def provenance_of(
    loaded: LoadedTask,
    described: Mapping[str, Any],
    prompts: tuple[str | None, str | None],
    spent: Spent,
    n_made: int,
) -> dict[str, Any]:
    """Where a score comes from.

    Args:
        loaded: the task and its data.
        described: what the model says of itself.
        prompts: the first of a query, and of a candidate.
        spent: on its vectors, or the scores of its pairs.
        n_made: how many of these there are.
    """
    task, data = loaded.task, loaded.data
    return {
        "fingerprint": provenance.fingerprint(task, loaded.content, described),
        "model": dict(described),
        "dataset": {
            "source": task.source.kind,
            **({"root": str(task.source.root)} if task.source.root else {}),
            "repo": task.dataset.repo,
            "revision": data.revision,
            "content": loaded.content,
            "judgements": judgements(data),
            **({"media": dict(data.media)} if data.media else {}),
            **({"video_decoders": list(loaded.decoders)} if loaded.decoders else {}),
        },
        "versions": list(task.versions),
        "frames": task.frames,
        "instruction": task.instruction.model_dump(),
        "options": dict(task.options),
        "prompts": {"query": prompts[0], "candidate": prompts[1]},
        "software": provenance.software(),
        "machine": provenance.machine(),
        "embedding": _speed(spent, n_made),
    }


def _speed(spent: Spent, items: int) -> dict[str, float]:
    seconds, tokens = spent.seconds, spent.tokens
    return {
        "seconds": round(seconds, 3),
        "model_seconds": round(spent.model_seconds, 3),
        "items": items,
        "computed": spent.items,
        "tokens": tokens,
        "items_per_second": round(spent.items / seconds, 2) if spent.items else 0.0,
        "tokens_per_second": round(tokens / seconds, 1) if spent.items else 0.0,
        "padding_share": round(spent.padding / (tokens + spent.padding), 4) if tokens else 0.0,
    }

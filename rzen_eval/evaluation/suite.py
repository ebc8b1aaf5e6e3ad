"""A suite of tasks in this process, beside whatever else the model is used for."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rzen_eval.data.load import load
from rzen_eval.engine.embed import collect
from rzen_eval.engine.peers import Peers, embed_together
from rzen_eval.engine.picture_loader import Loader
from rzen_eval.engine.plan import Plan, both_sides
from rzen_eval.engine.vector_store import VectorStore
from rzen_eval.errors import RzenEvalError
from rzen_eval.evaluation import kept_results
from rzen_eval.evaluation.arguments import told_of_sample
from rzen_eval.evaluation.progress import Progress
from rzen_eval.evaluation.score import describe, finish
from rzen_eval.evaluation.suite_result import SuiteResult
from rzen_eval.models.external.in_memory import pipelined
from rzen_eval.models.undisturbed import undisturbed
from rzen_eval.results import protocol
from rzen_eval.results import store as records

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rzen_eval.core import Embedder, Result, Task
    from rzen_eval.data.load import LoadedTask
    from rzen_eval.engine.settings import Runtime
    from rzen_eval.models.interface import Pipelined


def score_suite(
    suite: str,
    tasks: Mapping[str, Task],
    model: Embedder | Pipelined,
    runtime: Runtime,
    results_dir: Path | None = None,
) -> SuiteResult:
    """Score a model on tasks, with all vectors in memory; items that tasks share are embedded once.

    Where `torch.distributed` is set up, every process has to call this: each embeds its share of the items, the first
    one ranks and scores, and all get the result. Each needs the whole model; weights that are cut up between processes
    (FSDP) would wait for each other.

    Args:
        suite: what to call the tasks together.
        tasks: by id.
        model: anything with `embed(items, side)`.
        runtime: of the engine.
        results_dir: where results are written, in a folder of the model's name; None: nowhere.

    Raises:
        RzenEvalError: every task failed; the first one's error.
        ResultError: results cannot be written, or would replace better ones.
    """
    began = time.perf_counter()
    scoring = _Scoring(pipelined(model), runtime, Peers.here(), VectorStore(None))
    folder = results_dir / model_name(model) if results_dir else None
    progress = Progress(runtime.progress if scoring.peers.first else "quiet")
    if folder and scoring.peers.first:
        described = describe(scoring.model)
        identity = protocol.identity_of({"model": described})
        others = kept_results.of_others(folder, tasks, identity, "results_dir")
        for line in filter(None, (others, kept_results.of_unknown(folder, tasks, described))):
            progress.warn(line)
    results: dict[str, Result] = {}
    errors: dict[str, RzenEvalError] = {}
    with undisturbed(model), Loader(runtime.loaders()) as loader:
        for task in tasks.values():
            try:
                scored = scoring.of(task, loader, progress, folder)
            except RzenEvalError as error:
                errors[task.id] = error
                progress.failed(task.id, str(error))
            else:
                if scored is not None:
                    results[task.id] = scored
                    progress.scored(scored, kept=False)
    # Others than the first know of no score, and of failures only their own.
    results, errors = scoring.peers.of_first((results, errors) if scoring.peers.first else None)
    if errors and not results:
        raise next(iter(errors.values()))
    failed = {task: str(error) for task, error in errors.items()}
    groups = {task.id: task.group for task in tasks.values()}
    return SuiteResult(suite, results, groups, failed, time.perf_counter() - began)


def model_name(model: Embedder | Pipelined) -> str:
    """What a model's folder of results is called."""
    return re.sub(r"[^\w.+-]", "_", str(describe(pipelined(model))["name"]))


@dataclass(frozen=True, slots=True)
class _Scoring:
    model: Pipelined
    runtime: Runtime
    peers: Peers
    store: VectorStore

    def of(self, task: Task, loader: Loader, progress: Progress, folder: Path | None) -> Result | None:
        """The result of a task; in another process than the first, nothing.

        Raises:
            RzenEvalError: the task failed, in this process or in the first.
        """
        plan = Plan(self.model, self.store, self.runtime.tokens_per_batch or self.model.tokens_per_batch)
        loaded: LoadedTask | None = None
        try:
            loaded = load(task)
            if folder is not None and self.peers.first:
                kept_results.refuse_lesser(folder, loaded)
            plan.add(*(sides := both_sides(task.id, loaded.data)))
        except RzenEvalError as error:
            # Still its turn with the others: they wait for it.
            plan.failed[task.id] = error
        progress.begin(plan.n_items)
        embed_together(
            plan,
            self.model,
            loader,
            self.peers,
            lambda step: progress.step(task.name, step.items, step.tokens),
            say=progress.say,
        )
        progress.end()
        if loaded is None or not self.peers.first:
            return None
        scored = finish(
            loaded,
            self.model,
            *(collect(plan, side) for side in sides),
            tokens_per_batch=plan.tokens_per_batch,
            rank_device=self.runtime.rank_device,
        )
        result = told_of_sample(scored.result)
        if folder is not None:
            records.write(folder, result, scored.run, scored.queries)
        return result

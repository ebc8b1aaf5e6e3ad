"""A second stage: the candidates that an embedding run ranked first, scored again with their query by another model."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rzen_eval.core import Run
from rzen_eval.data.load import load
from rzen_eval.engine.pair_plan import PairPlan, pairs_of
from rzen_eval.engine.ranks import Rank
from rzen_eval.engine.start import on_device, opened
from rzen_eval.engine.vector_store import VectorStore
from rzen_eval.errors import ModelError
from rzen_eval.evaluation import kept_results, known_models, provenance
from rzen_eval.evaluation.attempts import Attempts
from rzen_eval.evaluation.first_stage import FirstStage, first_stage
from rzen_eval.evaluation.rankings import Rankings
from rzen_eval.evaluation.score import measure, provenance_of, short_of_memory
from rzen_eval.evaluation.session import Outcome, note_model
from rzen_eval.models import open_reranker
from rzen_eval.models.interface import Pairwise, Reporting
from rzen_eval.results import protocol
from rzen_eval.results import store as records

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from rzen_eval.config.schema import RunConfig
    from rzen_eval.core import Result, Task
    from rzen_eval.data.load import LoadedTask
    from rzen_eval.engine.inline import Engine
    from rzen_eval.engine.pair_plan import TaskPairs
    from rzen_eval.evaluation.progress import Progress
    from rzen_eval.evaluation.score import Scored
    from rzen_eval.models.declaration.local import Declared

TIED = 10
"""Places among which, and at whose edge, equal scores count as ties."""


@dataclass(frozen=True, slots=True)
class Stages:
    """What is scored again, and how far."""

    folder: Path
    """Results of the first stage."""
    model: str
    """Its name."""
    top_k: int
    """Candidates a query."""
    reranker: Declared

    @property
    def name(self) -> str:
        """Of the pair, which names the folder of its results."""
        return f"{self.model}+{self.reranker.name}"


def rerank(config: RunConfig, stages: Stages, progress: Progress) -> Outcome:
    """Score every task of a configuration again; what is finished is kept, what fails is reported, the rest goes on.

    A pair that was scored before by the same model is not scored again, whatever run or `top_k` it was for.

    Args:
        config: tasks, data and runtime.
        stages: the first stage's results and the second stage's model.
        progress: told of every batch and task.

    Returns:
        Results and failures; of a rank that is not the first, nothing.

    Raises:
        ModelError: the reranker cannot be loaded as declared.
    """
    rank = Rank.of_environment()
    spec = stages.reranker
    if rank.world > 1:
        import torch

        spec = on_device(spec, torch.cuda.device_count(), rank.local)
    described, model = known_models.recalled(spec, config.cache_dir), None
    if described is None:
        model = open_reranker(spec, config.cache_dir)
        described = model.provenance()
        known_models.note(spec, config.cache_dir, described)
    session = _Session(progress, config, stages, described, first=rank.rank == 0)
    session.read()
    session.warn()
    if session.works:
        with kept_results.writable(session.folder) if session.first else contextlib.nullcontext():
            kept = kept_scores(config, spec, described, progress)
            note_model(kept, described)
            model = model or open_reranker(spec, config.cache_dir)
            with opened(config.runtime, spec, model, kept, rank=rank, cache_dir=config.cache_dir) as engine:
                session.score(engine, kept, model)
    results = session.results
    return Outcome({name: results[name] for name in config.tasks if name in results}, session.failed)


def kept_scores(config: RunConfig, spec: Declared, described: Mapping[str, Any], progress: Progress) -> VectorStore:
    """Where scores of pairs are kept, in float32 always; in memory alone with `runtime.store=null`.

    Args:
        config: of the run.
        spec: the reranker.
        described: what it says of itself.
        progress: told of what is put aside.
    """
    if config.runtime.store is None:
        return VectorStore(None)
    name, _ = provenance.embedding(described)
    return VectorStore(config.cache_dir / "vectors" / f"{spec.name}-{name}-float32", "float32", progress.say)


@dataclass(frozen=True, slots=True)
class _Work:
    """A task with its data, its first stage and its pairs."""

    loaded: LoadedTask
    first: FirstStage
    pairs: TaskPairs


@dataclass
class _Session(Attempts):
    config: RunConfig
    stages: Stages
    described: Mapping[str, Any]
    """What the reranker says of itself."""
    first: bool
    """Whether this process ranks and reports; others only score pairs."""
    works: dict[str, _Work] = field(default_factory=dict)
    """What has neither a result nor an error."""

    @property
    def folder(self) -> Path:
        """Where results go."""
        return self.config.results_dir / self.stages.name

    def read(self) -> None:
        """Data and first stage of every task, and results that are there already."""
        for task in self.config.tasks.values():
            with self.attempt(task.id):
                loaded = load(task)
                first = first_stage(self.stages.folder, loaded, self.stages.top_k)
                kept = self._kept(loaded, first)
                if kept is not None:
                    self.results[task.id] = kept
                    self.progress.scored(kept, kept=True)
                else:
                    self.works[task.id] = _Work(loaded, first, pairs_of(task.id, loaded.data, first.listed))

    def warn(self) -> None:
        """Say which results of another first stage, reranker or `top_k` lie where these go."""
        for work in list(self.works.values())[:1] if self.first else ():
            now = protocol.identity_of(self._where_from(work.first))
            if others := kept_results.of_others(self.folder, self.config.tasks, now, "reranker.name"):
                self.progress.warn(others)

    def _where_from(self, first: FirstStage) -> dict[str, Any]:
        """What a result says of both stages."""
        reranker = {key: value for key, value in self.described.items() if key != "reproduces"}
        told = {**first.provenance, "name": self.stages.model}
        model = {**told.pop("model"), "name": self.stages.name}
        second = {"reranker": reranker, "top_k": self.stages.top_k, "first_stage": told}
        return {"model": model, "second_stage": second}

    def _kept(self, loaded: LoadedTask, first: FirstStage) -> Result | None:
        if not (self.folder / f"{loaded.task.id}.json").is_file():
            return None
        return kept_results.kept(self.folder, loaded, self._model(first), self.progress.say)

    def _model(self, first: FirstStage) -> dict[str, Any]:
        """Everything of both stages that can change a result."""
        return {**self.described, "name": self.stages.name, "top_k": self.stages.top_k, "first_stage": first.provenance}

    def score(self, engine: Engine, kept: VectorStore, model: Pairwise) -> None:
        """Score what is left, and rank each task when its pairs are there."""
        kept.refresh()
        plan = PairPlan(model, kept, self.config.runtime.tokens_per_batch or model.tokens_per_batch)
        for name, work in list(self.works.items()):
            with self.attempt(name):
                plan.add(work.pairs)
        left = {name: work for name, work in self.works.items() if name not in self.failed}
        titles = {name: work.loaded.task.name for name, work in left.items()}
        for name in self.complete(plan, engine.run(plan), titles):
            self._finish(left[name], plan)
        for name, error in plan.failed.items():
            self.fail(name, str(error))

    def _finish(self, work: _Work, plan: PairPlan) -> None:
        """Rank a task by the scores of its pairs."""
        task = work.loaded.task
        if not self.first or task.id in self.failed:
            return
        with self.attempt(task.id):
            scored = self._scored(work, plan)
            records.write(self.folder, scored.result, scored.run, scored.queries)
            self.results[task.id] = scored.result
            self.progress.scored(scored.result, kept=False)

    def _scored(self, work: _Work, plan: PairPlan) -> Scored:
        task, data, pairs = work.loaded.task, work.loaded.data, work.pairs
        scores = np.array([row[0, 0] for row in plan.store.get(pairs.keys)], dtype=np.float32)
        run = ranked(work.first.listed, scores, self.stages.name)
        flat = len(scores) > 1 and bool((scores == scores[0]).all())
        notes = plan.model.notes() if isinstance(plan.model, Reporting) else ()
        warnings = [*data.warnings, *work.first.warnings, *notes, *_odd(task, run, flat=flat)]
        warnings += short_of_memory(pairs.spent.budget, plan.tokens_per_batch)
        model = self._model(work.first)
        where_from = provenance_of(
            work.loaded, model, (pairs.first_prompt, pairs.candidate_prompt), pairs.spent, len(scores)
        )
        where_from |= self._where_from(work.first)
        # Grades stay with their candidates: what the reranker's authors make of them depends on Python's hash seed.
        aligned = replace(data, integer_ids=False)
        return measure(task, aligned, Rankings(run, run), warnings, where_from, collapsed=flat)


def ranked(listed: Mapping[str, Sequence[str]], scores: NDArray[np.float32], who: str) -> Run:
    """Candidates of each query by their new scores, equal ones in the order of the first stage.

    Args:
        listed: candidates of each query as the first stage ranked them.
        scores: of all of them, query after query: (pairs,).
        who: the model, for messages.

    Raises:
        ModelError: a score is not a number.
    """
    ranking: dict[str, list[str]] = {}
    kept: dict[str, list[float]] = {}
    tied = []
    start = 0
    for query, names in listed.items():
        own = scores[start : start + len(names)]
        start += len(names)
        if not np.isfinite(own).all():
            place = int(np.argmin(np.isfinite(own)))
            raise ModelError(f"{who}: query {query!r} with candidate {names[place]!r} has the score {own[place]}")
        order = np.argsort(-own, kind="stable")
        ranking[query] = [names[place] for place in order]
        best = own[order]
        kept[query] = best.tolist()
        if (best[1:][:TIED] == best[:-1][:TIED]).any():
            tied.append(query)
    return Run(ranking, kept, tied)


def _odd(task: Task, run: Run, *, flat: bool) -> list[str]:
    """What a reader must know of scores that do not tell candidates apart."""
    if flat:
        return [f"{task.id}: collapsed: the reranker gives every pair the same score, so the first stage's order stays"]
    if len(run.tied) > len(run.ranking) / 2:
        return [
            f"{task.id}: {len(run.tied)} of {len(run.ranking)} queries have ties in the first ten, left as they were"
        ]
    return []

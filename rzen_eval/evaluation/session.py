"""A run over many tasks: what is finished is kept, what fails is reported, the rest goes on."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rzen_eval.data.commands import command
from rzen_eval.data.load import load
from rzen_eval.engine.company import Company
from rzen_eval.engine.embed import collect
from rzen_eval.engine.plan import Plan, both_sides
from rzen_eval.engine.ranks import Rank
from rzen_eval.engine.start import on_device, opened
from rzen_eval.engine.vector_store import VectorStore
from rzen_eval.errors import AbsentError, RzenEvalError, some
from rzen_eval.evaluation import kept_results, known_models, provenance
from rzen_eval.evaluation.attempts import Attempts
from rzen_eval.evaluation.score import describe, finish
from rzen_eval.models import open_model
from rzen_eval.models.device import need_rank_device
from rzen_eval.results import protocol
from rzen_eval.results import store as records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from rzen_eval.config.schema import RunConfig
    from rzen_eval.core import Result, Task
    from rzen_eval.data.load import LoadedTask
    from rzen_eval.engine.inline import Engine
    from rzen_eval.engine.plan import TaskSide
    from rzen_eval.evaluation.progress import Progress
    from rzen_eval.models.declaration.local import Declared
    from rzen_eval.models.interface import Model


@dataclass(slots=True)
class Outcome:
    """What became of each task of a run."""

    results: dict[str, Result] = field(default_factory=dict)
    """By task id, in the order of the run; kept results of earlier runs included."""
    failed: dict[str, str] = field(default_factory=dict)
    """The error of each task that failed, by task id."""
    absent: Sequence[str] = ()
    """Ids of the tasks, more than one, whose data are not on this machine; they are among those that failed."""


def run(config: RunConfig, progress: Progress) -> Outcome:
    """Score every task of a configuration.

    A task whose result is there already, made of the same data, model, settings and code, is not scored
    again. A task that fails is said at once and does not stop the others.

    Args:
        config: what to run.
        progress: told of every batch and task.

    Returns:
        Results and failures; of a rank that is not the first, nothing.

    Raises:
        ModelError: the checkpoint cannot be loaded as declared, so no task can be scored.
        ConfigError: `runtime.rank_device` is not there.
    """
    rank = Rank.of_environment()
    spec = config.model if rank.world == 1 else _of_rank(config.model, rank)
    described, model = known_models.recalled(spec, config.cache_dir), None
    if described is None:
        model = open_model(spec, config.cache_dir)
        described = describe(model)
        known_models.note(spec, config.cache_dir, described)
    session = _Session(progress, config, described, rank.rank == 0)
    identity = protocol.identity_of({"model": described})
    if session.first and (others := kept_results.of_others(session.folder, config.tasks, identity)):
        progress.warn(others)
    if session.first:
        kept_results.tidy(session.folder, config.cache_dir)
    session.take_kept()
    if session.pending():
        need_rank_device(config.runtime.rank_device)
        writable = kept_results.writable(session.folder) if session.first else contextlib.nullcontext()
        with writable:
            store = kept_vectors(config, described, progress.say)
            note_model(store, described)
            model = model or open_model(spec, config.cache_dir)
            with opened(config.runtime, spec, model, store, rank=rank, cache_dir=config.cache_dir) as engine:
                session.score(engine, store, model)
    results = session.results
    kept = {name: results[name] for name in config.tasks if name in results}
    return Outcome(kept, session.failed, session.absent if len(session.absent) > 1 else ())


def _of_rank(spec: Declared, rank: Rank) -> Declared:
    """The declaration with the GPU of one of several ranks."""
    import torch

    return on_device(spec, torch.cuda.device_count(), rank.local)


@dataclass
class _Session(Attempts):
    config: RunConfig
    described: Mapping[str, Any]
    first: bool
    """Whether this process scores and reports; others only embed."""
    absent: list[str] = field(default_factory=list)
    """Tasks whose data are not on this machine, which are failures that are said together."""
    announced: set[str] = field(default_factory=set)
    """Those of them that have been said."""
    loaded: dict[str, LoadedTask] = field(default_factory=dict)
    """Tasks that are not scored yet, as far as their data have been asked for."""

    @property
    def folder(self) -> Path:
        """Where results go."""
        return self.config.results_dir / self.config.model.name

    def pending(self) -> list[Task]:
        """Tasks that have neither a result nor an error."""
        return [task for task in self.config.tasks.values() if task.id not in {*self.results, *self.failed}]

    def take_kept(self) -> None:
        """Results of earlier runs."""
        for task in self.config.tasks.values():
            if not (self.folder / f"{task.id}.json").is_file():
                continue
            with self.attempt(task.id):
                result = kept_results.kept_unread(self.folder, task, self.described)
                if result is None:
                    loaded = load(task)
                    result = kept_results.kept(self.folder, loaded, self.described, self.progress.say)
                    if result is None:
                        self.loaded[task.id] = loaded
                        continue
                self.results[task.id] = result
                self.progress.scored(result, kept=True)

    def score(self, engine: Engine, store: VectorStore, model: Model) -> None:
        """Embed and score what is pending.

        Items that tasks share are embedded for the first of them; if that one fails, a second pass does them for
        the others.
        """
        with Company(None if Rank.of_environment().world > 1 else store.folder) as company:
            while tasks := self.pending():
                store.refresh()
                budget = self.config.runtime.tokens_per_batch or model.tokens_per_batch
                plan = Plan(model, store, budget, begin=company.place)
                works = self._planned(plan, tasks)
                self._say_absent()
                titles = {name: work.loaded.task.name for name, work in works.items()}
                for name in self.complete(plan, company.watching(engine.run(plan)), titles):
                    self._finish(works.pop(name), model)  # and let go of its judgements and pools
                    plan.let_go(name)
                if not self.first:
                    return
                self._fail_what_is_stuck(plan, tasks)

    def _fail_what_is_stuck(self, plan: Plan, tasks: Sequence[Task]) -> None:
        """After a pass over tasks: those whose items could not be made again, and all if it has come to nothing."""
        for name, error in plan.failed.items():
            self.fail(name, str(error))
        if len(self.pending()) == len(tasks):
            for task in tasks:
                self.fail(task.id, "not all of its vectors were made and nothing says why; please report it")

    def _planned(self, plan: Plan, tasks: Iterable[Task]) -> dict[str, _Work]:
        works = {}
        for task in tasks:
            with self.attempt(task.id):
                loaded = self.loaded[task.id] = self.loaded.get(task.id) or load(task)
                sides = both_sides(task.id, loaded.data)
                plan.add(*sides)
                works[task.id] = _Work(loaded, plan, sides)
        return works

    def _finish(self, work: _Work, model: Model) -> None:
        """Score a task whose vectors are all there, unless one of them was left to a task that failed."""
        task = work.loaded.task
        if not self.first or not work.complete or task.id in self.failed:
            return
        with self.attempt(task.id):
            scored = finish(
                work.loaded,
                model,
                *(collect(work.plan, part) for part in work.sides),  # held by nobody while results are written
                tokens_per_batch=work.plan.tokens_per_batch,
                rank_device=self.config.runtime.rank_device,
            )
            records.write(self.folder, scored.result, scored.run, scored.queries)
            self.results[task.id] = scored.result
            del self.loaded[task.id]
        if task.id in self.results:
            self.progress.scored(self.results[task.id], kept=False)

    def refused(self, task: str, error: RzenEvalError) -> None:
        """As `Attempts`; what is not on this machine is said later, of all tasks together."""
        if isinstance(error, AbsentError):
            self.failed.setdefault(task, str(error))
            self.absent.append(task)
        else:
            super().refused(task, error)

    def _say_absent(self) -> None:
        """One line on all tasks that are not here; what is to be done about a single one is said of it."""
        news = [name for name in self.absent if name not in self.announced]
        self.announced.update(news)
        if len(news) > 1:
            self.progress.absent(news, absent_line([self.config.tasks[name] for name in news]))
        for name in news if len(news) == 1 else ():
            self.progress.failed(name, self.failed[name])


def absent_line(tasks: Sequence[Task]) -> str:
    """What is said of tasks whose data are not on this machine."""
    where = f"under data.root={tasks[0].source.root}" if tasks[0].source.root else "on this machine"
    return (
        f"{len(tasks)} tasks are not {where}: {some([task.id for task in tasks])};"
        f" `{command('plan', tasks)}` lists what they need, task=available takes what is there"
    )


@dataclass(frozen=True, slots=True)
class _Work:
    """A task with its data and its place in the plan."""

    loaded: LoadedTask
    plan: Plan
    sides: tuple[TaskSide, TaskSide]

    @property
    def complete(self) -> bool:
        """Whether every vector is there."""
        return all(key in self.plan.store for part in self.sides for key in part.keys)


def kept_vectors(config: RunConfig, described: Mapping[str, Any], say: Callable[[str], None]) -> VectorStore:
    """Where a run keeps its model's vectors; in memory alone with `runtime.store=null`.

    Args:
        config: of the run.
        described: provenance of the model.
        say: told of what is put aside.
    """
    if config.runtime.store is None:
        return VectorStore(None)
    name, _ = provenance.embedding(described)
    folder = config.cache_dir / "vectors" / f"{config.model.name}-{name}-{config.runtime.store}"
    return VectorStore(folder, config.runtime.store, say)


def note_model(store: VectorStore, described: Mapping[str, Any]) -> None:
    """Write beside vectors what made them, for a person who looks."""
    if store.folder is None:
        return
    with contextlib.suppress(OSError):
        store.folder.mkdir(parents=True, exist_ok=True)
        (store.folder / "model.json").write_text(json.dumps(provenance.embedding(described)[1], indent=2) + "\n")

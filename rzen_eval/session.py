"""A run over many tasks: what is finished is kept, what fails is reported, the rest goes on."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from rzen_eval import provenance
from rzen_eval.data.load import content, load_data
from rzen_eval.engine.loader import Loader
from rzen_eval.engine.store import VectorStore
from rzen_eval.errors import ResultError, RzenEvalError
from rzen_eval.models import open_model
from rzen_eval.models.resources import share_cores
from rzen_eval.results import records
from rzen_eval.scoring import Scored, describe, score

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from rzen_eval.config import RunConfig
    from rzen_eval.core import Result, Task
    from rzen_eval.models.qwen2_vl import Qwen2VL


@dataclass(slots=True)
class Outcome:
    """What became of each task of a run."""

    results: dict[str, Result] = field(default_factory=dict)
    """By task id, in the order of the run; kept results of earlier runs included."""
    failed: dict[str, str] = field(default_factory=dict)
    """The error of each task that failed, by the leaderboard's name."""


def run(config: RunConfig, say: Callable[[str], None]) -> Outcome:
    """Score every task of a configuration.

    A task whose result is there already, made of the same data, model, settings and code, is not scored
    again. A task that fails is said at once and does not stop the others.

    Args:
        config: what to run.
        say: called with a line after each task.

    Returns:
        Results and failures.

    Raises:
        ModelError: the checkpoint cannot be loaded as declared, so no task can be scored.
    """
    outcome = Outcome()
    model = open_model(config.model, config.cache_dir)
    described = describe(model)
    folder = config.results_dir / config.model.name

    def failed(task: Task, error: RzenEvalError) -> None:
        outcome.failed[task.name] = str(error)
        say(f"failed: {error}")

    pending = []
    for task in config.tasks.values():
        try:
            if result := _kept(folder, task, described):
                outcome.results[task.id] = result
                say(f"{task.name}: {_line(result)}, kept from an earlier run")
            else:
                _guard(folder, task)
                pending.append(task)
        except RzenEvalError as error:
            failed(task, error)
    if pending:
        share_cores(config.runtime.n_workers)
        model.load()
    store = _store(config, described, say) if config.runtime.store else None
    with Loader(config.runtime.n_workers if pending else 0) as loader:
        for task in pending:
            try:
                scored = _score(task, model, loader, config.runtime.tokens_per_batch, store)
                records.write(folder, scored.result, scored.run)
            except RzenEvalError as error:
                failed(task, error)
                continue
            outcome.results[task.id] = result = scored.result
            say(f"{task.name}: {_line(result)}, {result.provenance['embedding']['seconds']:.1f} s")
            for warning in result.warnings:
                say(f"  warning: {warning}")
    return outcome


def _kept(folder: Path, task: Task, described: Mapping[str, Any]) -> Result | None:
    """The result of an earlier run, if everything that could change it is as it was then."""
    if not (folder / f"{task.id}.json").is_file():
        return None
    mark = provenance.fingerprint(task, content(task, load_data(task)), described)
    return records.finished(folder, task.id, mark)


def _store(config: RunConfig, described: Mapping[str, Any], say: Callable[[str], None]) -> VectorStore:
    """The folder of this model's vectors, with a note beside them that says what made them."""
    name, made_by = provenance.embedding(described)
    folder = config.cache_dir / "vectors" / f"{config.model.name}-{name}-{config.runtime.store}"
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.json").write_text(json.dumps(made_by, indent=2) + "\n")
    return VectorStore(folder, config.runtime.store or "float32", say)


def _score(task: Task, model: Qwen2VL, loader: Loader, tokens_per_batch: int, store: VectorStore | None) -> Scored:
    with tqdm(desc=task.name, unit=" items", disable=None, leave=False) as bar:

        def advance(items: int, _tokens: int) -> None:
            bar.update(items)

        return score(task, model, loader, tokens_per_batch=tokens_per_batch, store=store, progress=advance)


def _guard(folder: Path, task: Task) -> None:
    """Refuse to replace a result by a lesser one, found out before hours are spent on it."""
    file = folder / f"{task.id}.json"
    if not file.is_file():
        return
    try:
        there = records.read(file)
    except ResultError:
        return
    made_of = there.provenance.get("dataset", {}).get("source")
    if task.limit is not None and there.limit is None:
        lesser = f"a score of the first {task.limit} queries"
    elif task.source.kind == "sample" and made_of != "sample":
        lesser = "a score on the bundled sample"
    else:
        return
    raise ResultError(
        f"{task.id}: {file} holds a full result on data={made_of}, which {lesser} would replace;"
        " give results_dir=FOLDER"
    )


def _line(result: Result) -> str:
    return f"{result.metric} {100 * result.score:.2f}, {result.n_queries} queries, {result.n_candidates} candidates"

"""A run over many tasks: what is finished is kept, what fails is reported, the rest goes on."""

from __future__ import annotations

import contextlib
import json
import tempfile
import traceback
from dataclasses import dataclass, field
from functools import partial
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
from rzen_eval.results.table import foreign
from rzen_eval.scoring import describe, score

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from rzen_eval.config import RunConfig
    from rzen_eval.core import Result, Task, TaskData
    from rzen_eval.models.qwen2_vl import Qwen2VL


@dataclass(slots=True)
class Outcome:
    """What became of each task of a run."""

    results: dict[str, Result] = field(default_factory=dict)
    """By task id, in the order of the run; kept results of earlier runs included."""
    failed: dict[str, str] = field(default_factory=dict)
    """The error of each task that failed, by task id."""


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
    model = open_model(config.model, config.cache_dir)
    described = describe(model)
    folder = config.results_dir / config.model.name
    found: dict[str, Result] = {}
    failed: dict[str, str] = {}

    def attempt(task: Task, work: Callable[[], Result | None]) -> Result | None:
        """Do one task's work; whatever goes wrong with it is its own affair."""
        try:
            return work()
        except RzenEvalError as error:
            message = str(error)
        except Exception as error:  # noqa: BLE001 - a mistake of ours in one task must not cost the others
            say(traceback.format_exc())
            message = f"internal error, please report it with the lines above: {type(error).__name__}: {error}"
        failed[task.id] = message if message.startswith(task.id) else f"{task.id}: {message}"
        say(f"failed: {failed[task.id]}")
        return None

    for task in config.tasks.values():
        if result := attempt(task, partial(_kept, folder, task, described)):
            found[task.id] = result
            say(f"{task.name}: {_line(result)}, kept from an earlier run")
    pending = [task for task in config.tasks.values() if task.id not in {*found, *failed}]
    if pending:
        _writable(folder)
        share_cores(model.device, config.runtime.n_workers)
        model.load()
    store = _store(config, described, say) if pending else None
    with Loader(config.runtime.n_workers if pending else 0) as loader:
        for task in pending:
            if result := attempt(task, partial(_score, config, task, model, loader, store)):
                found[task.id] = result
                say(f"{task.name}: {_line(result)}, {result.provenance['embedding']['seconds']:.1f} s")
                for warning in result.warnings:
                    say(f"  warning: {warning}")
    return Outcome({name: found[name] for name in config.tasks if name in found}, failed)


def _kept(folder: Path, task: Task, described: Mapping[str, Any]) -> Result | None:
    """The result of an earlier run, if everything that could change it is as it was then."""
    if not (folder / f"{task.id}.json").is_file():
        return None
    data = load_data(task)
    result = records.finished(folder, task.id, provenance.fingerprint(task, content(task, data), described))
    if result is None:
        _guard(folder, task, data)
    return result


def _writable(folder: Path) -> None:
    """Find out now, and not after hours of work, that results cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ResultError(f"results cannot be written to {folder} ({error}); give results_dir=FOLDER") from error


def _score(config: RunConfig, task: Task, model: Qwen2VL, loader: Loader, store: VectorStore | None) -> Result:
    with tqdm(desc=task.name, unit=" items", disable=None, leave=False) as bar:

        def advance(items: int) -> None:
            bar.update(items)

        scored = score(
            task,
            model,
            loader,
            tokens_per_batch=config.runtime.tokens_per_batch,
            rank_device=config.runtime.rank_device,
            store=store,
            progress=advance,
        )
    records.write(config.results_dir / config.model.name, scored.result, scored.run)
    return scored.result


def _store(config: RunConfig, described: Mapping[str, Any], say: Callable[[str], None]) -> VectorStore | None:
    """The folder of this model's vectors, with a note beside them that says what made them; None if none are kept."""
    if config.runtime.store is None:
        return None
    name, made_by = provenance.embedding(described)
    folder = config.cache_dir / "vectors" / f"{config.model.name}-{name}-{config.runtime.store}"
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.json").write_text(json.dumps(made_by, indent=2) + "\n")
    return VectorStore(folder, config.runtime.store, say)


def _guard(folder: Path, task: Task, data: TaskData) -> None:
    """Refuse to replace a full result of real data by a lesser one, before hours are spent on it."""
    file = folder / f"{task.id}.json"
    try:
        there = records.read(file)
    except ResultError:
        return
    made_of = there.provenance.get("dataset", {}).get("source")
    if there.limit is None and task.limit is not None:
        lesser = f"a score of the first {task.limit} queries"
    elif there.limit is None and made_of != "sample" and task.source.kind == "sample":
        lesser = "a score on the bundled sample"
    elif there.limit is None and not foreign(there.warnings) and foreign(data.warnings):
        lesser = "a score on other data than the benchmark's"
    else:
        return
    raise ResultError(
        f"{task.id}: {file} holds a full result on data={made_of}, which {lesser} would replace;"
        " give results_dir=FOLDER"
    )


def _line(result: Result) -> str:
    return f"{result.metric} {100 * result.score:.2f}, {result.n_queries} queries, {result.n_candidates} candidates"

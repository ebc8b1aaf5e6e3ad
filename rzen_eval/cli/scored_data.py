"""Where the data are that results were made of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.benchmark.places import choices, folders
from rzen_eval.errors import ConfigError, some

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.config.schema import RunConfig
    from rzen_eval.core import Task
    from rzen_eval.results.store import ModelResults


def tasks_of(
    models: Sequence[ModelResults], settings: Sequence[str], places: Sequence[Path]
) -> tuple[RunConfig, list[str]]:
    """The declarations of the tasks that there are results of, and their ids in the order of the benchmark.

    Raises:
        ConfigError: there are no results of the tasks that the settings choose.
    """
    from rzen_eval.config import compose

    ids = {task_id: None for model in models for task_id in model.results}
    if not any(word.startswith("task=") for word in settings):
        known = {name.rpartition("/")[2]: name for name in choices("task", folders(places))}
        names = [known[task_id] for task_id in ids if task_id in known]
        composed = compose.load([f"task=[{','.join(names)}]", *settings] if names else settings, places)
        order = [*manifest().entries, *ids]
        return composed, sorted(ids, key=order.index)
    composed = compose.load(settings, places)
    chosen = [task_id for task_id in composed.tasks if task_id in ids]
    if not chosen:
        raise ConfigError(f"no results of the chosen tasks; found {some(list(ids))}")
    return composed, chosen


def placed(models: Sequence[ModelResults], task_id: str, composed: RunConfig, *, given: bool) -> Task | str:
    """A task with the source of its data, as it was given or as the result says; or why it is not known.

    Args:
        models: one of them has a result of the task.
        task_id: of the task.
        composed: its declaration.
        given: whether the settings say where data are.
    """
    task = composed.tasks.get(task_id)
    if task is None:
        return f"No queries are shown: no declaration is called {task_id}; give the --config-dir that it was run with"
    if given:
        return task
    result = next(model.results[task_id] for model in models if task_id in model.results)
    kind, root = result.source, result.provenance.get("dataset", {}).get("root")
    if kind in {"sample", "hub"}:
        return task.model_copy(update={"source": task.source.model_copy(update={"kind": kind})})
    if kind == "mirror" and root and Path(root).expanduser().is_dir():
        return task.model_copy(update={"source": task.source.model_copy(update={"kind": kind, "root": Path(root)})})
    was = f"data={kind}" + (f" data.root={root}, which is not here" if root else "")
    return f"No queries are shown: the result was made of {was}; give data=mirror data.root=DIR (or data=hub)"

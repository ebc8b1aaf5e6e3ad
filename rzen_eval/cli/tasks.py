"""`rzen-eval tasks`: tasks and suites."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rzen_eval.benchmark.entries import Entry
from rzen_eval.benchmark.manifest import manifest
from rzen_eval.benchmark.places import choices, folders
from rzen_eval.cli.terminal import add_format, listing, show

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence
    from pathlib import Path

    from rzen_eval.cli.options import Options
    from rzen_eval.core import Task

SPARE = ("revision", "repository", "pool", "data", "candidates", "task", "metric")


def options(parser: Options) -> None:
    """What the command takes."""
    parser.description = (
        "List tasks with group, metric, pool, counts and source, then the suites; by default all tasks, those of"
        " --config-dir too."
    )
    add_format(parser)
    parser.examples = ["rzen-eval tasks", "rzen-eval tasks task=visdoc --format json"]


def run(chosen: Namespace, settings: Sequence[str], places: Sequence[Path]) -> int:
    """List tasks with group, metric, pool, counts and source, then the suites.

    Returns:
        The exit code, 0.
    """
    known = choices("task", folders(places))
    path_of = {name.rpartition("/")[2]: name for name in known if "/" in name}
    shipped = manifest().entries
    further = [name for task_id, name in path_of.items() if task_id not in shipped]
    rows = [] if settings else [_row(entry, entry.path) for entry in shipped.values()]
    if settings or further:
        from rzen_eval.config import compose

        config = compose.load(settings or [f"task=[{','.join(further)}]"], places)
        rows += [_row(task, path_of[task.id]) for task in config.tasks.values()]
    suites = [name for name in known if "/" not in name]
    notes = [f"{len(rows)} tasks; suites: {', '.join(suites)}"]
    show(listing("tasks", rows, SPARE, notes), chosen.format)
    return 0


def _row(task: Entry | Task, path: str) -> dict[str, Any]:
    dataset = task if isinstance(task, Entry) else task.dataset
    return {
        "id": path,
        "task": task.name,
        "group": task.group,
        "metric": task.metric,
        "pool": task.pool,
        "queries": task.n_queries,
        "candidates": task.n_candidates,
        "data": list(task.versions) or ["variant"],
        "repository": dataset.repo + (f" ({dataset.config})" if dataset.config else ""),
        "revision": (dataset.revision or "newest")[:8],
    }

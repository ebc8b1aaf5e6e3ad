"""`rzen-eval tasks`: tasks and suites."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rzen_eval.benchmark.manifest import entry, manifest
from rzen_eval.benchmark.places import choices, folders

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence
    from pathlib import Path

    from rzen_eval.benchmark.manifest import Entry
    from rzen_eval.cli.options import Options


def options(parser: Options) -> None:
    """What the command takes."""
    parser.description = (
        "List tasks with group, metric, pool, counts and source, then the suites; by default all tasks."
    )
    parser.examples = ["rzen-eval tasks task=visdoc"]


def run(chosen: Namespace, settings: Sequence[str], places: Sequence[Path]) -> int:
    """List tasks with group, metric, pool, counts and source, then the suites.

    Returns:
        The exit code, 0.
    """
    import pandas as pd

    from rzen_eval.results.tables import averages

    del chosen
    entries = _composed(settings, places) if settings else list(manifest().entries.values())
    rows = [
        {
            "id": task.path,
            "task": task.name,
            "group": task.group,
            "metric": task.metric,
            "pool": task.pool,
            "queries": str(task.n_queries),
            "candidates": str(task.n_candidates or "?"),
            "data": ", ".join(task.versions) or "variant",
            "repository": task.repo + (f" ({task.config})" if task.config else ""),
            "revision": (task.revision or "newest")[:8],
        }
        for task in entries
    ]
    print(averages.markdown(pd.DataFrame(rows).set_index("id")))
    suites = [name for name in choices("task", folders(places)) if "/" not in name]
    print(f"\n{len(rows)} tasks; suites: {', '.join(suites)}")
    return 0


def _composed(settings: Sequence[str], places: Sequence[Path]) -> list[Entry]:
    from rzen_eval.config import compose

    tasks = compose.load(settings, places).tasks.values()
    return [entry(f"{task.modality}/{task.id}", task.model_dump(mode="json")) for task in tasks]

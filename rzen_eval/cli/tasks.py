"""`rzen-eval tasks`: tasks and suites."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rzen_eval.benchmark.places import choices, folders

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence
    from pathlib import Path

    from rzen_eval.cli.options import Options

EVERYTHING = "task=[mmeb_v2,mmeb_v2_0,variants]"


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

    from rzen_eval.config import compose
    from rzen_eval.results.tables import averages

    del chosen
    config = compose.load(settings or [EVERYTHING], places)
    rows = [
        {
            "id": f"{task.modality}/{task.id}",
            "task": task.name,
            "group": task.group,
            "metric": task.metric,
            "pool": task.pool,
            "queries": str(task.n_queries),
            "candidates": str(task.n_candidates or "?"),
            "data": ", ".join(task.versions) or "variant",
            "repository": task.dataset.repo + (f" ({task.dataset.config})" if task.dataset.config else ""),
            "revision": (task.dataset.revision or "newest")[:8],
        }
        for task in config.tasks.values()
    ]
    print(averages.markdown(pd.DataFrame(rows).set_index("id")))
    suites = [name for name in choices("task", folders(places)) if "/" not in name]
    print(f"\n{len(rows)} tasks; suites: {', '.join(suites)}")
    return 0

"""`rzen-eval tasks` and `rzen-eval models`: what there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from rzen_eval import config
from rzen_eval.errors import ConfigError
from rzen_eval.results import table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

EVERYTHING = "task=[mmeb_v2,mmeb_v2_0,variants]"


def tasks(words: Sequence[str], extra_dirs: Sequence[Path]) -> int:
    """List tasks with group, metric, pool, counts and source, then the suites.

    Args:
        words: settings that choose tasks; all of them otherwise.
        extra_dirs: folders with further YAML.

    Returns:
        The exit code, 0.
    """
    chosen = config.load(words or [EVERYTHING], extra_dirs)
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
        for task in chosen.tasks.values()
    ]
    print(table.markdown(pd.DataFrame(rows).set_index("id")))
    suites = [name for name in config.choices("task", config.folders(extra_dirs)) if "/" not in name]
    print(f"\n{len(rows)} tasks; suites: {', '.join(suites)}")
    return 0


def models(words: Sequence[str], extra_dirs: Sequence[Path]) -> int:
    """List models with family, checkpoint, size, dimensions and licence.

    Args:
        words: none.
        extra_dirs: folders with further YAML.

    Returns:
        The exit code, 0.
    """
    if words:
        raise ConfigError(f"models: expected no settings, found {words[0]!r}")
    specs = {
        name: config.load([f"model={name}", "task=visdoc/vidore_arxivqa"], extra_dirs).model
        for name in config.choices("model", config.folders(extra_dirs))
    }
    rows = [
        {
            "model": name,
            "family": spec.family,
            "checkpoint": spec.checkpoint,
            "size (B)": str(spec.parameters_b or "?"),
            "dims": str(spec.dim or "?"),
            "licence": spec.license or "?",
        }
        for name, spec in specs.items()
    ]
    print(table.markdown(pd.DataFrame(rows).set_index("model")))
    return 0

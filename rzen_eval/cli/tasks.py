"""`rzen-eval tasks` and `rzen-eval models`: what there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from rzen_eval.benchmark import published as reference
from rzen_eval.benchmark.manifest import manifest
from rzen_eval.benchmark.places import choices, folders
from rzen_eval.config import compose
from rzen_eval.config.messages import MissingValueError
from rzen_eval.config.models import declared_model
from rzen_eval.errors import ConfigError, nearest
from rzen_eval.results.tables import averages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rzen_eval.benchmark.published import Reference
    from rzen_eval.models.declaration.external import AnySpec

EVERYTHING = "task=[mmeb_v2,mmeb_v2_0,variants]"


def tasks(words: Sequence[str], extra_dirs: Sequence[Path]) -> int:
    """List tasks with group, metric, pool, counts and source, then the suites.

    Args:
        words: settings that choose tasks; all of them otherwise.
        extra_dirs: folders with further YAML.

    Returns:
        The exit code, 0.
    """
    chosen = compose.load(words or [EVERYTHING], extra_dirs)
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
    print(averages.markdown(pd.DataFrame(rows).set_index("id")))
    suites = [name for name in choices("task", folders(extra_dirs)) if "/" not in name]
    print(f"\n{len(rows)} tasks; suites: {', '.join(suites)}")
    return 0


def models(words: Sequence[str], extra_dirs: Sequence[Path]) -> int:
    """List models with family, source, size, dimensions, licence, and the published rows that each reproduces.

    Args:
        words: none.
        extra_dirs: folders with further YAML.

    Returns:
        The exit code, 0.
    """
    if words:
        raise ConfigError(f"models: expected no settings, found {words[0]!r}")
    places = folders(extra_dirs)
    published = reference.load(places, manifest().names)
    rows, open_ended = {}, []
    for name in choices("model", places):
        try:
            spec = declared_model(name, places)
        except MissingValueError as error:
            open_ended.append(f"model={name} {error.key}=...")
            continue
        rows[name] = _row(spec, published)
    print(averages.markdown(pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")))
    print(f"\n{len(rows)} models; of your own: {'; '.join(open_ended)}; or YAML in --config-dir")
    return 0


def _row(spec: AnySpec, published: Mapping[str, Reference]) -> dict[str, str]:
    lost = [name for name in spec.reproduces if name not in published]
    if lost:
        near = nearest(lost[0], sorted(published))
        raise ConfigError(f"model {spec.name}: reproduces: unknown reference {lost[0]!r}{near}")
    overall = [_overall(published[name]) for name in spec.reproduces]
    return {
        "family": spec.family,
        "from": spec.source,
        "size (B)": str(spec.parameters_b or "?"),
        "dims": str(spec.dim or "?"),
        "licence": spec.license or "?",
        "published": ", ".join(dict.fromkeys(filter(None, overall))) or "-",
        "reference=": ", ".join(spec.reproduces) or "-",
    }


def _overall(row: Reference) -> str:
    """The overall score of a published row, or the score of the one part that it has."""
    column = next((name for name in ("Overall", "Image", "Video", "Visdoc") if name in row.scores), None)
    return f"{row.scores[column]:g}" + (f" ({column})" if column != "Overall" else "") if column else ""

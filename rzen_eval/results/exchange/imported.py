"""What a file of another evaluator says of a task, as an ordinary result."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rzen_eval._version import __version__
from rzen_eval.core import Mark, Result
from rzen_eval.errors import ResultError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from rzen_eval.benchmark.entries import Entry


@dataclass(frozen=True, slots=True)
class Claim:
    """What a file says of a task."""

    file: Path
    name: str
    values: Mapping[str, Any]

    def provenance(self, source: str, model: str, task: Entry, about: Mapping[str, Any]) -> dict[str, Any]:
        """Where a result that is made of it comes from.

        Args:
            source: the evaluator.
            model: what the model is called.
            task: that it is of.
            about: what else the file says of its making; `dataset_revision` is the commit of the data.
        """
        digest = hashlib.sha256(self.file.read_bytes()).hexdigest()
        return {
            "imported": {"from": source, "file": self.file.name, "sha256": digest, "name": self.name, **about},
            "model": {"name": model},
            "dataset": {"source": "imported", "repo": task.repo, "revision": about.get("dataset_revision")},
            "versions": list(task.versions),
            "software": {"rzen_eval": __version__},
        }


def imported(
    task: Entry,
    metrics: Mapping[str, float],
    *,
    official: Collection[str],
    count: int,
    other_data: bool,
    warnings: list[str],
    provenance: dict[str, Any],
) -> Result:
    """A result of another evaluator's metrics.

    Args:
        task: that they are of.
        metrics: fractions, by our names.
        official: those that are known in that evaluator's reading alone.
        count: queries that they are means over.
        other_data: whether the data were others than the benchmark's.
        warnings: what a reader must know.
        provenance: see `Claim.provenance`.

    Raises:
        ResultError: the task's own metric is not among them, or one cannot be a score.
    """
    score = metrics.get(task.metric)
    if score is None:
        raise ResultError(f"{task.name}: no {task.metric}, which is its metric")
    wrong = [f"{name} {value}" for name, value in metrics.items() if not 0 <= value <= 1]
    if wrong:
        raise ResultError(f"{task.name}: expected scores from 0 to 1, found {wrong[0]}")
    return Result(
        id=task.id,
        task=task.name,
        modality=task.modality,
        group=task.group,
        metric=task.metric,
        score=score,
        exact=score,
        metrics={name: value for name, value in metrics.items() if name not in official},
        official={name: metrics[name] for name in sorted(official)},
        n_queries=count,
        # No evaluator says; where the queries are the benchmark's, so are the candidates.
        n_candidates=(task.n_candidates or 0) if count == task.n_queries else 0,
        n_ties=0,
        limit=None,
        marks=(Mark.OTHER_DATA,) if other_data else (),
        warnings=warnings,
        provenance=provenance,
    )

"""A model against a published row, of which nobody knows the scores of single queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rzen_eval.errors import ResultError
from rzen_eval.results.statistics.comparison import Comparison, Difference
from rzen_eval.results.tables import rows

if TYPE_CHECKING:
    from rzen_eval.benchmark.manifest import Manifest
    from rzen_eval.benchmark.published import Reference
    from rzen_eval.results.store import ModelResults


def compare(first: ModelResults, reference: Reference, manifest: Manifest) -> Comparison:
    """Averages and tasks that are whole on both sides; no difference has an interval.

    Args:
        first: results of a model.
        reference: the published row.
        manifest: what averages are made of.

    Raises:
        ResultError: the model has no average or task of the row's data, or was scored on the made-up sample.
    """
    version, name = reference.data_version, f"{reference.model} (published)"
    row = rows.published(reference, manifest)
    whole = {result.task: result for result in first.results.values() if not result.limit and result.counts_in(version)}
    if any(result.source == "sample" for result in whole.values()):
        raise ResultError(
            f"{first.name} was scored on the made-up sample, and {name} on the benchmark; score it with data=hub or"
            " data=mirror"
        )
    made = next(iter(rows.scored(first.name, list(whole.values()), str(first.folder), manifest, version)), None)
    averages = [
        Difference(column, "", cell.number(), row.cells[column].number(), None, cell.n_scored, cell.n_tasks)
        for column, cell in (made.cells if made else {}).items()
        if column in row.cells and not cell.part and not row.cells[column].part
    ]
    tasks = [
        Difference(result.id, result.group, 100 * result.score, row.tasks[task].number(), None)
        for task, result in whole.items()
        if task in row.tasks
    ]
    if not made or not (averages or tasks):
        raise ResultError(
            f"{first.name} has no whole average or task of {name}, data {version}; score its tasks without limit=, or"
            " take a row of other data"
        )
    about = f"{name} has no scores of single queries: its differences stand without interval, test and verdict."
    return Comparison(
        first=first.name,
        second=name,
        version=version,
        tasks=tasks,
        averages=averages,
        differences=[],
        alone={},
        other=[one.id for one in first.results.values() if one.task not in whole],
        notes=[about, *(f"{one.model}: {note}" for one in (made, row) for note in one.notes)],
    )

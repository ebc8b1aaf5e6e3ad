"""Rankings that an embedding run has kept, checked against the data that a second stage reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rzen_eval.data.query_choice import judgements
from rzen_eval.errors import DataError, ResultError, some
from rzen_eval.results import per_query, store
from rzen_eval.results.protocol import commit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rzen_eval.core import Result, Run, TaskData
    from rzen_eval.data.load import LoadedTask


@dataclass(frozen=True, slots=True)
class FirstStage:
    """A task's result of an embedding run, with the candidates of each query that it ranked first."""

    folder: Path
    """Of the model's results."""
    result: Result
    listed: Mapping[str, Sequence[str]]
    """By query, best first, no more than were asked for."""
    top_k: int
    warnings: Sequence[str] = ()

    @property
    def provenance(self) -> dict[str, Any]:
        """What a result of the second stage says of the first."""
        result = self.result
        files: Mapping[str, str] = result.provenance.get("files") or {}
        return {
            "model": result.provenance.get("model", {}),
            "fingerprint": result.provenance.get("fingerprint"),
            "runs": files.get("runs"),
            "limit": str(result.limit) if result.limit else None,
            "score": result.score,
            "exact": result.exact,
        }


def first_stage(folder: Path, loaded: LoadedTask, top_k: int) -> FirstStage:
    """What an embedding run has kept of a task, if it was made of the data that are read now.

    Args:
        folder: of the model's results.
        loaded: the task as it is now; its limit may be less than that of the run.
        top_k: candidates a query; shorter pools are taken whole.

    Raises:
        ResultError: there is no such result, its rankings are gone, of other data, or shorter than was asked for.
    """
    task, data = loaded.task, loaded.data
    file = folder / f"{task.id}.json"
    if not file.is_file():
        raise ResultError(f"{task.id}: no result in {folder}; score it first, with the same data")
    result = store.read(file)
    if problem := per_query.fault(folder, result):
        raise ResultError(f"{task.id}: {problem}; score the task again")
    if "second_stage" in result.provenance:
        raise ResultError(f"{task.id}: {file} is of a second stage already; give the folder of an embedding run")
    warnings = _same_data(file, result, loaded)
    run = per_query.read_run(folder, task.id)
    if run is None:
        raise ResultError(f"{task.id}: {folder} keeps no rankings of it; score the task again")
    _same_rows(file, run, data, result.limit)
    listed = {query: list(run.ranking[query][:top_k]) for query in data.query_ids}
    for query, names in listed.items():
        pool = len(set(data.pools[query])) if data.pools is not None else len(data.candidate_ids)
        if len(names) < min(top_k, pool):
            raise ResultError(
                f"{task.id}: the rankings beside {file} keep {len(names)} of {pool} candidates of query {query!r}, and"
                f" top_k={top_k} asks for more; give top_k={len(names)} or less"
            )
    return FirstStage(folder, result, listed, top_k, warnings)


def _same_data(file: Path, result: Result, loaded: LoadedTask) -> list[str]:
    """Refuse a result of other judgements, counts or revisions; other media files are worth a warning."""
    task, data = loaded.task, loaded.data
    dataset: Mapping[str, Any] = result.provenance.get("dataset") or {}
    before, now = (commit(one) for one in (dataset.get("revision"), data.revision))
    if before and now and before != now:
        raise ResultError(
            f"{task.id}: {file} was made with {task.dataset.repo} at {before[:12]}, and here it is at {now[:12]};"
            " score the task again with these, or read those"
        )
    if (result.source == "sample") != (task.source.kind == "sample"):
        raise ResultError(
            f"{task.id}: {file} was made with data={result.source}, and data={task.source.kind} is read here; give the"
            " settings of that run"
        )
    if task.limit != result.limit:
        return []
    if (result.n_queries, result.n_candidates) != (len(data.query_ids), len(data.candidate_ids)):
        raise ResultError(
            f"{task.id}: {file} was made with {result.n_queries} queries and {result.n_candidates} candidates, and here"
            f" are {len(data.query_ids)} and {len(data.candidate_ids)}; these are not the same data"
        )
    if (known := dataset.get("judgements")) and known != judgements(data):
        raise ResultError(
            f"{task.id}: {file} was made with other queries, pools or grades than those that are read here; score the"
            " task again with these"
        )
    if dataset.get("source") == task.source.kind and dataset.get("content") != loaded.content:
        return [f"{task.id}: the first stage was made with other files of the same rows ({dataset.get('content')})"]
    return []


def _same_rows(file: Path, run: Run, data: TaskData, limit: object) -> None:
    """Refuse rankings of queries or candidates that are not there.

    Raises:
        DataError: one is missing; it is named.
    """
    if missing := [query for query in data.query_ids if query not in run.ranking]:
        hint = f"give limit={limit}, as that run did" if limit else "score the task again"
        raise DataError(f"the rankings beside {file} have no query {some(missing, 2)}; {hint}")
    known = set(data.candidate_ids)
    for query in data.query_ids:
        if lost := [name for name in run.ranking[query] if name not in known]:
            raise DataError(
                f"the rankings beside {file} name {some(lost, 2)} for query {query!r}, and the data have no such"
                " candidate; score the task again with these data"
            )

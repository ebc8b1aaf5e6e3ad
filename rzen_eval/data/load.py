"""From a declared task to its data, checked."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from rzen_eval.data import bundled
from rzen_eval.data.hub import Repository
from rzen_eval.errors import ConfigError, DataError

if TYPE_CHECKING:
    from rzen_eval.core import Task, TaskData


def load_data(task: Task) -> TaskData:
    """Queries, candidates and judgements of a task, with media still to be decoded.

    Args:
        task: as declared, with the source that its rows come from.

    Returns:
        The data; with a mirror that does not hold what the task declares, a warning in it.

    Raises:
        DataError: the data are missing, damaged, inconsistent, or not as many as declared.
        ConfigError: the task names a recipe that does not exist.
    """
    module = task.recipe if "." in task.recipe else f"rzen_eval.recipes.{task.recipe}"
    if find_spec(module) is None:
        raise ConfigError(f"{task.id}: recipe {task.recipe!r} is not a module of rzen_eval.recipes or an import path")
    data: TaskData = import_module(module).load(task, Repository.of(task))
    return replace(data, warnings=[*data.warnings, *_counted(task, data)])


def revision(task: Task) -> str:
    """What identifies the content of a task's repository, without loading it."""
    return Repository.of(task).revision


def _counted(task: Task, data: TaskData) -> list[str]:
    """Compare counts with the declared ones."""
    n_queries, n_candidates = task.n_queries, task.n_candidates
    if task.source.kind == "sample":
        made = bundled.COUNTS[task.dataset.repo]
        by_language = made.n_queries_by_language or {}
        n_queries, n_candidates = by_language.get(task.dataset.language or "", made.n_queries), made.n_candidates
    n_queries = min(n_queries, task.limit or n_queries)
    found = (len(data.query_ids), len(data.candidate_ids))
    if found == (n_queries, n_candidates or found[1]):
        return []
    problem = (
        f"{task.id}: expected {n_queries} queries and {n_candidates or 'any number of'} candidates in"
        f" {task.dataset.repo}, found {found[0]} and {found[1]}"
    )
    strict = task.source.strict if task.source.strict is not None else task.source.kind != "mirror"
    if strict:
        raise DataError(f"{problem}; these are not the benchmark's data (data.strict=false scores them all the same)")
    return [f"{problem}: not the benchmark's data"]

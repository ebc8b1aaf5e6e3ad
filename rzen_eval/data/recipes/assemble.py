"""From what a recipe has read to a task's data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from rzen_eval.core import Frozen, Item, TaskData
from rzen_eval.data.lazy import LazySequence
from rzen_eval.errors import ConfigError, first_fault

if TYPE_CHECKING:
    from rzen_eval.core import Task
    from rzen_eval.data.repository import Repository

Schema = TypeVar("Schema", bound=Frozen)
Maker = Callable[[], Item]
"""Makes an item when it is needed, so that folders of frames are not listed before."""


def options(task: Task, schema: type[Schema]) -> Schema:
    """A task's `options` as its recipe understands them.

    Raises:
        ConfigError: a key is unknown, missing or of a wrong type.
    """
    try:
        return schema.model_validate(task.options)
    except ValidationError as error:
        key, what = first_fault(error)
        known = f"the options {', '.join(schema.model_fields)}" if schema.model_fields else "no options"
        raise ConfigError(f"tasks.{task.id}.options.{key}: {what}; recipe {task.recipe} takes {known}") from error


def assemble(
    task: Task,
    repository: Repository,
    *,
    queries: Sequence[Maker],
    candidates: Mapping[str, Maker],
    positives: Sequence[Sequence[str]],
    pools: Sequence[Sequence[str]] | None = None,
    warnings: Sequence[str] = (),
) -> TaskData:
    """Data of a task whose queries have no ids of their own: a query's id is the number of its row.

    Candidates are held once under their names, the first text or picture met standing for all of that name, as
    the official evaluator does (`generate_cand_dataset` in `src/data/eval_dataset/base_eval_dataset.py` of VLM2Vec
    at 6e1e1d4). A pool that lists a name twice keeps both; there is a warning, since in the official reading such a
    query can score more than 1.

    Args:
        task: as declared.
        repository: where the rows came from.
        queries: one a row.
        candidates: by name.
        positives: names of the relevant candidates of each query.
        pools: names that each query is ranked against; None: all candidates.
        warnings: what is odd about the rows.
    """
    ids = [str(row) for row in range(len(queries))]
    repeats = sum(len(set(pool)) < len(pool) for pool in pools or ())
    if repeats:
        warnings = [*warnings, f"{task.id}: {repeats} of {len(ids)} pools list a candidate more than once"]
    reachable = pools if pools is not None else [candidates] * len(ids)
    lost = sum(set(relevant).isdisjoint(pool) for relevant, pool in zip(positives, reachable, strict=True))
    if lost:
        problem = f"{lost} of {len(ids)} queries have no right answer among their candidates and always miss"
        warnings = [*warnings, f"{task.id}: {problem}"]
    certain = sum(set(relevant).issuperset(pool) for relevant, pool in zip(positives, reachable, strict=True))
    if certain:
        problem = f"{certain} of {len(ids)} queries have right answers alone among their candidates and always hit"
        warnings = [*warnings, f"{task.id}: {problem}"]
    if pools is not None:
        pools = _shared(pools, candidates)
    return TaskData(
        query_ids=ids,
        queries=_lazy(queries),
        candidate_ids=list(candidates),
        candidates=_lazy(list(candidates.values())),
        qrels={name: dict.fromkeys(relevant, 1.0) for name, relevant in zip(ids, positives, strict=True)},
        pools=None if pools is None else dict(zip(ids, pools, strict=True)),
        revision=repository.revision,
        warnings=warnings,
    )


def _shared(pools: Sequence[Sequence[str]], candidates: Mapping[str, Maker]) -> list[list[str]]:
    """The same pools in less memory: every name is one string, and queries with the same pool hold one list."""
    names = {name: name for name in candidates}
    known: dict[tuple[str, ...], list[str]] = {}
    return [known.setdefault(tuple(pool), [names[name] for name in pool]) for pool in pools]


def _lazy(makers: Sequence[Maker]) -> LazySequence:
    return LazySequence(len(makers), partial(_make, makers))


def _make(makers: Sequence[Maker], index: int) -> Item:
    return makers[index]()

"""From what a recipe has read to a task's data."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a recipe has read: a query a row, with its right answers and its pool, and candidates by name."""

    candidates: dict[str, Maker] = field(default_factory=dict)
    queries: list[Maker] = field(default_factory=list)
    positives: list[Sequence[str]] = field(default_factory=list)
    pools: list[Sequence[str]] = field(default_factory=list)
    rows: Sequence[int] | None = None
    """Numbers of the rows that queries are of; None: of all rows from the first."""

    def ask(self, query: Maker, positives: Sequence[str], pool: Sequence[str]) -> None:
        """Add a query, with the names of its relevant candidates and of all that it is ranked against."""
        self.queries.append(query)
        self.positives.append(positives)
        self.pools.append(pool)


def assemble(
    task: Task, repository: Repository, gathered: Gathered, *, pooled: bool = True, warnings: Sequence[str] = ()
) -> TaskData:
    """Data of a task whose queries have no ids of their own: a query's id is the number of its row.

    Candidates are held once under their names, the first text or picture met standing for all of that name, as
    the official evaluator does (`generate_cand_dataset` in `src/data/eval_dataset/base_eval_dataset.py` of VLM2Vec
    at 6e1e1d4). A pool that lists a name twice keeps both; there is a warning, since in the official reading such a
    query can score more than 1.

    Args:
        task: as declared.
        repository: where the rows came from.
        gathered: what they hold.
        pooled: whether each query is ranked against its own pool; else against all candidates.
        warnings: what is odd about the rows.
    """
    candidates, n = gathered.candidates, len(gathered.queries)
    ids = [str(row) for row in (range(n) if gathered.rows is None else gathered.rows)]
    reachable: Sequence[Collection[str]] = gathered.pools if pooled else [candidates] * n
    answers = list(zip(gathered.positives, reachable, strict=True))
    odd = {
        "pools list a candidate more than once": [pooled and len(set(pool)) < len(pool) for pool in reachable],
        "queries have no right answer among their candidates and always miss": [
            set(right).isdisjoint(pool) for right, pool in answers
        ],
        "queries have right answers alone among their candidates and always hit": [
            set(right).issuperset(pool) for right, pool in answers
        ],
    }
    counted = [f"{task.id}: {sum(rows)} of {n} {problem}" for problem, rows in odd.items() if any(rows)]
    return TaskData(
        query_ids=ids,
        queries=_lazy(gathered.queries),
        candidate_ids=list(candidates),
        candidates=_lazy(list(candidates.values())),
        qrels={name: dict.fromkeys(right, 1.0) for name, right in zip(ids, gathered.positives, strict=True)},
        pools=dict(zip(ids, _shared(gathered.pools, candidates), strict=True)) if pooled else None,
        revision=repository.revision,
        warnings=[*warnings, *counted],
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

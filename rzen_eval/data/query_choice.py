"""Which queries of a task are scored, where not all are, and what was asked in those that are."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from rzen_eval.core import TaskData, Whole
from rzen_eval.data.lazy import LazySequence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.core import Item, Task


def chosen(task: Task, query_ids: Sequence[str]) -> list[str]:
    """The queries that a task's limit chooses, in the order in which they are given.

    A random sample is those of the lowest hashes of seed, task and id: the same for every model, machine and version of
    the data that has these queries, and part of every larger sample with the same seed.
    """
    limit = task.limit
    if limit is None or limit.n >= len(query_ids):
        return list(query_ids)
    if limit.how == "first":
        return list(query_ids[: limit.n])

    def drawn(query_id: str) -> bytes:
        return hashlib.sha256(f"{limit.seed} {task.name} {query_id}".encode()).digest()

    kept = set(sorted(query_ids, key=drawn)[: limit.n])
    return [query_id for query_id in query_ids if query_id in kept]


def chosen_of(task: Task, data: TaskData) -> TaskData:
    """The data with those queries alone that the task's limit chooses.

    The corpus stays whole, and so does the pool of each query; candidates of the pools of other queries go.
    """
    if task.limit is None or data.whole is not None:
        return data
    kept = chosen(task, data.query_ids)
    wanted = set(kept)
    places = [place for place, query_id in enumerate(data.query_ids) if query_id in wanted]
    pools = None if data.pools is None else {query_id: data.pools[query_id] for query_id in kept}
    smaller = replace(
        data,
        query_ids=kept,
        queries=_part(data.queries, places),
        qrels={query_id: data.qrels[query_id] for query_id in kept},
        pools=pools,
        languages=None if data.languages is None else [data.languages[place] for place in places],
        whole=Whole(len(data.query_ids), judgements(data)),
    )
    if pools is None:
        return smaller
    reached = {name for pool in pools.values() for name in pool}
    left = [place for place, name in enumerate(data.candidate_ids) if name in reached]
    names = [data.candidate_ids[place] for place in left]
    return replace(smaller, candidate_ids=names, candidates=_part(data.candidates, left))


def _part(items: Sequence[Item], places: Sequence[int]) -> Sequence[Item]:
    if len(places) == len(items):
        return items
    return LazySequence(len(places), lambda place: items[places[place]])


def judgements(data: TaskData) -> str:
    """A short hash of what is asked of a model: queries, the grades of their candidates and their pools, by id.

    Two results can be compared query by query where it is the same; neither content nor place of the media is in it,
    and the order in which queries, or the candidates of a pool, are listed is not either.
    """
    digest = hashlib.sha256()
    if data.pools is None:
        digest.update(json.dumps(sorted(data.candidate_ids)).encode())
    for query_id in sorted(data.query_ids):
        # Grades stay in the order of the benchmark's judgements, which the official reading depends on.
        asked = [query_id, list(data.qrels[query_id].items()), sorted(data.pools[query_id]) if data.pools else None]
        digest.update(json.dumps(asked).encode())
    return digest.hexdigest()[:16]

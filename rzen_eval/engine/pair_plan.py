"""What a second stage has to score: each distinct pair once, those of a query one after the other."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from rzen_eval.core import Side
from rzen_eval.engine.item_key import item_key
from rzen_eval.engine.job import portable_item
from rzen_eval.engine.pairs import PairUnit
from rzen_eval.engine.plan import Plan, TaskSide
from rzen_eval.engine.vector_store import KEY_BYTES, Key
from rzen_eval.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from rzen_eval.core import Item, TaskData
    from rzen_eval.engine.job import Unit


@dataclass(slots=True)
class TaskPairs(TaskSide):
    """Queries of a task, each with the candidates that it is scored with."""

    candidates: Sequence[Item] = field(kw_only=True)
    candidate_ids: Sequence[str] = field(kw_only=True)
    places: NDArray[np.int64] = field(kw_only=True)
    """Of the query and of the candidate of each pair: (pairs, 2)."""
    query_keys: dict[int, Key] = field(default_factory=dict)
    candidate_keys: dict[int, Key] = field(default_factory=dict)
    candidate_prompt: str | None = None
    """The rendered prompt of the first candidate."""

    def who(self, place: int) -> str:
        """Both ids of a pair."""
        query, candidate = self.places[place].tolist()
        return f"query {self.ids[query]!r} with candidate {self.candidate_ids[candidate]!r}"


def pairs_of(task: str, data: TaskData, listed: Mapping[str, Sequence[str]]) -> TaskPairs:
    """The pairs of a task, nothing scored yet.

    Args:
        task: its id.
        data: its items.
        listed: candidates of each query that is to be scored, in their order.
    """
    queries = {name: place for place, name in enumerate(data.query_ids)}
    candidates = {name: place for place, name in enumerate(data.candidate_ids)}
    places = [(queries[query], candidates[name]) for query, names in listed.items() for name in names]
    found = np.array(places, dtype=np.int64).reshape(-1, 2)
    return TaskPairs(
        task,
        Side.QUERY,
        data.queries,
        data.query_ids,
        candidates=data.candidates,
        candidate_ids=data.candidate_ids,
        places=found,
    )


class PairPlan(Plan):
    """The windows of a second stage; see `Plan`."""

    def _measured(self, part: TaskSide) -> NDArray[np.int64]:
        """About the most tokens that each pair takes: (pairs,); alike for those of a query, which so stay together.

        Raises:
            DataError: an item cannot be made; it is named.
        """
        if not isinstance(part, TaskPairs):
            raise TypeError("a plan of pairs takes pairs")
        sizes = {side: dict[int, int]() for side in Side}
        for column, side in enumerate((Side.QUERY, Side.CANDIDATE)):
            for place in dict.fromkeys(part.places[:, column].tolist()):
                sizes[side][place] = self._side(part, side, place)
        most = np.zeros(len(part.places), dtype=np.int64)
        longest: dict[int, int] = {}
        for query, candidate in part.places.tolist():
            longest[query] = max(longest.get(query, 0), sizes[Side.CANDIDATE][candidate])
            both = part.query_keys[query] + part.candidate_keys[candidate]
            part.keys.append(hashlib.blake2b(both, digest_size=KEY_BYTES).digest())
        for row, query in enumerate(part.places[:, 0].tolist()):
            most[row] = sizes[Side.QUERY][query] + longest[query]
        return most

    def _side(self, part: TaskPairs, side: Side, place: int) -> int:
        """About the most tokens of an item; its key, and the first prompt of a side, are noted on the way."""
        items, ids, keys = (
            (part.items, part.ids, part.query_keys)
            if side is Side.QUERY
            else (part.candidates, part.candidate_ids, part.candidate_keys)
        )
        try:
            item = items[place]
            rendered = self.model.rendered(item, side)
            keys[place] = item_key(f"{side}\0{rendered.prompt}", item)
        except DataError as error:
            raise DataError(f"{side} {ids[place]!r}: {error}") from error
        if side is Side.QUERY and part.first_prompt is None:
            part.first_prompt = rendered.prompt
        elif side is Side.CANDIDATE and part.candidate_prompt is None:
            part.candidate_prompt = rendered.prompt
        return len(rendered.prompt) + rendered.pictures.most_tokens

    def _unit(self, part: TaskSide, place: int, made: dict[tuple[Side, int], Item]) -> Unit:
        """A pair; each of its items is made once a window."""
        if not isinstance(part, TaskPairs):
            raise TypeError("a plan of pairs takes pairs")
        query, candidate = part.places[place].tolist()
        for side, number, items in ((Side.QUERY, query, part.items), (Side.CANDIDATE, candidate, part.candidates)):
            if (side, number) not in made:
                made[side, number] = portable_item(items[number])
        return PairUnit(
            made[Side.QUERY, query],
            Side.QUERY,
            part.ids[query],
            part.keys[place],
            candidate=made[Side.CANDIDATE, candidate],
            candidate_name=part.candidate_ids[candidate],
            query_key=part.query_keys[query],
            candidate_key=part.candidate_keys[candidate],
        )

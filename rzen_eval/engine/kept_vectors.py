"""Vectors of a task as an earlier run kept them; no model is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rzen_eval.core import Side
from rzen_eval.engine.item_key import item_key
from rzen_eval.errors import DataError
from rzen_eval.ranking.multivectors import same_form

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.core import Item, MultiVectors, TaskData, Vectors
    from rzen_eval.engine.vector_store import Key, VectorStore
    from rzen_eval.models.interface import Pipelined


class MissingVectorsError(DataError):
    """Vectors that were never made, or were made with other settings or code."""

    def __init__(self, missing: int, wanted: int, folder: object) -> None:
        super().__init__(f"{missing} of {wanted} vectors are not in {folder}")
        self.missing, self.wanted = missing, wanted


@dataclass(frozen=True, slots=True)
class StoredVectors:
    """Vectors of both sides of a task, unchecked: an array where every item has one, else MultiVectors."""

    queries: Vectors | MultiVectors
    candidates: Vectors | MultiVectors


def stored_vectors(data: TaskData, model: Pipelined, store: VectorStore) -> StoredVectors:
    """A task's vectors from the store, in the order of its items, each side of shape (n, dim) or MultiVectors.

    Args:
        data: the task's queries and candidates.
        model: renders prompts, which are a part of the keys; its weights are not asked for.
        store: this model's vectors.

    Raises:
        MissingVectorsError: not all are there.
        DataError: an item cannot be made; it is named.
    """
    store.refresh()
    queries = _keys(model, data.queries, data.query_ids, Side.QUERY)
    candidates = _keys(model, data.candidates, data.candidate_ids, Side.CANDIDATE)
    wanted = {*queries, *candidates}
    missing = sum(key not in store for key in wanted)
    if missing:
        raise MissingVectorsError(missing, len(wanted), store.folder)
    return StoredVectors(*same_form(store.joined(queries), store.joined(candidates)))


def _keys(model: Pipelined, items: Sequence[Item], ids: Sequence[str], side: Side) -> list[Key]:
    found = []
    for place, name in enumerate(ids):
        try:
            item = items[place]
            found.append(item_key(model.prompt(item, side), item))
        except DataError as error:
            raise DataError(f"{side} {name!r}: {error}") from error
    return found

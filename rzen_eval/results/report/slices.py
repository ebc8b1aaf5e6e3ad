"""Kinds of queries, told apart by what is known of them without a model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rzen_eval.errors import DataError
from rzen_eval.media import image_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rzen_eval.core import Item, TaskData

FEW = 5
"""Distinct values that each make a part of their own; more are cut into quarters."""


@dataclass(frozen=True, slots=True)
class Part:
    """Queries of one kind."""

    label: str
    queries: Sequence[int]
    """Their places in the data."""


@dataclass(frozen=True, slots=True)
class Slice:
    """One way of telling queries apart."""

    name: str
    parts: Sequence[Part]


def slices(data: TaskData, right: Sequence[Item | None]) -> list[Slice]:
    """All ways in which a task's queries differ.

    Args:
        data: of the task.
        right: the first right answer of each query; None where it has none among the candidates.

    Returns:
        At least two parts each; a query of which something is not known is in none of them.
    """
    found = []
    for name, values in _measured(data, right):
        parts = _parts(values)
        if len(parts) > 1:
            found.append(Slice(name, parts))
    return found


def _measured(data: TaskData, right: Sequence[Item | None]) -> Iterator[tuple[str, Sequence[int | str | None]]]:
    queries = list(data.queries)
    yield "Words in the query", [_words(item) for item in queries]
    yield "Words in the right answer", [_words(item) for item in right]
    yield "Query image, longer side in pixels", [_side(item) for item in queries]
    yield "Right answer's image, longer side in pixels", [_side(item) for item in right]
    yield "Frames in the query", [len(item.frames) or None for item in queries]
    yield "Frames in the right answer", [len(item.frames) or None if item else None for item in right]
    if data.languages is not None:
        yield "Language", data.languages
    if data.pools is not None:
        yield "Candidates to choose from", [len(data.pools[query]) for query in data.query_ids]
    yield "Right answers", [len(data.qrels[query]) for query in data.query_ids]


def _words(item: Item | None) -> int | None:
    return len(item.text.split()) if item and item.text else None


def _side(item: Item | None) -> int | None:
    """Of the first image; of one that cannot be opened nothing is known, and the report says so where it is shown."""
    if item is None or not item.images:
        return None
    try:
        return max(image_size(item.images[0]))
    except (DataError, OSError):
        return None


def _parts(values: Sequence[int | str | None]) -> list[Part]:
    texts = sorted({value for value in values if isinstance(value, str)})
    if texts:
        return [Part(text, [i for i, value in enumerate(values) if value == text]) for text in texts]
    numbers = sorted(value for value in values if isinstance(value, int))
    if len(distinct := sorted(set(numbers))) > FEW:
        distinct = sorted({numbers[math.ceil(len(numbers) * quarter / 4) - 1] for quarter in range(1, 5)})
    edges = [-1, *distinct]
    return [
        Part(_label(values, members), members)
        for low, high in zip(edges, distinct, strict=False)
        if (members := [i for i, value in enumerate(values) if isinstance(value, int) and low < value <= high])
    ]


def _label(values: Sequence[int | str | None], members: Sequence[int]) -> str:
    inside = np.array([values[i] for i in members])
    low, high = inside.min(), inside.max()
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"

"""Whether the rows that lie beside the media are those of the row repository, where both are there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rzen_eval.core import Modality
from rzen_eval.data.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import datasets

    from rzen_eval.core import Task

ENCODED = frozenset({"image", "video", "audio"})
"""Columns that are not compared."""


def differences(task: Task) -> list[str]:
    """How the two differ, a line a configuration; none where one of them is missing or they say the same.

    Raises:
        DataError: one of them cannot be read.
    """
    repository = Repository.of(task)
    own = repository.own
    if task.source.kind != "mirror" or repository.folder is None or own is None:
        return []
    lines = []
    for config in _configs(task):
        sources = repository.files(config), own.files(config, task.dataset.split)
        tables = (repository.table(found, config) for found in sources)
        if found := _difference(*tables):
            lines.append(f"{own.place} is not what {task.dataset.repo} has, which is used: {found}")
    return lines


def _configs(task: Task) -> Sequence[str | None]:
    if task.modality is Modality.VISDOC:
        return ("queries", "qrels")
    return list(task.options.get("subsets", ())) or [task.dataset.config]


def _difference(one: datasets.Dataset, other: datasets.Dataset) -> str | None:
    """The first thing that is not the same in two tables, by the columns that both have."""
    if len(one) != len(other):
        return f"{len(other)} rows in place of {len(one)}"
    for column in one.column_names:
        if column in ENCODED or column not in other.column_names:
            continue
        for row, (left, right) in enumerate(_pairs(one, other, column)):
            if _plain(left) != _plain(right):
                return f"row {row} has {column} {right!r:.60} in place of {left!r:.60}"
    return None


def _pairs(one: datasets.Dataset, other: datasets.Dataset, column: str) -> Iterator[tuple[Any, Any]]:
    return zip(one.select_columns([column])[column], other.select_columns([column])[column], strict=True)


def _plain(value: Any) -> Any:
    """A value without what readers of files make different: whole numbers as text, missing fields left out."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)

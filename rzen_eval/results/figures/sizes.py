"""Which rows have a place in the figure of size against score, and what they are called there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rzen_eval.errors import some

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.benchmark.manifest import Manifest
    from rzen_eval.results.tables.rows import Row

UNKNOWN = "the size is not known"
LONGEST = 32
"""Characters of a source in a name."""


def placed(rows: Sequence[Row], manifest: Manifest) -> list[Row]:
    """Rows with a size and an average over all tasks."""
    return [row for row in rows if not why_not(row, manifest)]


def why_not(row: Row, manifest: Manifest) -> str:
    """Why a row has no place; nothing where it has one."""
    column = manifest.overall(row.data_version)
    cell = row.cells.get(column)
    if cell is None:
        return f"no {column} is known"
    if cell.part:
        return f"{column} is over {cell.n_scored} of {cell.n_tasks} tasks"
    return "" if row.size_b else UNKNOWN


def left_out(rows: Sequence[Row], manifest: Manifest) -> list[str]:
    """A line for each reason why rows have no place, with their names."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if reason := why_not(row, manifest):
            reasons.setdefault(reason, []).append(row.model)
    return [f"not in size, since {reason}: {some(names, 6)}" for reason, names in reasons.items()]


def called(rows: Sequence[Row], names: Sequence[str]) -> list[str]:
    """Names that tell rows apart: those that are alike get the beginning of their source, or their place.

    Args:
        rows: in the figure.
        names: what each would be called.
    """
    alike = [names.count(name) > 1 for name in names]
    told = [
        f"{name} ({_short(row.source)})" if same else name for row, name, same in zip(rows, names, alike, strict=True)
    ]
    return [
        f"{name} {told[:place].count(name) + 1}" if told.count(name) > 1 else name for place, name in enumerate(told)
    ]


def _short(source: str) -> str:
    first = source.partition(",")[0].partition(" (")[0]
    return first if len(first) <= LONGEST else f"{first[: LONGEST - 1].rstrip()}…"

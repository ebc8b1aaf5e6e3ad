"""What a video task consists of, before it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .clips import Film
    from .rows import Picture

Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Release:
    """Tables of a repository with the media they speak of."""

    tables: Mapping[str, Columns]
    """By configuration."""
    films: Mapping[str, Film]
    """By folder of frames, below the folder of the task."""
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    """By file, below the folder of the task."""


Maker = Callable[[Random, int], Release]
"""From a source of randomness and a number to that many rows."""


def columns(rows: Sequence[Mapping[str, Any]]) -> Columns:
    """Rows as columns."""
    return {name: [row[name] for row in rows] for name in rows[0]}

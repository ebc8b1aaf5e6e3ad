"""Averages over more than a version's tasks: with those of another benchmark, or with tasks that none can run here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rzen_eval.benchmark.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Wider:
    """An average beside those of a version's own columns."""

    of: Mapping[str, Sequence[str]]
    """Columns whose tasks it is over, by version of the data."""
    about: str
    """What it is a mean of, for people."""
    zeros: int = 0
    """Tasks that nobody can run here and that count 0, as in the board's own averages; 0: it is over known scores."""

    def names(self, manifest: Manifest) -> dict[str, list[str]]:
        """The leaderboard's names of the tasks that have a score, by version of the data."""
        made_of = {version: manifest.columns(version) for version in self.of}
        return {
            version: [name for column in columns for name in made_of[version][column]]
            for version, columns in self.of.items()
        }


def wider_of(raw: Mapping[str, Any]) -> dict[str, Wider]:
    """Those of a version of the data by title, as `conf/benchmark` declares them."""
    return {
        title: Wider(said["of"], said["about"], said.get("zeros", 0)) for title, said in raw.get("wider", {}).items()
    }

"""Rows of the leaderboard's tables, from results and from published figures alike."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from rzen_eval.core import Mark
from rzen_eval.errors import ConfigError
from rzen_eval.results import store
from rzen_eval.results.tables.averages import mean, notes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rzen_eval.benchmark.manifest import Manifest
    from rzen_eval.benchmark.published import Reference
    from rzen_eval.core import Result

DECIMALS = 2
"""Digits after the point of an average that is formed here."""


@dataclass(frozen=True, slots=True)
class Cell:
    """An average over tasks, in percent."""

    value: Decimal
    found: int = 1
    expected: int = 1
    digits: int | None = None
    """Digits after the point that were published; None: the average is formed here."""
    other: bool = False
    """Of other data, or of another protocol, than the benchmark's."""

    @property
    def ranked(self) -> bool:
        """Whether it may be compared: over the whole of its tasks, and of the benchmark's own data."""
        return self.found == self.expected and not self.other

    def number(self, precision: int | None = None) -> float:
        """The value as it is printed; never with more digits than were published."""
        return float(self.text(precision))

    def text(self, precision: int | None = None) -> str:
        """The value with its digits; by default those that were published, or two."""
        own = DECIMALS if self.digits is None else self.digits
        shown = own if precision is None else precision if self.digits is None else min(precision, own)
        return f"{round(self.value, shown):.{shown}f}"

    @property
    def part(self) -> str:
        """` (3 of 10)` where tasks are missing, else nothing."""
        return "" if self.found == self.expected else f" ({self.found} of {self.expected})"


@dataclass(frozen=True, slots=True)
class Row:
    """A model on a version of the data."""

    model: str
    data_version: str
    source: str
    size_b: float | None = None
    cells: Mapping[str, Cell] = field(default_factory=dict)
    """By column; a column of which nothing is known is not there."""
    tasks: Mapping[str, Cell] = field(default_factory=dict)
    """By the leaderboard's name."""
    notes: Sequence[str] = ()

    def rank(self, column: str) -> tuple[bool, Decimal, str]:
        """Sorts rows by a column: the best first, what cannot be compared last."""
        cell = self.cells.get(column)
        return (not cell.ranked, -cell.value, self.model) if cell else (True, Decimal(1), self.model)


def published(reference: Reference, manifest: Manifest) -> Row:
    """A published row: averages of its tasks where they are known, else the figures as they were printed.

    Where a printed figure is not the average of the tasks, the row says so.
    """
    other = reference.unranked is not None
    cells, said = {}, [text for text in (reference.note, reference.unranked) if text]
    digits = manifest.benchmark(reference.data_version).digits
    for column, names in manifest.columns(reference.data_version).items():
        scores = [reference.tasks[name] for name in names if name in reference.tasks]
        printed = reference.scores.get(column)
        if printed is not None and len(scores) < len(names):
            cells[column] = Cell(_exact(printed), len(names), len(names), _digits(printed, reference.decimals), other)
        elif scores:
            cells[column] = Cell(mean(scores, digits), len(scores), len(names), None, other)
            if printed is not None and abs(printed - cells[column].number()) > 0.5 * 10**-reference.decimals + 1e-9:
                said.append(f"{column}: {printed:g} as printed, {cells[column].text()} from the scores of its tasks")
    sources = f"; tasks: {reference.tasks_source}" if reference.tasks_source else ""
    return Row(
        model=reference.model,
        data_version=reference.data_version,
        source=f"{reference.source}{f' ({reference.url})' if reference.url else ''}{sources}",
        size_b=reference.size_b,
        cells=cells,
        tasks={name: Cell(_exact(score), other=other) for name, score in reference.tasks.items()},
        notes=said,
    )


def _exact(value: float) -> Decimal:
    """The number as it was written."""
    return Decimal(repr(value))


def _digits(value: float, decimals: int) -> int:
    """Digits after the point of a printed figure, of which YAML and CSV drop trailing zeros."""
    return max(decimals, len(repr(value).partition(".")[2].removesuffix("0")))


def scored(
    name: str, results: Sequence[Result], source: str, manifest: Manifest, version: str | None = None
) -> list[Row]:
    """Rows of a model that was scored, one for each version of the data; the versions are never averaged.

    Args:
        name: what the row is called.
        results: of any tasks; those with `limit` are left out.
        source: where the results lie.
        manifest: what the tables are made of.
        version: of the data; None: every one that a task tells, a benchmark's newest where none does.
    """
    kept = [result for result in results if result.limit is None]
    rows = []
    for found in [version] if version else manifest.told(result.versions for result in kept):
        counted = {result.task: result for result in kept if result.counts_in(found)}
        if counted:
            rows.append(_scored(name, counted, source, manifest, found))
    return rows


def _scored(name: str, results: Mapping[str, Result], source: str, manifest: Manifest, version: str) -> Row:
    cells, digits = {}, manifest.benchmark(version).digits
    for column, names in manifest.columns(version).items():
        members = [results[task] for task in names if task in results]
        if members:
            value, other = mean([100 * member.score for member in members], digits), any(map(_other, members))
            cells[column] = Cell(value, len(members), len(names), None, other)
    said = Counter(text for result in results.values() for text in _notes(result))
    size = next((r.provenance.get("model", {}).get("parameters_b") for r in results.values()), None)
    return Row(
        model=name,
        data_version=version,
        source=source,
        size_b=size,
        cells=cells,
        tasks={task: Cell(_exact(100 * result.score), other=_other(result)) for task, result in results.items()},
        notes=[
            text if count == len(results) else f"{text} ({count} of {len(results)} tasks)"
            for text, count in said.items()
        ],
    )


def _other(result: Result) -> bool:
    return result.other_protocol or result.source == "sample" or Mark.OTHER_DATA in result.marks


def _notes(result: Result) -> list[str]:
    said = notes(result).split(", ") if notes(result) else []
    if result.source == "sample":
        said.append("made-up sample, not the benchmark")
    if result.imported_from:
        said.append(f"imported from {result.imported_from}")
    return said


def read(folder: Path) -> dict[str, list[Result]]:
    """Results under a folder, by model: its own, or those of the folders in it.

    Raises:
        ConfigError: there is no such folder, or there are no results in it.
        ResultError: a file is not a result.
    """
    if not folder.is_dir():
        raise ConfigError(f"no folder at {folder}; expected one with <model>/<task>.json, as a run leaves them")
    places = [folder] if any(folder.glob("*.json")) else sorted(place for place in folder.iterdir() if place.is_dir())
    found = {place.resolve().name: [store.read(file) for file in sorted(place.glob("*.json"))] for place in places}
    return {name: results for name, results in found.items() if results}

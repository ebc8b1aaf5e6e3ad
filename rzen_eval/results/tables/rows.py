"""Rows of the leaderboard's tables, from results and from published figures alike."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from rzen_eval.benchmark.manifest import manifest as shipped
from rzen_eval.core import Mark
from rzen_eval.results.tables.averages import mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rzen_eval.benchmark.manifest import Manifest
    from rzen_eval.benchmark.published import Reference
    from rzen_eval.core import Result
    from rzen_eval.results.store import ModelResults

OTHER = "†"
"""Marks a figure of other data, or of another protocol, than the benchmark's."""
DECIMALS = 2
"""Digits after the point of an average that is formed here."""


@dataclass(frozen=True, slots=True)
class Cell:
    """An average over tasks, in percent."""

    value: Decimal
    n_scored: int = 1
    """Tasks that it is over."""
    n_tasks: int = 1
    """Tasks that it should be over."""
    digits: int | None = None
    """Digits after the point that were published; None: the average is formed here."""
    other: bool = False
    """Of other data, or of another protocol, than the benchmark's."""

    @property
    def ranked(self) -> bool:
        """Whether it may be compared: over the whole of its tasks, and of the benchmark's own data."""
        return self.n_scored == self.n_tasks and not self.other

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
        return "" if self.n_scored == self.n_tasks else f" ({self.n_scored} of {self.n_tasks})"

    def shown(self, precision: int | None = None) -> str:
        """The value with everything that a reader must know of it: over how many tasks, and whether of other data."""
        return self.text(precision) + self.part + (f" {OTHER}" if self.other else "")


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
    unranked = reference.unranked is not None
    cells, remarks = {}, [text for text in (reference.note, reference.unranked) if text]
    digits = manifest.benchmark(reference.data_version).digits
    for column, names in manifest.columns(reference.data_version).items():
        scores = [reference.tasks[name] for name in names if name in reference.tasks]
        printed = reference.scores.get(column)
        if printed is not None and len(scores) < len(names):
            cells[column] = Cell(
                _exact(printed), len(names), len(names), _digits(printed, reference.decimals), unranked
            )
        elif scores:
            cells[column] = Cell(mean(scores, digits), len(scores), len(names), None, unranked)
            if printed is not None and abs(printed - cells[column].number()) > 0.5 * 10**-reference.decimals + 1e-9:
                remarks.append(f"{column}: {printed:g} as printed, {cells[column].text()} from the scores of its tasks")
    finer = reference.decimals if reference.decimals > DECIMALS else None
    sources = f"; tasks: {reference.tasks_source}" if reference.tasks_source else ""
    return Row(
        model=reference.model,
        data_version=reference.data_version,
        source=f"{reference.source}{f' ({reference.url})' if reference.url else ''}{sources}",
        size_b=reference.size_b,
        cells=cells,
        tasks={name: Cell(_exact(score), digits=finer, other=unranked) for name, score in reference.tasks.items()},
        notes=remarks,
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
    for one in [version] if version else manifest.told(result.versions for result in kept):
        counted = {result.task: result for result in kept if result.counts_in(one)}
        if counted:
            rows.append(_scored(name, counted, source, manifest, one))
    return rows


def of_model(model: ModelResults, manifest: Manifest, version: str | None = None) -> list[Row]:
    """Rows of results that lie on disk, see `scored`."""
    return scored(model.name, list(model.results.values()), f"results in {model.folder}", manifest, version)


def _scored(name: str, results: Mapping[str, Result], source: str, manifest: Manifest, version: str) -> Row:
    cells, digits = {}, manifest.benchmark(version).digits
    for column, names in manifest.columns(version).items():
        members = [results[task] for task in names if task in results]
        if members:
            value = mean([100 * member.score for member in members], digits)
            cells[column] = Cell(value, len(members), len(names), other=any(map(other, members)))
    remarks = Counter(text for result in results.values() for text in [*notes(result), *_origin(result)])
    size = next((r.provenance.get("model", {}).get("parameters_b") for r in results.values()), None)
    return Row(
        model=name,
        data_version=version,
        source=source,
        size_b=size,
        cells=cells,
        tasks={task: Cell(_exact(100 * result.score), other=other(result)) for task, result in results.items()},
        notes=[
            text if count == len(results) else f"{text} ({count} of {len(results)} tasks)"
            for text, count in remarks.items()
        ],
    )


def other(result: Result) -> bool:
    """Whether a score is of other data, or of another protocol, than the benchmark's."""
    return result.other_protocol or result.source == "sample" or Mark.OTHER_DATA in result.marks


def notes(result: Result) -> list[str]:
    """What a reader must know about a score, each in a word or two."""
    expected = shipped().frames(result.versions)
    frames = result.provenance.get("frames", expected)
    cut = result.limit is None or result.n_queries >= result.limit
    remarks = {
        f"first {result.limit} queries" if cut else f"all {result.n_queries} queries": result.limit is not None,
        "not the benchmark's data": Mark.OTHER_DATA in result.marks,
        f"{frames} frames": result.modality == "video" and frames != expected,
        "collapsed": Mark.COLLAPSED in result.marks,
    }
    return [remark for remark, holds in remarks.items() if holds]


def _origin(result: Result) -> list[str]:
    sample = ["made-up sample, not the benchmark"] if result.source == "sample" else []
    return [*sample, *([f"imported from {result.imported_from}"] if result.imported_from else [])]

"""Rows of the leaderboard's tables, from results and from published figures alike."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from rzen_eval.benchmark.manifest import manifest as shipped
from rzen_eval.core import Mark
from rzen_eval.results.protocol import PLACES
from rzen_eval.results.sampling import half_interval
from rzen_eval.results.tables.averages import mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rzen_eval.benchmark.manifest import Manifest
    from rzen_eval.benchmark.published import Reference
    from rzen_eval.core import Result
    from rzen_eval.results.store import ModelResults

OTHER = "†"
"""Marks a figure of other data, or of another protocol, than the benchmark's."""
SAMPLE = "made-up sample, not the benchmark"
"""Stands in the notes of a row of such scores."""
DECIMALS = 2
"""Digits after the point of an average that is formed here."""
ESTIMATED = 1
"""Digits after the point of an estimate."""


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
    half: float | None = None
    """Half the 95 % interval, in points, of an estimate from random samples of queries; None: all were scored."""

    @property
    def ranked(self) -> bool:
        """Whether it may be compared: over all queries of all of its tasks, and of the benchmark's own data."""
        return self.n_scored == self.n_tasks and not self.other and self.half is None

    def number(self, precision: int | None = None) -> float:
        """The value as it is printed; never with more digits than were published."""
        return float(self.text(precision))

    def text(self, precision: int | None = None) -> str:
        """The value with its digits; by default those that were published, or two."""
        own = DECIMALS if self.digits is None else self.digits
        own = own if self.half is None else ESTIMATED
        shown = own if precision is None else precision if self.digits is None else min(precision, own)
        return f"{round(self.value, shown):.{shown}f}"

    @property
    def part(self) -> str:
        """` (3 of 10)` where tasks are missing, else nothing."""
        return "" if self.n_scored == self.n_tasks else f" ({self.n_scored} of {self.n_tasks})"

    def shown(self, precision: int | None = None) -> str:
        """The value with everything that a reader must know of it: over how many tasks, and whether of other data."""
        about = "" if self.half is None else f" ± {self.half:.{ESTIMATED if precision is None else precision}f}"
        nearly = "" if self.half is None else "≈ "
        return nearly + self.text(precision) + about + self.part + (f" {OTHER}" if self.other else "")


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
        results: of any tasks. Those of a random sample of their queries make a row of their own, of estimates; those of
            the first queries are left out.
        source: where the results lie.
        manifest: what the tables are made of.
        version: of the data; None: every one that a task tells, a benchmark's newest where none does.
    """
    whole = [result for result in results if result.limit is None]
    estimates = [result for result in results if result.limit is None or result.sampled]
    told = [version] if version else manifest.averaged_in(result.versions for result in estimates)
    rows = []
    for one, kept in [(one, kept) for one in told for kept in (whole, estimates)]:
        counted = {result.task: result for result in kept if result.counts_in(one)}
        sampled = any(result.sampled for result in counted.values())
        if counted and sampled == (kept is estimates):
            row = _scored(f"{name}{_sizes(counted.values())}", counted, source, manifest, one)
            rows.append(replace(row, cells={**row.cells, **_wider(kept, manifest, one)}))
    return rows


def _wider(results: Sequence[Result], manifest: Manifest, version: str) -> dict[str, Cell]:
    """Averages over more than a version's own tasks, of which there are some in each version that they are over.

    Where tasks count 0 because nobody can run them, every other has a score: a task that is yet to be scored is no 0.
    """
    cells, digits = {}, manifest.benchmark(version).digits
    for title, wider in manifest.versions[version].wider.items():
        names = wider.names(manifest)
        known = {one: [r for r in results if r.counts_in(one) and r.task in {*names[one]}] for one in names}
        members = [result for found in known.values() for result in found]
        n_tasks = sum(map(len, names.values()))
        if all(known.values()) and (len(members) == n_tasks or not wider.zeros):
            value = mean([*(100 * member.score for member in members), *[0.0] * wider.zeros], digits)
            n_scored, n_tasks = len(members) + wider.zeros, n_tasks + wider.zeros
            cells[title] = Cell(
                value, n_scored, n_tasks, other=any(map(other, members)), half=half(members, wider.zeros)
            )
    return cells


def _sizes(results: Iterable[Result]) -> str:
    """` (100 queries a task)` of estimates, else nothing."""
    sizes = sorted({result.limit.n for result in results if result.limit})
    few = f"{sizes[0]} to {sizes[-1]}" if len(sizes) > 1 else f"{sizes[0]}" if sizes else ""
    return f" ({few} queries a task)" if few else ""


def half(results: Sequence[Result], n_certain: int = 0) -> float | None:
    """Half the 95 % interval of the mean over tasks, in points; None where all queries of all of them were scored.

    Args:
        results: of the tasks.
        n_certain: further tasks of the mean, whose scores are no estimates.
    """
    if not any(result.sampled for result in results):
        return None
    errors = [result.sampled.error if result.sampled else 0.0 for result in results]
    return half_interval([*errors, *[0.0] * n_certain])


def of_model(model: ModelResults, manifest: Manifest, version: str | None = None) -> list[Row]:
    """Rows of results that lie on disk, see `scored`."""
    return scored(model.name, list(model.results.values()), f"results in {model.folder}", manifest, version)


def _scored(name: str, results: Mapping[str, Result], source: str, manifest: Manifest, version: str) -> Row:
    cells, digits = {}, manifest.benchmark(version).digits
    for column, names in manifest.columns(version).items():
        members = [results[task] for task in names if task in results]
        if members:
            value = mean([100 * member.score for member in members], digits)
            cells[column] = Cell(value, len(members), len(names), other=any(map(other, members)), half=half(members))
    remarks = Counter(text for result in results.values() for text in [*_noted(result), *_origin(result)])
    size = next((r.provenance.get("model", {}).get("parameters_b") for r in results.values()), None)
    return Row(
        model=name,
        data_version=version,
        source=source,
        size_b=size,
        cells=cells,
        tasks={
            task: Cell(_exact(100 * result.score), other=other(result), half=half([result]))
            for task, result in results.items()
        },
        notes=[
            text if count == len(results) else f"{text} ({count} of {len(results)} tasks)"
            for text, count in remarks.items()
        ],
    )


def other(result: Result) -> bool:
    """Whether a score is of other data, or of another protocol, than the benchmark's."""
    made_up = result.source == "sample" or Mark.OTHER_DATA in result.marks
    return result.other_protocol or made_up or bool(redeclared(result))


def redeclared(result: Result) -> list[str]:
    """What of a shipped task its user has declared otherwise, by which its score is one of something else."""
    entry = shipped().entries.get(result.id)
    repo = result.provenance.get("dataset", {}).get("repo")
    if entry is None:
        return []
    options = result.provenance.get("options", entry.options)
    told = {*options, *entry.options} - PLACES
    changed = sorted(name for name in told if options.get(name) != entry.options.get(name))
    said = (
        (f"metric {result.metric}", result.metric != entry.metric),
        (f"rows of {repo}", repo not in {None, entry.repo}),
        (f"other {', '.join(changed)}", bool(changed)),
    )
    return [text for text, holds in said if holds]


def notes(result: Result) -> list[str]:
    """What a reader must know about a score, each in a word or two."""
    expected = shipped().frames(result.versions)
    frames = result.provenance.get("frames", expected)
    remarks = {
        _extent(result): result.limit is not None,
        "not the benchmark's data": Mark.OTHER_DATA in result.marks,
        f"{frames} frames": result.modality == "video" and frames != expected,
        "collapsed": Mark.COLLAPSED in result.marks,
        "other instruction": _asked_otherwise(result),
    }
    return [*(remark for remark, holds in remarks.items() if holds), *redeclared(result)]


def _asked_otherwise(result: Result) -> bool:
    """Whether a shipped task was put with an instruction of its user's."""
    entry, said = shipped().entries.get(result.id), result.provenance.get("instruction") or {}
    return entry is not None and any(text != entry.instruction.get(side) for side, text in said.items())


def _extent(result: Result) -> str:
    """Which of a task's queries were scored, where a limit chose them."""
    if result.limit is None or result.n_queries < result.limit.n:
        return f"all {result.n_queries} queries"
    if result.limit.how == "first":
        return f"first {result.n_queries} queries"
    if result.sampled is None or result.n_queries == result.sampled.n_queries:
        return f"all {result.n_queries} queries"
    return f"{result.n_queries} of {result.sampled.n_queries} queries, ± {half([result]):.1f}"


def _noted(result: Result) -> list[str]:
    """What a row says of one of its scores; of a sample its name says how many queries there are, and ± how sure."""
    return [text for text in notes(result) if not (result.sampled and text == _extent(result))]


def _origin(result: Result) -> list[str]:
    sample = [SAMPLE] if result.source == "sample" else []
    return [*sample, *([f"imported from {result.imported_from}"] if result.imported_from else [])]

"""Whether results come out as they were published."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from rzen_eval.core import Mark
from rzen_eval.errors import ResultError
from rzen_eval.results import per_query, protocol
from rzen_eval.results.statistics import bootstrap
from rzen_eval.results.tables.averages import mean
from rzen_eval.results.tables.rows import half as half_interval_of
from rzen_eval.results.tables.rows import published

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rzen_eval.benchmark.manifest import Manifest
    from rzen_eval.benchmark.published import Reference
    from rzen_eval.core import Result, Task
    from rzen_eval.results.statistics.bootstrap import Floats
    from rzen_eval.results.store import ModelResults
    from rzen_eval.results.tables.rows import Cell as Printed

NOISE = {"task": 1.39, "group": 1.04, "modality": 0.47, "overall": 0.01}
"""Points by which independent runs of one model differ, 95th percentile over the cells of a kind.

Source: Qwen3-VL-Embedding-8B on MMEB-V2 as the leaderboard has it, and as the benchmark's authors ran it again. Of no
other benchmark are two runs known; a mean over all of its tasks counts as one over a modality of MMEB-V2.
"""
SHARE = 0.5
"""Of half the 95 % interval of a score: how far runs differ on a task of few queries, where each is many points.

Source: 95 % of 550 pairs of runs differ by less. These are the pair of NOISE, and the eight models of the official
evaluator in 2.0 and 2.0.1 on the 59 tasks whose data and prompts are the same.
"""


class Verdict(StrEnum):
    """What becomes of a published figure."""

    MATCH = "match"
    HIGHER = "higher"
    LOWER = "lower"
    MISSING = "missing"
    PRIVATE = "private"
    POSSIBLE = "possible"
    """A sample of the queries neither shows it nor speaks against it."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A published figure and what came out."""

    name: str
    kind: str
    """overall, modality, group or task."""
    published: float
    """Per cent."""
    digits: int
    """Digits after the point that were published."""
    score: float | None
    """Per cent; None where a task of it is missing."""
    tolerance: float
    """In points."""
    part: str = ""
    """`3 of 10` where tasks are missing."""
    private: bool = False
    """Whether its data are not public, so that nobody else can score it."""
    half: float | None = None
    """Half the 95 % interval of a score of random queries, in points, a part of the tolerance; None: of all queries."""

    @property
    def verdict(self) -> Verdict:
        """Whether the figure came out; too high fails as too low does."""
        if self.private:
            return Verdict.PRIVATE
        if self.score is None:
            return Verdict.MISSING
        if abs(self.score - self.published) <= self.tolerance + 1e-9:
            return Verdict.MATCH if self.half is None else Verdict.POSSIBLE
        return Verdict.HIGHER if self.score > self.published else Verdict.LOWER

    @property
    def fails(self) -> bool:
        """Whether the row is not reproduced for it."""
        return self.verdict not in {Verdict.MATCH, Verdict.PRIVATE}


def reproduce(model: ModelResults, tasks: Mapping[str, Task], reference: Reference, manifest: Manifest) -> list[Cell]:
    """Hold results against published figures, cell by cell, in the official reading.

    Args:
        model: its results; those of other tasks are left alone.
        tasks: that were to be scored, by id.
        reference: the published row.
        manifest: what averages are made of.

    Returns:
        Every published figure of the chosen tasks and of averages over nothing but them: averages first. Where all
        tasks of the version are chosen, figures of tasks whose data are private come last.

    Raises:
        ResultError: a file of single queries is of another result.
    """
    results = {tasks[name].name: result for name, result in model.results.items() if name in tasks}
    draws = {task: _drawn(model, result) for task, result in results.items()}
    chosen = {task.name for task in tasks.values()}
    version = reference.data_version
    row, made_of, benchmark = published(reference, manifest), manifest.columns(version), manifest.benchmark(version)
    figures = [
        (column, _kind(column, manifest, version), row.cells[column], made_of[column])
        for column in made_of
        if column in row.cells and row.cells[column].ranked and chosen.issuperset(made_of[column])
    ]
    figures += [
        (task.name, "task", row.tasks[task.name], [task.name]) for task in tasks.values() if task.name in row.tasks
    ]
    whole = chosen.issuperset(made_of[benchmark.overall])
    private = [name for name in row.tasks if whole and name in benchmark.private]
    return [
        *(_cell(*figure, results=results, draws=draws, decimals=benchmark.digits) for figure in figures),
        *(_private(name, row.tasks[name]) for name in private),
    ]


def _kind(column: str, manifest: Manifest, version: str) -> str:
    kind = manifest.kind(column, version)
    first = manifest.benchmark(version) == manifest.benchmark()
    return "modality" if kind == "overall" and not first else kind


def _private(name: str, printed: Printed) -> Cell:
    return Cell(name, "task", float(printed.value), printed.digits or 2, None, 0.0, "data are private", private=True)


def _drawn(model: ModelResults, result: Result) -> Floats | None:
    queries = per_query.read_queries(model.folder, result)
    return None if queries is None else bootstrap.resampled(queries.score, result.id)


def _cell(
    name: str,
    kind: str,
    printed: Printed,
    names: Sequence[str],
    *,
    results: Mapping[str, Result],
    draws: Mapping[str, Floats | None],
    decimals: int,
) -> Cell:
    value, digits = float(printed.value), 2 if printed.digits is None else printed.digits
    members = [task for task in names if task in results]
    if len(members) < len(names):
        part = f"{len(members)} of {len(names)}" if members else ""
        return Cell(name, kind, value, digits, None, NOISE[kind], part)
    found = float(round(mean([100 * results[task].score for task in names], decimals), decimals))
    known = [means for task in names if (means := draws[task]) is not None]
    sampled = half_interval_of([results[task] for task in names])
    if sampled is not None:
        return Cell(name, kind, value, digits, found, NOISE[kind] + sampled + 0.5 * 10**-digits, half=sampled)
    half = 100 * bootstrap.interval(np.mean(known, axis=0)).half if len(known) == len(names) else 0.0
    return Cell(name, kind, value, digits, found, max(NOISE[kind], SHARE * half) + 0.5 * 10**-digits)


def refuse(
    model: ModelResults, tasks: Mapping[str, Task], declared: Mapping[str, Any], reference: Reference, frames: int
) -> list[str]:
    """Refuse results that were not made as the published row was.

    Args:
        model: its results.
        tasks: that were to be scored, by id.
        declared: the model's declaration, as it is to be used.
        reference: the published row.
        frames: of a video that the model sees, as chosen.

    Returns:
        What differs and changes a score by no more than noise, a line each.

    Raises:
        ResultError: data version, frames, prompt or another setting differs; says what.
    """
    if any(task.modality == "video" for task in tasks.values()) and reference.frames not in {None, frames}:
        raise ResultError(
            f"{reference.model}: published with {reference.frames} frames of a video, and these settings take {frames};"
            " they cannot be compared"
        )
    results = {name: result for name, result in model.results.items() if name in tasks}
    for name, result in results.items():
        if said := _other(result):
            raise ResultError(
                f"{name}: {said}, so it cannot be compared with published figures; score the benchmark's own data"
            )
    # What is left to the device, or not published, is as it was found.
    recipe = {key: value for key, value in declared.items() if value != "auto" and (key, value) != ("dim", None)}
    found = {
        name: [
            *protocol.changes(_presented(tasks[name]), protocol.presented(result)),
            *protocol.changes(recipe, protocol.settings(result)),
        ]
        for name, result in results.items()
    }
    small = {name: [one for one in changes if one.name == "dtype"] for name, changes in found.items()}
    large = {name: [one for one in changes if one.name != "dtype"] for name, changes in found.items()}
    if any(large.values()):
        lines = protocol.listed(large, ("the recipe", "the results"))
        raise ResultError(
            f"{model.folder}: not made with the settings of the published row: {'; '.join(lines)};"
            " score again with these settings"
        )
    return protocol.listed(small, ("the recipe", "the results"))


def _presented(task: Task) -> dict[str, Any]:
    """What `protocol.presented` gives of a result of this task, as far as it is declared."""
    return {"frames": task.frames, "options": protocol.recipe_options(task.options)} | {
        f"instruction of a {side}": text for side, text in task.instruction.model_dump().items() if text is not None
    }


def _other(result: Result) -> str:
    """What makes a score not one of the benchmark's, if anything."""
    if result.limit is not None and result.sampled is None:
        return f"scored on {result.limit.words}"
    if result.source == "sample":
        return "scored on the made-up sample"
    if Mark.OTHER_DATA in result.marks:
        return "scored on other data than the benchmark's"
    return "imported from mteb, which has its own prompts" if result.other_protocol else ""

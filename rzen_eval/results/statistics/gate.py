"""Whether results are as good as a baseline, made in the same way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from rzen_eval.errors import ConfigError, some
from rzen_eval.results import per_query, protocol
from rzen_eval.results.statistics import bootstrap
from rzen_eval.results.statistics.baseline import DIGITS, SCORE_DIGITS
from rzen_eval.results.tables.averages import mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rzen_eval.benchmark.manifest import Manifest
    from rzen_eval.core import Result
    from rzen_eval.results.statistics.baseline import Baseline, Recorded
    from rzen_eval.results.statistics.bootstrap import Floats
    from rzen_eval.results.store import ModelResults

ALPHA = 0.05
"""A drop is beyond noise where its corrected p-value is below this."""
SIDES = ("the baseline", "the results")


class Verdict(StrEnum):
    """What becomes of a task or an average."""

    SAME = "same"
    LOWER = "lower"
    HIGHER = "higher"
    MISSING = "missing"
    CHANGED = "changed"
    """Other data or another protocol: whatever it scores, it is not what the baseline has."""


@dataclass(frozen=True, slots=True)
class Check:
    """A task, an average or a fact of the protocol, held against the baseline."""

    name: str
    group: str
    """Of a task; else `average` or `protocol`."""
    before: float | None
    """Per cent; None for a fact of the protocol."""
    after: float | None
    """Per cent; None where it is missing, and for a fact of the protocol."""
    verdict: Verdict
    why: str = ""
    """In a few words, where there is something to say."""
    p: float | None = None
    """Of the paired permutation test, corrected for the number of tasks or of averages; None: queries were not kept."""

    def failed(self, *, strict: bool) -> bool:
        """Whether the gate stays shut for it."""
        return self.verdict in {Verdict.LOWER, Verdict.MISSING, Verdict.CHANGED} or (
            strict and self.verdict is Verdict.HIGHER
        )


@dataclass(frozen=True, slots=True)
class Gate:
    """All checks, and what may change but should be known."""

    protocol: Sequence[Check]
    """Facts that have changed, whatever the scores."""
    averages: Sequence[Check]
    tasks: Sequence[Check]
    notes: Sequence[str]

    @property
    def checks(self) -> list[Check]:
        """All, the most telling first."""
        return [*self.protocol, *self.averages, *self.tasks]


@dataclass(frozen=True, slots=True)
class _Pair:
    """A task that both have and that can be compared."""

    before: float
    """0 to 1."""
    after: float
    differences: Floats | None
    """After less before of each query, shape (queries,)."""
    null: Floats | None


def check(model: ModelResults, baseline: Baseline, manifest: Manifest, tolerance: float) -> Gate:
    """Hold results against a baseline.

    A task or average is lower where it drops by more than the tolerance, or by less but beyond noise: where a paired
    permutation test over its queries, corrected for their number, says so.

    Args:
        model: results.
        baseline: what they should be.
        manifest: what averages are made of.
        tolerance: points that a score may drop, or with a strict gate rise.

    Raises:
        ConfigError: the baseline holds no task.
        ResultError: a file of single queries is of another result.
    """
    if not baseline.tasks:
        raise ConfigError("check: the baseline holds no task; --update writes it anew")
    pairs: dict[str, _Pair] = {}
    changes: dict[str, list[protocol.Change]] = {}
    tasks = []
    for name, recorded in baseline.tasks.items():
        result = model.results.get(name)
        if result is None:
            tasks.append(Check(name, recorded.group, 100 * recorded.score, None, Verdict.MISSING, "no result"))
            continue
        changes[name] = protocol.changes(recorded.asked, protocol.asked(result))
        verdict, why = Verdict.SAME, ""
        if changes[name]:
            verdict, why = Verdict.CHANGED, f"not the same task: {', '.join(change.name for change in changes[name])}"
        else:
            pairs[name] = _pair(model, name, recorded, result)
            changes[name] += protocol.changes(baseline.settings, protocol.settings(result))
            changes[name] += protocol.changes(recorded.presented, protocol.presented(result))
        tasks.append(Check(name, recorded.group, 100 * recorded.score, 100 * result.score, verdict, why))
    averages: list[Check] = []
    members: list[Sequence[_Pair]] = []
    for version in protocol.versions([model.results[name] for name in pairs], manifest):
        counted = {
            baseline.tasks[name].task: pair for name, pair in pairs.items() if model.results[name].counts_in(version)
        }
        found = _averaged(counted, manifest.columns(version))
        digits = manifest.benchmark(version).digits
        averages += [_average(column, several, digits) for column, several in found.items()]
        members += list(found.values())
    return Gate(
        protocol=[_changed(line) for line in protocol.listed(changes, SIDES)],
        averages=_judged(averages, members, tolerance),
        tasks=_judged(tasks, [[pairs[one.name]] if one.name in pairs else [] for one in tasks], tolerance),
        notes=_notes(model, baseline),
    )


def _changed(line: str) -> Check:
    name, _, why = line.partition(": ")
    return Check(f"protocol: {name}", "protocol", None, None, Verdict.CHANGED, why)


def _pair(model: ModelResults, name: str, recorded: Recorded, result: Result) -> _Pair:
    queries = per_query.read_queries(model.folder, result)
    if queries is None or recorded.queries is None:
        return _Pair(recorded.score, result.score, None, None)
    differences = np.round(queries.score, DIGITS) - np.array(recorded.queries)
    return _Pair(recorded.score, result.score, differences, bootstrap.flipped(differences, name))


def _averaged(pairs: Mapping[str, _Pair], columns: Mapping[str, Sequence[str]]) -> dict[str, list[_Pair]]:
    """Tasks of each column that has several, under the leaderboard's names."""
    found = {column: [pairs[task] for task in tasks if task in pairs] for column, tasks in columns.items()}
    return {column: members for column, members in found.items() if len(members) > 1}


def _average(column: str, members: Sequence[_Pair], digits: int) -> Check:
    before, after = (
        float(mean([100 * getattr(pair, side) for pair in members], digits)) for side in ("before", "after")
    )
    return Check(f"{column} ({len(members)} tasks)", "average", before, after, Verdict.SAME)


def _judged(checks: Sequence[Check], members: Sequence[Sequence[_Pair]], tolerance: float) -> list[Check]:
    """Verdicts on scores; one on the protocol stands."""
    p_values = [_p(pairs) for pairs in members]
    corrected = iter(bootstrap.holm([p for p in p_values if p is not None]))
    judged = []
    for one, pairs, p in zip(checks, members, p_values, strict=True):
        sure = None if p is None else next(corrected)
        judged.append(replace(_scored(one, pairs, sure, tolerance), p=sure) if pairs else one)
    return judged


def _scored(one: Check, members: Sequence[_Pair], p: float | None, tolerance: float) -> Check:
    if one.before is None or one.after is None:
        return one
    points = one.after - one.before
    rounding = 100 * 10.0**-SCORE_DIGITS
    large, sure = abs(points) > tolerance + rounding, p is not None and p < ALPHA
    verdict = Verdict.SAME if not (large or sure) else Verdict.LOWER if points < 0 else Verdict.HIGHER
    known = [pair.differences for pair in members if pair.differences is not None]
    worse, better, n = (sum(int(test(values)) for values in known) for test in (_worse, _better, len))
    if not (worse or better):
        return replace(one, verdict=verdict)
    beyond = f"; beyond the tolerance of {tolerance:g}" if large else "; beyond noise" if sure else ""
    return replace(one, verdict=verdict, why=f"{worse} queries worse and {better} better of {n}{beyond}")


def _worse(values: Floats) -> int:
    return int((values < 0).sum())


def _better(values: Floats) -> int:
    return int((values > 0).sum())


def _p(members: Sequence[_Pair]) -> float | None:
    observed = [pair.differences.mean() for pair in members if pair.differences is not None]
    null = [pair.null for pair in members if pair.null is not None]
    if not members or len(observed) < len(members):
        return None
    return bootstrap.p_value(float(np.mean(observed)), np.mean(null, axis=0))


def _notes(model: ModelResults, baseline: Baseline) -> list[str]:
    """What may change without shutting the gate."""
    shared = [result for name, result in model.results.items() if name in baseline.tasks]
    found = {result.id: protocol.changes(baseline.made_with, protocol.made_with(result)) for result in shared}
    notes = protocol.listed(found, SIDES)
    new = [name for name in model.results if name not in baseline.tasks]
    if new:
        notes.append(f"not in the baseline: {some(new, 3)}; --update adds them")
    if model.name != baseline.model:
        notes.append(f"the baseline is of {baseline.model}")
    return notes

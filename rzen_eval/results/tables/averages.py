"""Leaderboard tables."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pandas as pd

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.core import Mark

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rzen_eval.benchmark.published import Reference
    from rzen_eval.core import Result

OTHER = "†"
"""Marks a cell that holds scores of other data than the benchmark's."""
TITLES = {"image": "Image", "video": "Video", "visdoc": "Visdoc"}


def mean(percents: Sequence[float], digits: int = 2) -> Decimal:
    """Mean as the published tables form it: every score is first rounded, to two decimals unless said otherwise.

    It is exact, so that halves round to even as in those tables: 43.125 to 43.12, 34.955 to 34.96.
    Source: found by recomputing the published rows of 2025 from the official per-task scores.
    """
    return sum((Decimal(f"{percent:.{digits}f}") for percent in percents), Decimal(0)) / len(percents)


def average(scores: Sequence[float]) -> float:
    """Mean in percent of scores from 0 to 1, with two decimals."""
    return float(round(mean([100 * score for score in scores]), 2))


def cell(results: Sequence[Result], expected: Sequence[str]) -> str:
    """A table's cell: an average where every task of the group is there, else what part of it is."""
    scores = {result.task: result.score for result in results if result.task in expected and result.limit is None}
    if not scores:
        return "–"
    mean = f"{average(list(scores.values())):.2f}"
    part = "" if len(scores) == len(expected) else f" ({len(scores)} of {len(expected)})"
    return (
        mean
        + part
        + (f" {OTHER}" if any(Mark.OTHER_DATA in result.marks for result in results if result.task in scores) else "")
    )


def by_version(name: str, results: Sequence[Result]) -> dict[str, list[Result]]:
    """Rows of a model, one for each version of the data that tells its tasks apart; the versions are never averaged.

    Args:
        name: what the model is called.
        results: of any tasks; a task that is the same in both versions counts in both rows.
    """
    told = {version for result in results for version in result.versions or () if len(result.versions or ()) == 1}
    if not told:
        return {name: list(results)}
    return {
        f"{name} (data {version})": [result for result in results if version in (result.versions or ())]
        for version in sorted(told, reverse=True)
    }


def modality_table(
    rows: Mapping[str, Sequence[Result]],
    modality: str,
    groups: Mapping[str, Sequence[str]],
    reference: Reference | None = None,
) -> pd.DataFrame:
    """One row a model; columns as on the model card: the modality's mean, then its groups'.

    Args:
        rows: results by what the row is called.
        modality: image, video or visdoc.
        groups: leaderboard names of the tasks of each group, in the card's order.
        reference: a published row to print below.

    Returns:
        Percent with two decimals, as text: a mean over part of a group says so.
    """
    everything = [name for names in groups.values() for name in names]
    return _frame(rows, {TITLES[modality]: everything, **groups}, reference)


def _frame(
    rows: Mapping[str, Sequence[Result]], columns: Mapping[str, Sequence[str]], reference: Reference | None
) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            column: {row: cell(results, expected) for row, results in rows.items()}
            for column, expected in columns.items()
        },
        index=list(rows),
    )
    if reference:
        published = [_printed(reference, column, expected) for column, expected in columns.items()]
        frame.loc[f"{reference.model} (published, data {reference.data_version})"] = published
    return frame.rename_axis("Model")


def _printed(reference: Reference, column: str, expected: Sequence[str]) -> str:
    """A published figure; where only scores of tasks are published, their average if it is over all of them."""
    if column in reference.scores:
        return f"{reference.scores[column]:.2f}"
    scores = [reference.tasks[name] / 100 for name in expected if name in reference.tasks]
    return f"{average(scores):.2f}" if len(scores) == len(expected) else "–"


def overall_table(
    rows: Mapping[str, Sequence[Result]],
    benchmark: Mapping[str, Mapping[str, Sequence[str]]],
    reference: Reference | None = None,
) -> pd.DataFrame:
    """One row a model; the mean over all tasks, then the modalities': the first table of the model card.

    Args:
        rows: results by what the row is called.
        benchmark: leaderboard names of the tasks by modality and group.
        reference: a published row to print below.
    """
    members = {
        TITLES[modality]: [name for names in groups.values() for name in names]
        for modality, groups in benchmark.items()
    }
    everything = [name for names in members.values() for name in names]
    return _frame(rows, {"Overall": everything, **members}, reference)


def task_table(results: Sequence[Result], failed: Mapping[str, str]) -> pd.DataFrame:
    """One row a task: its score in both readings, its counts, and what a reader must know about it."""
    rows = {
        result.id: {
            "task": result.task,
            "group": result.group,
            "metric": result.metric,
            "score": f"{100 * result.score:.2f}",
            "exact": f"{100 * result.exact:.2f}",
            "queries": str(result.n_queries),
            "candidates": str(result.n_candidates),
            "ties": str(result.n_ties),
            "notes": notes(result),
        }
        for result in results
    }
    for name in failed:
        rows[name] = dict.fromkeys(("task", "group", "metric", "score", "exact", "queries", "candidates", "ties"), "–")
        rows[name]["notes"] = "failed"
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("id")


def notes(result: Result) -> str:
    """What a reader must know about a score, in a word or two."""
    said = []
    if result.limit is not None:
        said.append(f"first {result.limit} queries")
    if Mark.OTHER_DATA in result.marks:
        said.append("not the benchmark's data")
    expected = manifest().frames(result.versions)
    frames = result.provenance.get("frames", expected)
    if result.modality == "video" and frames != expected:
        said.append(f"{frames} frames")
    if Mark.COLLAPSED in result.marks:
        said.append("collapsed")
    return ", ".join(said)


def markdown(frame: pd.DataFrame) -> str:
    """A frame as a Markdown table."""
    left = ("left",)
    return frame.reset_index().to_markdown(index=False, disable_numparse=True, colalign=left * (frame.shape[1] + 1))

"""The report as one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jinja2
import numpy as np

from rzen_eval.results.statistics.bootstrap import RESAMPLES, interval
from rzen_eval.results.tables.leaderboard import LEGEND
from rzen_eval.results.tables.rows import notes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rzen_eval.benchmark.manifest import Manifest
    from rzen_eval.core import Result
    from rzen_eval.results.report.task_page import TaskPage
    from rzen_eval.results.statistics.bootstrap import Floats
    from rzen_eval.results.store import ModelResults
    from rzen_eval.results.tables.document import Part
    from rzen_eval.results.tables.rows import Row

SCRIPTS = ("elements.js", "charts.js", "queries.js", "browser.js", "overview.js", "main.js")
"""Parts of the page's program, in the order in which they need each other."""
LEVELS = {"overall": 0, "modality": 1, "group": 2}
"""How far in the bars of a column stand."""


@dataclass(frozen=True, slots=True)
class Overview:
    """What stands before the tasks."""

    models: Sequence[ModelResults]
    data_version: str
    """Of the bars."""
    rows: Sequence[Row | None]
    """The bars of each model; None where it has no whole task of this version."""
    references: Sequence[Row]
    """Published rows beside the bars."""
    sections: Sequence[Part]
    """Tables."""
    manifest: Manifest
    """What averages are made of."""
    notes: Sequence[str]
    """What a reader must know first."""
    pictured: int
    """Queries of each task that have pictures, at most."""
    side: int
    """Pixels of a picture's longest side."""
    home: str = ""
    """Address of the site that it is a page of; empty: it stands alone."""


def environment() -> jinja2.Environment:
    """Where the templates of reports and sites are; a name that none was given for is an error."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("rzen_eval.results.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(overview: Overview, pages: Mapping[str, TaskPage]) -> str:
    """The whole file.

    Args:
        overview: averages and tables.
        pages: by task id, in the order of the benchmark.
    """
    names = [model.name for model in overview.models]
    tasks = [_task(task_id, page, names) for task_id, page in pages.items()]
    return (
        environment()
        .get_template("report.html")
        .render(
            overview=overview,
            names=names,
            columns=_columns(overview, pages),
            tasks=tasks,
            legend=LEGEND,
            about=[_about(model) for model in overview.models],
            index={
                "models": names,
                "tasks": [{key: task[key] for key in ("id", "name", "group", "metric")} for task in tasks],
            },
            packed={task_id: _packed(page) for task_id, page in pages.items()},
            resamples=RESAMPLES,
            scripts=SCRIPTS,
        )
        + "\n"
    )


def _columns(overview: Overview, pages: Mapping[str, TaskPage]) -> list[dict[str, Any]]:
    """Bars of every column that one of the models has a score in."""
    by_name = [
        {page.first.task: page for page in pages.values() if _counts(page, place, overview.data_version)}
        for place in range(len(overview.models))
    ]
    found = []
    for column, members in overview.manifest.columns(overview.data_version).items():
        bars = [
            None
            if row is None or (cell := row.cells.get(column)) is None
            else {
                "value": cell.number(),
                "text": cell.text() if cell.half is None else f"≈ {cell.text()}",
                "part": cell.part.strip(),
                "interval": _interval(_average([by_name[place].get(name) for name in members], place))
                if cell.half is None
                else (f"{cell.number() - cell.half:.1f}", f"{cell.number() + cell.half:.1f}"),
            }
            for place, row in enumerate(overview.rows)
        ]
        if any(bars):
            whole = any(bar and not bar["part"] for bar in bars)
            beside = [
                {"place": place, "model": row.model, "value": cell.number(), "text": cell.text()}
                for place, row in enumerate(overview.references)
                if whole and (cell := row.cells.get(column)) is not None and not cell.part
            ]
            level = LEVELS[overview.manifest.kind(column, overview.data_version)]
            partial = any(bar and bar["part"] for bar in bars)
            found.append({"name": column, "level": level, "bars": bars, "references": beside, "partial": partial})
    return found


def _counts(page: TaskPage, place: int, version: str) -> bool:
    result = page.results[place]
    return result is not None and result.limit is None and result.counts_in(version)


def _average(pages: Sequence[TaskPage | None], place: int) -> Floats | None:
    """Resampled means over the tasks that are there; None where those of one of them are not known."""
    means = [page.means[place] for page in pages if page]
    known = [one for one in means if one is not None]
    return np.mean(known, axis=0) if known and len(known) == len(means) else None


def _interval(means: Floats | None) -> tuple[str, str] | None:
    if means is None:
        return None
    found = interval(means)
    return f"{100 * found.low:.2f}", f"{100 * found.high:.2f}"


def _task(task_id: str, page: TaskPage, names: Sequence[str]) -> dict[str, Any]:
    """A line of the table of tasks."""
    first = page.first
    scored = [result for result in page.results if result]
    difference = 100 * (scored[1].score - scored[0].score) if len(scored) > 1 else None
    return {
        "id": task_id,
        "name": first.task,
        "group": first.group,
        "metric": first.metric,
        "scores": [
            None
            if result is None
            else {
                "value": round(100 * result.score, 4),
                "text": f"{100 * result.score:.2f}",
                "interval": _interval(found),
                "ties": result.n_ties,
            }
            for result, found in zip(page.results, page.means, strict=True)
        ],
        "difference": difference,
        "difference_text": _signed(difference),
        "queries": first.n_queries,
        "candidates": first.n_candidates,
        "notes": _notes(page.results, names),
    }


def _notes(results: Sequence[Result | None], names: Sequence[str]) -> str:
    """What is to be known of the scores, and of whose where that is not of all."""
    said = [", ".join(notes(result)) if result else "" for result in results]
    if len(set(said)) == 1:
        return said[0]
    return "; ".join(f"{name}: {text}" for name, text in zip(names, said, strict=True) if text)


def _signed(difference: float | None) -> str:
    if difference is None:
        return "–"
    text = f"{abs(difference):.2f}"
    return text if text == "0.00" else f"{'−' if difference < 0 else '+'}{text}"


def _about(model: ModelResults) -> list[tuple[str, str]]:
    """Where a model's numbers come from, of its first result; single tasks show their own in full."""
    first = next(iter(model.results.values()))
    where = first.provenance
    told = where.get("model", {}) | {"data": first.source}
    plain = {key: value for key, value in told.items() if isinstance(value, str | int | float) and key != "name"}
    software = ", ".join(f"{name} {version}" for name, version in where.get("software", {}).items())
    machine = ", ".join(str(value) for value in where.get("machine", {}).values() if value is not None)
    return [
        ("results", str(model.folder)),
        *((key.replace("_", " "), str(value)) for key, value in plain.items()),
        *((key, text) for key, text in (("software", software), ("machine", machine)) if text),
    ]


def _packed(page: TaskPage) -> str:
    """Everything on a task as gzip in base64: JSON shrinks to a quarter, and is parsed only when it is looked at."""
    results = [
        None
        if result is None
        else {
            "score": result.score,
            "exact": result.exact,
            "metrics": result.metrics,
            "official": result.official,
            "warnings": result.warnings,
            "ties": result.n_ties,
            "estimate": _interval(found),
            "provenance": result.provenance,
        }
        for result, found in zip(page.results, page.means, strict=True)
    ]
    first = page.first
    whole = {
        "modality": first.modality,
        "counts": [first.n_queries, first.n_candidates],
        "limit": first.limit and first.limit.words,
        "results": results,
        "notes": page.notes,
        "pictured": page.browse.pictured if page.browse else 0,
        "browse": page.browse.payload if page.browse else None,
    }
    text = json.dumps(whole, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()

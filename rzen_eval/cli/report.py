"""`rzen-eval report`: one HTML file that shows what a model, or two, got wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.benchmark.places import folders
from rzen_eval.cli import scored_data
from rzen_eval.cli.terminal import put
from rzen_eval.cli.values import data_version, directory, listed, named, whole
from rzen_eval.errors import ConfigError, some

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rzen_eval.cli.options import Options
    from rzen_eval.results.report import page, task_page
    from rzen_eval.results.report.task_page import TaskPage
    from rzen_eval.results.store import ModelResults
    from rzen_eval.results.tables.rows import Row

PICTURED, LEAST = 1600, 20
"""Queries with pictures in a whole report by default, and the fewest of one task: some tens of megabytes at most."""
ON_SAMPLE = "Made-up sample data, which show the harness: these are no scores of the benchmark."
BESIDE_SAMPLE = (
    "Published rows stand beside them since they were asked for: they are scores of the benchmark, with which those of"
    " the sample cannot be compared."
)
SIDE, SMALLEST, LARGEST = 192, 32, 2048
"""Pixels of a picture's longest side: by default, and what may be asked for."""


def options(parser: Options) -> None:
    """What the command takes."""
    parser.description = (
        "Write one HTML file that needs no network: tables, averages with intervals, and every query with what came"
        " first. Settings such as data=mirror data.root=DIR say where the queries are; task= chooses tasks."
    )
    parser.add_argument("folders", nargs="*", type=directory, metavar="RESULTS/MODEL", help="one model, or two")
    parser.add_argument("--references", type=listed, default=[], metavar="A,B", help="published rows beside the bars")
    parser.add_argument(
        "--data-version", type=data_version, metavar="V", help="of the averages; by default the results' own"
    )
    parser.add_argument(
        "--thumbnails",
        type=whole(0, 10**6),
        metavar="N",
        help=f"queries of each task shown with pictures; by default {PICTURED} over all tasks, at least {LEAST} each",
    )
    parser.add_argument(
        "--size",
        type=whole(SMALLEST, LARGEST),
        default=SIDE,
        metavar="PIXELS",
        help=f"of a picture; {SIDE} by default",
    )
    parser.add_argument(
        "--trust-files", action="store_true", help="show pictures of files that were copied since they were scored"
    )
    parser.add_argument("--output", type=directory, metavar="FILE", help="by default report.html beside the results")
    parser.add_argument(
        "--site", type=directory, metavar="DIR", help="a site of any number of models: an index and a report of each"
    )
    parser.renamed = {"results-dir": ""}
    parser.examples = [
        "rzen-eval report results/mini",
        "rzen-eval report results/a results/b --references rzenembed data=mirror data.root=/data task=visdoc",
        "rzen-eval report results --site public",
    ]


def run(chosen: Namespace, settings: Sequence[str], places: Sequence[Path]) -> int:
    """Write the report.

    Returns:
        The exit code, 0.
    """
    if chosen.site is not None:
        from rzen_eval.cli import site

        return site.write(chosen, settings, places)
    return write(_models(chosen.folders), chosen, settings, places)


def write(
    models: Sequence[ModelResults], chosen: Namespace, settings: Sequence[str], places: Sequence[Path], home: str = ""
) -> int:
    """Write the report of one model or two to `chosen.output`.

    Args:
        models: that it is of.
        chosen: options of the command.
        settings: where the queries are.
        places: folders with further YAML.
        home: address of the site's index, seen from the report; empty: it stands alone.

    Returns:
        The exit code, 0.
    """
    from tqdm import tqdm

    from rzen_eval.results.report import page as document
    from rzen_eval.results.report import task_page

    composed, tasks = scored_data.tasks_of(models, settings, places)
    number = chosen.thumbnails if chosen.thumbnails is not None else max(LEAST, PICTURED // len(tasks))
    options = task_page.Options(number, chosen.size, chosen.trust_files)
    overview = _overview(chosen, models, tasks, places, options)
    given = any(word.startswith("data") for word in settings)
    pages = {
        task_id: task_page.page(models, scored_data.placed(models, task_id, composed, given=given), task_id, options)
        for task_id in tqdm(tasks, desc="report", unit=" tasks", disable=None, leave=False)
    }
    file = chosen.output or models[0].folder / "report.html"
    missing = _missing(pages)
    put(document.render(replace(overview, notes=[*overview.notes, *missing], home=home), pages), file)
    shown = [page.browse for page in pages.values() if page.browse]
    print(
        f"wrote {file}: {len(pages)} tasks, {sum(one.queries for one in shown):,} queries,"
        f" {sum(one.pictured for one in shown):,} of them with pictures, {file.stat().st_size / 1e6:.1f} MB"
    )
    print("".join(f"{line}\n" for line in missing), end="")
    return 0


def _models(folders: Sequence[Path]) -> list[ModelResults]:
    """Models of the folders: each its own, or those of the folders in it."""
    if not folders:
        raise ConfigError("report: expected a folder of results, RESULTS/MODEL, or two to compare; see --help")
    from rzen_eval.results import store

    found = store.told_apart([model for folder in folders for model in store.read_models(folder)])
    if len(found) > 2:
        names = ", ".join(model.name for model in found)
        raise ConfigError(f"report: expected one model or two, found {len(found)} ({names}); give RESULTS/MODEL")
    return found


def _overview(
    chosen: Namespace,
    models: Sequence[ModelResults],
    tasks: Sequence[str],
    places: Sequence[Path],
    options: task_page.Options,
) -> page.Overview:
    from rzen_eval.results.report.page import Overview
    from rzen_eval.results.statistics.stages import section
    from rzen_eval.results.tables import leaderboard, rows

    by_model = [
        rows.of_model(
            replace(model, results={task: result for task, result in model.results.items() if task in tasks}),
            manifest(),
            chosen.data_version,
        )
        for model in models
    ]
    version = chosen.data_version or next((row.data_version for found in by_model for row in found), manifest().newest)
    beside, notes = references(chosen.references, version, folders(places))
    if any(model.first.source == "sample" for model in models):
        notes += [ON_SAMPLE, BESIDE_SAMPLE] if beside else [ON_SAMPLE]
    return Overview(
        models=models,
        data_version=version,
        rows=[next((row for row in found if row.data_version == version), None) for found in by_model],
        references=beside,
        sections=[
            *section(models),
            *leaderboard.sections([*(row for found in by_model for row in found), *beside], manifest()),
        ],
        manifest=manifest(),
        notes=notes,
        pictured=options.pictured,
        side=options.side,
    )


def references(wanted: Sequence[str], version: str, places: Sequence[Path]) -> tuple[list[Row], list[str]]:
    """Published rows whose name holds one of those wanted, and what to say of those of other data."""
    from rzen_eval.benchmark import published
    from rzen_eval.results.tables import rows

    tasks = manifest().names
    known = [rows.published(row, manifest()) for row in published.load(places, tasks).values()] if wanted else []
    found = named("report", known, wanted) if wanted else []
    same = [row for row in found if row.data_version == version]
    others = [f"{row.model} ({row.data_version})" for row in found if row.data_version != version]
    notes = []
    if others:
        notes.append(
            f"Left out, since scores of other data cannot be compared with {version}: {', '.join(others)};"
            " --data-version chooses."
        )
    return same, notes


def _missing(pages: Mapping[str, TaskPage]) -> list[str]:
    """What is not shown and why, each reason once."""
    said: dict[str, list[str]] = {}
    for task_id, page in pages.items():
        for note in page.notes:
            said.setdefault(note.replace(task_id, "TASK"), []).append(task_id)
    return [f"{some(tasks, 1)}: {note.replace('TASK', tasks[0])}" for note, tasks in said.items()]

"""`rzen-eval table`: the leaderboard's tables, of results and of published rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.benchmark.places import folders
from rzen_eval.cli.terminal import put
from rzen_eval.cli.values import data_version, directory, listed, named, one_of, whole
from rzen_eval.errors import ConfigError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from rzen_eval.cli.options import Options
    from rzen_eval.results.tables.rows import Row

RESULTS = Path("results")


def options(parser: Options) -> None:
    """What the command takes."""
    parser.description = "Print the tables of the model card: results of this harness, and published rows."
    parser.add_argument(
        "folders",
        nargs="*",
        type=directory,
        metavar="RESULTS",
        help="folders of results; by default ./results, if it has any",
    )
    parser.add_argument("--published-only", action="store_true", help="published rows alone")
    parser.add_argument("--models", type=listed, metavar="A,B", help="rows whose name holds one of these alone")
    parser.add_argument("--data-version", type=data_version, metavar="V", help="rows of this version of the data alone")
    parser.add_argument("--per-task", action="store_true", help="the score of every task too")
    parser.add_argument("--digits", type=whole(0, 6), metavar="N", help="after the point; by default as published")
    parser.add_argument("--format", **one_of("md", "latex", "html", "json", "csv"), default="md")
    parser.add_argument("--output", type=directory, metavar="FILE", help="write to a file")
    parser.renamed = {"references": "published-only", "precision": "digits", "results-dir": ""}
    parser.examples = [
        "rzen-eval table my_results --models rzen,gme --data-version 2.1 --format html --output tables.html",
        "rzen-eval table --published-only --per-task --format json",
    ]


def run(chosen: Namespace, settings: Sequence[str], places: Sequence[Path]) -> int:
    """Print tables.

    Returns:
        The exit code, 0.
    """
    from rzen_eval.results.tables import formats, leaderboard

    del settings
    found = _rows(chosen, folders(places))
    if chosen.models:
        found = named("table", found, chosen.models)
    found = [row for row in found if chosen.data_version in {None, row.data_version}]
    if not found:
        raise ConfigError(f"table: no row of data version {chosen.data_version}; leave --data-version out to see all")
    if chosen.format in {"json", "csv"}:
        write = {"json": formats.as_json, "csv": formats.as_csv}[chosen.format]
        text = write(leaderboard.flat(found, manifest(), precision=chosen.digits, per_task=chosen.per_task))
    else:
        parts = leaderboard.sections(found, manifest(), precision=chosen.digits, per_task=chosen.per_task)
        documents = {"md": formats.markdown, "latex": formats.latex, "html": formats.page}
        text = documents[chosen.format](parts, chosen.command)
    put(text, chosen.output)
    return 0


def _rows(chosen: Namespace, places: Sequence[Path]) -> list[Row]:
    from rzen_eval.benchmark import published
    from rzen_eval.results.tables import rows

    folders = chosen.folders
    if chosen.published_only and folders:
        raise ConfigError(f"table: --published-only prints published rows alone; leave it or {folders[0]} out")
    if not folders and not chosen.published_only:
        folders = [RESULTS] if any(RESULTS.glob("*/*.json")) else []
    found = []
    taken = set()
    for folder in folders:
        models = rows.read(folder)
        if not models:
            raise ConfigError(f"table: {folder} holds no results; expected <model>/<task>.json, as a run leaves them")
        for model, results in models.items():
            label = f"{model} ({folder})" if model in taken else model
            taken.add(model)
            found += rows.scored(label, results, f"results in {folder}", manifest(), chosen.data_version)
    return found + [rows.published(row, manifest()) for row in published.load(places, manifest().names).values()]

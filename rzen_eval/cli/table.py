"""`rzen-eval table`: the leaderboard's tables, of results and of published rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.benchmark.places import folders
from rzen_eval.cli.terminal import add_format, show
from rzen_eval.cli.values import data_version, directory, listed, named, whole
from rzen_eval.errors import ConfigError, nearest

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from rzen_eval.cli.options import Options
    from rzen_eval.results.tables.leaderboard import Chosen
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
    parser.add_argument("--columns", type=listed, default=[], metavar="A,B", help="these averages alone, in one table")
    parser.add_argument("--tables", type=listed, default=[], metavar="A,B", help="these tables alone, such as visdoc")
    parser.add_argument("--data-version", type=data_version, metavar="V", help="rows of this version of the data alone")
    parser.add_argument("--per-task", action="store_true", help="the score of every task too")
    parser.add_argument("--digits", type=whole(0, 6), metavar="N", help="after the point; by default as published")
    add_format(parser, "md", "latex", "html", "json", "csv")
    parser.add_argument("--output", type=directory, metavar="FILE", help="write to a file")
    parser.renamed = {"references": "published-only", "precision": "digits", "results-dir": ""}
    parser.examples = [
        "rzen-eval table my_results --models rzen,gme --data-version 2.1 --format html --output tables.html",
        "rzen-eval table --columns Visdoc,ViDoRe-V1 --format latex",
        "rzen-eval table --published-only --per-task --format json",
    ]


def run(chosen: Namespace, settings: Sequence[str], places: Sequence[Path]) -> int:
    """Print tables.

    Returns:
        The exit code, 0.
    """
    from rzen_eval.results.tables import leaderboard

    only = _only(chosen, settings, places)
    found = _rows(chosen, folders(places))
    if chosen.models:
        found = named("table", found, chosen.models)
    found = [row for row in found if chosen.data_version in {None, row.data_version}]
    if not found:
        raise ConfigError(f"table: no row of data version {chosen.data_version}; leave --data-version out to see all")
    made = leaderboard.document(
        found, manifest(), chosen.command, precision=chosen.digits, per_task=chosen.per_task, only=only
    )
    show(made, chosen.format, chosen.output)
    return 0


def _only(chosen: Namespace, settings: Sequence[str], places: Sequence[Path]) -> Chosen:
    """Which tables and columns are asked for.

    Raises:
        ConfigError: there is no such table, column or task.
    """
    from rzen_eval.results.tables import leaderboard

    versions = list(manifest().versions)
    averages = [[*manifest().columns(one), *manifest().versions[one].wider] for one in versions]
    columns = {column.lower(): column for titles in averages for column in titles}
    printed = [[*manifest().tables(one), *leaderboard.widest(manifest(), one)] for one in versions]
    tables = {title.lower(): title for titles in printed for title in titles}
    for what, wanted, known in (("column", chosen.columns, columns), ("table", chosen.tables, tables)):
        for name in wanted:
            if name.lower() not in known:
                among = ", ".join(known.values())
                raise ConfigError(f"table: no {what} {name!r}{nearest(name, known.values())}; expected some of {among}")
    tasks = None
    if settings:
        from rzen_eval.config import compose

        tasks = frozenset(task.name for task in compose.load(settings, places).tasks.values())
    return leaderboard.Chosen(
        [columns[name.lower()] for name in chosen.columns], [name.lower() for name in chosen.tables], tasks
    )


def _rows(chosen: Namespace, places: Sequence[Path]) -> list[Row]:
    from rzen_eval.benchmark import published
    from rzen_eval.results import store
    from rzen_eval.results.tables import rows

    folders = chosen.folders
    if chosen.published_only and folders:
        raise ConfigError(f"table: --published-only prints published rows alone; leave it or {folders[0]} out")
    if not folders and not chosen.published_only:
        folders = [RESULTS] if any(RESULTS.glob("*/*.json")) else []
    models = store.told_apart([model for folder in folders for model in store.read_models(folder)])
    own = [row for model in models for row in rows.of_model(model, manifest(), chosen.data_version)]
    return own + [rows.published(row, manifest()) for row in published.load(places, manifest().names).values()]

"""`rzen-eval table`: the leaderboard's tables, of results and of published rows."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from rzen_eval.benchmark import published
from rzen_eval.benchmark.manifest import manifest
from rzen_eval.benchmark.places import folders
from rzen_eval.cli.options import Options, directory, listed, named, put
from rzen_eval.errors import ConfigError
from rzen_eval.results.tables import formats, leaderboard, rows

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from rzen_eval.results.tables.rows import Row

RESULTS = Path("results")
DOCUMENTS = {"md": formats.markdown, "latex": formats.latex, "html": formats.page}
LISTS = {"json": formats.as_json, "csv": formats.as_csv}


def run(words: Sequence[str], extra_dirs: Sequence[Path]) -> int:
    """Print tables.

    Args:
        words: folders of results, and options.
        extra_dirs: folders with further YAML.

    Returns:
        The exit code, 0.
    """
    chosen = _options().read(words)
    places = folders([*extra_dirs, *chosen.config_dir])
    found = _rows(chosen, places)
    if chosen.models:
        found = named("table", found, chosen.models)
    found = [row for row in found if chosen.data_version in {None, row.data_version}]
    if not found:
        raise ConfigError(f"table: no row of data version {chosen.data_version}; leave --data-version out to see all")
    if chosen.format in LISTS:
        text = LISTS[chosen.format](
            leaderboard.flat(found, manifest(), precision=chosen.precision, per_task=chosen.per_task),
        )
    else:
        parts = leaderboard.sections(found, manifest(), precision=chosen.precision, per_task=chosen.per_task)
        text = DOCUMENTS[chosen.format](parts, shlex.join(["rzen-eval", "table", *words]))
    put(text, chosen.output)
    return 0


def _options() -> Options:
    parser = Options("table", "Print the tables of the model card: results of this harness, and published rows.")
    parser.add_argument(
        "folders",
        nargs="*",
        type=directory,
        metavar="RESULTS",
        help="folders of results; by default ./results, if it has any",
    )
    parser.add_argument("--format", choices=[*DOCUMENTS, *LISTS], default="md")
    parser.add_argument("--references", action="store_true", help="published rows alone")
    parser.add_argument("--data-version", choices=[*manifest().versions], help="rows of this version of the data alone")
    parser.add_argument("--per-task", action="store_true", help="the score of every task too")
    parser.add_argument("--models", type=listed, metavar="A,B")
    parser.add_argument("--precision", type=_precision, metavar="N", help="digits after the point")
    parser.add_argument("--output", type=directory, metavar="FILE", help="write to a file")
    parser.add_argument("--results-dir", type=directory, action="append", default=[], metavar="RESULTS")
    return parser


def _precision(text: str) -> int:
    if not text.isdecimal() or int(text) > 6:
        raise ValueError(text)
    return int(text)


_precision.__name__ = "number of digits, 0 to 6"


def _rows(chosen: Namespace, places: Sequence[Path]) -> list[Row]:
    folders = [*chosen.folders, *chosen.results_dir]
    if chosen.references and folders:
        raise ConfigError(f"table: --references prints published rows alone; leave it or {folders[0]} out")
    if not folders and not chosen.references:
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

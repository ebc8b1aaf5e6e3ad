"""`rzen-eval compare`: whether one model is better than another, and how sure that is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.benchmark.places import folders
from rzen_eval.cli.terminal import add_format, show
from rzen_eval.cli.values import data_version, directory, number, one_of, whole
from rzen_eval.errors import ConfigError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from rzen_eval.benchmark.published import Reference
    from rzen_eval.cli.options import Options


def options(parser: Options) -> None:
    """What the command takes."""
    parser.description = (
        "Compare two models, B less A, task by task and average by average, with intervals and tests; of more, each"
        " with the first. By default all tasks that both have. What is no model with results here may be a published"
        " row, whose differences have no interval."
    )
    parser.add_argument("first", metavar="A", help="a model under results_dir, or a folder of results")
    parser.add_argument("second", metavar="B", help="another, or a published row")
    parser.add_argument("others", metavar="C", nargs="*", help="more of them, each compared with A")
    parser.add_argument("--reading", **one_of("score", "exact"), default="score", help="official or textbook")
    parser.add_argument(
        "--level",
        type=number(lambda value: 0 < value < 1, "a number above 0 and below 1"),
        default=0.95,
        help="of intervals and verdicts, default 0.95",
    )
    parser.add_argument(
        "--correction", **one_of("holm", "bh", "none"), default="holm", help="for the number of tests, default holm"
    )
    parser.add_argument(
        "--resamples", type=whole(100, 1_000_000), default=10_000, metavar="N", help="for intervals, default 10000"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the resamples, default 0")
    parser.add_argument("--data-version", type=data_version, metavar="V", help="of the averages; by default the newest")
    add_format(parser, "md", "html", "latex", "csv", "json")
    parser.add_argument("--output", type=directory, metavar="FILE", help="write to a file")
    parser.examples = [
        "rzen-eval compare mine theirs",
        "rzen-eval compare mine theirs task=visdoc --format json",
        "rzen-eval compare mine theirs rzenembed_v2_7b",
    ]


def run(chosen: Namespace, settings: Sequence[str], places: Sequence[Path]) -> int:
    """Compare a model with one or several.

    Returns:
        The exit code, 0.
    """
    from rzen_eval.config import compose
    from rzen_eval.results import store
    from rzen_eval.results.statistics import beside_published, comparison_text
    from rzen_eval.results.statistics.comparison import Method, compare

    method = Method(chosen.reading, chosen.level, chosen.resamples, chosen.seed, chosen.correction)
    results_dir, only = Path("results"), None
    if settings:
        tasks_given = any(word.startswith("task") for word in settings)
        config = compose.load(settings, places, need_tasks=tasks_given)
        results_dir, only = config.results_dir, set(config.tasks) if tasks_given else None
    names = [chosen.second, *chosen.others]
    rows = {place: row for place, name in enumerate(names) if (row := _published(name, chosen, results_dir, places))}
    own = [name for place, name in enumerate(names) if place not in rows]
    first, *others = store.told_apart([store.one_model(name, results_dir, only) for name in (chosen.first, *own)])
    scored = iter(others)
    found = [
        beside_published.compare(first, rows[place], manifest())
        if place in rows
        else compare(first, next(scored), manifest(), chosen.data_version, method)
        for place in range(len(names))
    ]
    show(comparison_text.document_of_all(found, method, chosen.command), chosen.format, chosen.output)
    return 0


def _published(name: str, chosen: Namespace, results_dir: Path, places: Sequence[Path]) -> Reference | None:
    """The published row that a word names by its file or its model; None where it names none, or results.

    Raises:
        ConfigError: rows of several versions of the data are called so.
    """
    from rzen_eval.benchmark import published

    if (results_dir / name).is_dir() or Path(name).is_dir():
        return None
    known = published.load(folders(places), manifest().names)
    if name in known:
        return known[name]
    version = chosen.data_version
    called = {
        file: row
        for file, row in known.items()
        if row.model.lower() == name.lower() and version in {None, row.data_version}
    }
    if len(called) > 1:
        raise ConfigError(f"compare: several published rows are called {name!r}; give one of {', '.join(called)}")
    return next(iter(called.values()), None)

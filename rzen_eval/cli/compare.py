"""`rzen-eval compare`: whether one model is better than another, and how sure that is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.cli.terminal import add_format, show
from rzen_eval.cli.values import data_version, directory, number, one_of, whole

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from rzen_eval.cli.options import Options


def options(parser: Options) -> None:
    """What the command takes."""
    parser.description = (
        "Compare two models, B less A, task by task and average by average, with intervals and tests. By default all"
        " tasks that both have."
    )
    parser.add_argument("first", metavar="A", help="a model under results_dir, or a folder of results")
    parser.add_argument("second", metavar="B")
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
    parser.examples = ["rzen-eval compare mine theirs", "rzen-eval compare mine theirs task=visdoc --format json"]


def run(chosen: Namespace, settings: Sequence[str], places: Sequence[Path]) -> int:
    """Compare two models.

    Returns:
        The exit code, 0.
    """
    from rzen_eval.config import compose
    from rzen_eval.results import store
    from rzen_eval.results.statistics import comparison_text
    from rzen_eval.results.statistics.comparison import Method, compare

    method = Method(chosen.reading, chosen.level, chosen.resamples, chosen.seed, chosen.correction)
    results_dir, only = Path("results"), None
    if settings:
        tasks_given = any(word.startswith("task") for word in settings)
        config = compose.load(settings, places, need_tasks=tasks_given)
        results_dir, only = config.results_dir, set(config.tasks) if tasks_given else None
    first, second = store.told_apart(
        [store.one_model(name, results_dir, only) for name in (chosen.first, chosen.second)]
    )
    found = compare(first, second, manifest(), chosen.data_version, method)
    show(comparison_text.document(found, method, chosen.command), chosen.format, chosen.output)
    return 0

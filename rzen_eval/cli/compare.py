"""`rzen-eval compare`: whether one model is better than another, and how sure that is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.cli.terminal import put
from rzen_eval.cli.values import data_version, directory, number, one_of, whole
from rzen_eval.errors import ConfigError, nearest

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from rzen_eval.cli.options import Options
    from rzen_eval.results.statistics.comparison import Model


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
    parser.add_argument("--format", **one_of("md", "html", "json"), default="md")
    parser.add_argument("--output", type=directory, metavar="FILE", help="write to a file")
    parser.examples = ["rzen-eval compare mine theirs", "rzen-eval compare mine theirs task=visdoc --format json"]


def run(chosen: Namespace, settings: Sequence[str], places: Sequence[Path]) -> int:
    """Compare two models.

    Returns:
        The exit code, 0.
    """
    from rzen_eval.config import compose
    from rzen_eval.results.statistics import comparison_text
    from rzen_eval.results.statistics.comparison import Method, Model, compare
    from rzen_eval.results.tables import document

    method = Method(chosen.reading, chosen.level, chosen.resamples, chosen.seed, chosen.correction)
    results_dir, only = Path("results"), None
    if settings:
        tasks_given = any(word.startswith("task") for word in settings)
        config = compose.load(settings, places, need_tasks=tasks_given)
        results_dir, only = config.results_dir, set(config.tasks) if tasks_given else None
    first, second = (one_model(name, results_dir, only) for name in (chosen.first, chosen.second))
    if first.name == second.name:
        first, second = (Model(str(model.folder), model.folder, model.results) for model in (first, second))
    found = compare(first, second, manifest(), chosen.data_version, method)
    if chosen.format == "json":
        text = comparison_text.as_json(found, method)
    else:
        parts = comparison_text.parts(found, method, chosen.command)
        text = {"md": document.markdown, "html": document.page}[chosen.format](parts)
    put(text, chosen.output)
    return 0


def one_model(text: str, results_dir: Path, only: set[str] | None = None) -> Model:
    """The results of one model.

    Args:
        text: a model's name under the results folder, or a folder of results.
        results_dir: the results folder.
        only: ids of tasks; None: all.

    Raises:
        ConfigError: there is no such model, or the folder holds several.
    """
    place = results_dir / text if (results_dir / text).is_dir() else directory(text)
    if not place.is_dir():
        names = sorted(folder.name for folder in results_dir.glob("*") if any(folder.glob("*.json")))
        there = f"{results_dir} holds {', '.join(names)}" if names else f"{results_dir} holds no results"
        raise ConfigError(f"no results of {text!r}: {there}{nearest(text, names)}; expected a model or a folder")
    found = models(place)
    if len(found) != 1:
        said = f"results of {', '.join(model.name for model in found)}" if found else "no results"
        raise ConfigError(f"{place} holds {said}; expected those of one model, such as results/mini")
    [model] = found
    kept = {task_id: result for task_id, result in model.results.items() if only is None or task_id in only}
    if not kept:
        raise ConfigError(
            f"{place} holds no results of the chosen tasks; leave task= out to see all {len(model.results)}"
        )
    return replace(model, results=kept)


def models(folder: Path) -> list[Model]:
    """The models whose results a folder holds: its own, or those of the folders in it."""
    from rzen_eval.results.statistics.comparison import Model
    from rzen_eval.results.tables import rows

    own = any(folder.glob("*.json"))
    return [
        Model(name, folder if own else folder / name, {result.id: result for result in results})
        for name, results in rows.read(folder).items()
    ]

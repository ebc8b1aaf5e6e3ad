"""`rzen-eval compare`: whether one model is better than another, and how sure that is."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.cli.options import Options, directory, put
from rzen_eval.config import compose
from rzen_eval.errors import ConfigError, nearest
from rzen_eval.results.statistics import bootstrap, comparison_text
from rzen_eval.results.statistics.comparison import CORRECTIONS, Method, Model, compare
from rzen_eval.results.tables import document, rows

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

RESULTS = Path("results")


def run(words: Sequence[str], extra_dirs: Sequence[Path]) -> int:
    """Compare two models.

    Args:
        words: names of models under the results folder, or folders of results; options; `task=` to compare some.
        extra_dirs: folders with further YAML.

    Returns:
        The exit code, 0.
    """
    chosen = _options().read(words)
    if len(chosen.models) != 2:
        raise ConfigError(f"compare: expected two models, found {len(chosen.models)}; see rzen-eval compare --help")
    places = [*extra_dirs, *chosen.config_dir]
    only = set(compose.load([f"task={chosen.task}"], places).tasks) if chosen.task else None
    first, second = (one_model(name, chosen.results_dir, only) for name in chosen.models)
    if first.name == second.name:
        first, second = (Model(str(model.folder), model.folder, model.results) for model in (first, second))
    found = compare(first, second, manifest(), chosen.data_version, _method(chosen))
    if chosen.format == "json":
        text = comparison_text.as_json(found, _method(chosen))
    else:
        parts = comparison_text.parts(found, _method(chosen), shlex.join(["rzen-eval", "compare", *words]))
        text = {"md": document.markdown, "html": document.page}[chosen.format](parts)
    put(text, chosen.output)
    return 0


def _options() -> Options:
    parser = Options(
        "compare", "Compare two models, B less A, task by task and average by average, with intervals and tests."
    )
    parser.add_argument("models", nargs="*", metavar="A B", help="models under the results folder, or folders")
    parser.add_argument("--results-dir", type=directory, default=RESULTS, metavar="FOLDER", help="default: results")
    parser.add_argument("--format", choices=["md", "html", "json"], default="md")
    parser.add_argument("--task", metavar="TASK", help="a task, a suite or a list; by default all that both have")
    parser.add_argument("--data-version", choices=[*manifest().versions], help="of the averages; by default the newest")
    parser.add_argument("--reading", choices=["score", "exact"], default="score", help="official or textbook")
    parser.add_argument("--level", type=share, default=bootstrap.LEVEL, help="of intervals and verdicts, default 0.95")
    parser.add_argument("--correction", choices=CORRECTIONS, default="holm", help="for the number of tests")
    parser.add_argument("--resamples", type=count, default=bootstrap.RESAMPLES, metavar="N", help="default 10000")
    parser.add_argument("--seed", type=int, default=bootstrap.SEED, help="of the resamples, default 0")
    parser.add_argument("--output", type=directory, metavar="FILE", help="write to a file")
    return parser


def share(text: str) -> float:
    """A number above 0 and below 1."""
    value = float(text)
    if not 0 < value < 1:
        raise ValueError(text)
    return value


def count(text: str) -> int:
    """A number of resamples, of which fewer than a hundred give no interval."""
    value = int(text)
    if not 100 <= value <= 1_000_000:
        raise ValueError(text)
    return value


share.__name__ = "number above 0 and below 1"
count.__name__ = "number, 100 to 1000000"


def _method(chosen: Namespace) -> Method:
    return Method(chosen.reading, chosen.level, chosen.resamples, chosen.seed, chosen.correction)


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
    own = any(folder.glob("*.json"))
    return [
        Model(name, folder if own else folder / name, {result.id: result for result in results})
        for name, results in rows.read(folder).items()
    ]

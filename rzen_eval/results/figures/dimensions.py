"""Sweeps of several models in one figure: score against dimensions of a vector."""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields
from itertools import chain
from typing import TYPE_CHECKING

from rzen_eval.errors import ConfigError, ResultError, reason
from rzen_eval.results.figures.drawing import COLOURS, STYLE, Kind, written
from rzen_eval.results.figures.sweep import MARKERS
from rzen_eval.results.tables.averages import average

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Swept:
    """The score of a task at a size of vector."""

    model: str
    dims: int
    precision: str
    id: str
    score: float
    """0 to 1."""


def read_sweep(folder: Path) -> list[Swept]:
    """Scores by size of vector, as `rzen-eval sweep --output DIR` leaves them in `sweep_tasks.csv`.

    Raises:
        ConfigError: the file is not there.
        ResultError: it is not what a sweep writes.
    """
    file, names = folder / "sweep_tasks.csv", [field.name for field in fields(Swept)]
    try:
        with file.open(newline="") as stream:
            reader = csv.DictReader(stream)
            lines, columns = list(reader), list(reader.fieldnames or ())
        if not lines or not set(names) <= set(columns):
            raise ResultError(f"{file}: expected columns {', '.join(names)} and rows, found {', '.join(columns)}")
        return [
            Swept(line["model"], int(line["dims"]), line["precision"], line["id"], float(line["score"]))
            for line in lines
        ]
    except OSError as error:
        raise ConfigError(
            f"plot: no file at {file}; expected a folder that rzen-eval sweep --output DIR wrote"
        ) from error
    except (ValueError, TypeError, csv.Error) as error:
        raise ResultError(f"{file} cannot be read ({reason(error)}); sweep again") from error


def plot(sweeps: Sequence[Sequence[Swept]], kind: Kind) -> bytes:
    """Mean score against dimensions of a vector, a line a model and precision, over the tasks that all models have.

    Args:
        sweeps: see `read_sweep`.
        kind: of the file.

    Raises:
        ConfigError: the models have no task in common.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    swept = list(chain.from_iterable(sweeps))
    models = list(dict.fromkeys(one.model for one in swept))
    tasks = set.intersection(*({one.id for one in swept if one.model == model} for model in models))
    if not tasks:
        raise ConfigError(f"no task is in the sweeps of all of {', '.join(sorted(models))}")
    lines: dict[tuple[str, str], list[Swept]] = {}
    for one in swept:
        if one.id in tasks:
            lines.setdefault((one.model, one.precision), []).append(one)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.5, 4.6), layout="constrained")
        axes = figure.add_subplot()
        for (model, precision), points in lines.items():
            means = _means(points)
            # One model: colours tell precisions apart. Several: colours tell models, markers precisions.
            own = list(MARKERS).index(precision) if len(models) == 1 else models.index(model)
            axes.plot(
                list(means),
                list(means.values()),
                color=COLOURS[own % len(COLOURS)],
                marker=MARKERS[precision],
                markersize=5,
                linestyle="-" if precision == "float32" else "--",
                label=precision if len(models) == 1 else f"{model}, {precision}",
            )
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_locator(FixedLocator(sorted({one.dims for one in swept if one.id in tasks})))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
        axes.set_xlabel("dimensions of a vector")
        axes.set_ylabel(f"mean score of {len(tasks)} task{'s' * (len(tasks) > 1)} (%)")
        axes.set_title(", ".join(models))
        axes.legend()
        return written(figure, kind)


def _means(points: Sequence[Swept]) -> dict[int, float]:
    """Mean in percent by dimensions, ascending, formed as the leaderboard's."""
    every = sorted({one.dims for one in points})
    return {dims: average([one.score for one in points if one.dims == dims]) for dims in every}

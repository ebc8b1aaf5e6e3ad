"""Scores at fewer dimensions and bits, as a table, CSV and a plot."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from rzen_eval.core import Mark
from rzen_eval.errors import ConfigError, ResultError
from rzen_eval.files import write_out
from rzen_eval.ranking.quantise import Precision
from rzen_eval.results.figures.drawing import Kind, written
from rzen_eval.results.tables.averages import average
from rzen_eval.results.tables.document import Document, Part, Table, as_csv
from rzen_eval.results.tables.leaderboard import NOTHING, shown
from rzen_eval.results.tables.rows import OTHER, other, scored

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from rzen_eval.benchmark.manifest import Manifest
    from rzen_eval.core import Result
    from rzen_eval.results.tables.rows import Cell

PLOT = "pip install 'rzen-eval[plot]'"
COLOURS = {"float32": "#0072b2", "float16": "#56b4e9", "int8": "#e69f00", "binary": "#d55e00"}
"""Told apart by the colour-blind too (Okabe and Ito 2008)."""
LABELS = {"float32": (0, -12), "float16": (0, 6), "int8": (0, 6), "binary": (12, -9)}
"""Where dimensions stand beside a point, in typographic points."""
MARKERS = {"float32": "o", "float16": "s", "int8": "^", "binary": "D"}


@dataclass(frozen=True, slots=True)
class Row:
    """A model at one size of vector."""

    model: str
    """Its name, with the version of the data where there are rows of several."""
    dims: int
    precision: Precision
    results: Sequence[Result]
    """Of all tasks of one version of the data."""
    full: float
    """Mean of the same tasks with all dimensions at float32, in percent."""
    cells: Mapping[str, Cell]
    """Averages of the leaderboard's columns that one of the tasks is in, by column."""

    @property
    def bytes(self) -> int:
        """What a vector takes."""
        return self.precision.bytes(self.dims)

    @property
    def mean(self) -> float:
        """Over its tasks, in percent, formed as the leaderboard's means are."""
        return average([result.score for result in self.results])

    @property
    def percent(self) -> float | None:
        """Of the full score; None where that is zero."""
        return 100 * self.mean / self.full if self.full else None

    @property
    def mark(self) -> str:
        """What stands beside a mean of other data than the benchmark's; nothing beside others."""
        return f" {OTHER}" if any(map(other, self.results)) else ""


def rows(name: str, results: Mapping[tuple[int, Precision], Sequence[Result]], manifest: Manifest) -> list[Row]:
    """Rows of a model, for each version of the data that tells its tasks apart; the versions are never averaged.

    Args:
        name: what the model is called.
        results: by dimensions and precision; the first has all dimensions at float32.
        manifest: what the averages are made of.
    """
    versions = manifest.averaged_in(one.versions for one in next(iter(results.values())))
    if len(versions) < 2:
        return _rows(name, results, manifest, next(iter(versions), None))
    made = []
    for version in versions:
        members = {size: [one for one in several if one.counts_in(version)] for size, several in results.items()}
        made += _rows(f"{name} (data {version})", members, manifest, version)
    return made


def _rows(
    name: str, results: Mapping[tuple[int, Precision], Sequence[Result]], manifest: Manifest, version: str | None
) -> list[Row]:
    full = average([result.score for result in next(iter(results.values()))])
    return [
        Row(name, dims, precision, members, full, _cells(members, manifest, version))
        for (dims, precision), members in results.items()
    ]


def _cells(results: Sequence[Result], manifest: Manifest, version: str | None) -> Mapping[str, Cell]:
    """Averages by column; the one over everything only where there are tasks of several modalities."""
    row = next(iter(scored("", results, "", manifest, version)), None) if version else None
    if row is None:
        return {}
    overall = len({result.modality for result in results}) > 1
    return {column: cell for column, cell in row.cells.items() if overall or column != manifest.overall(version)}


def lines(sizes: Sequence[Row]) -> list[dict[str, str]]:
    """A line a size: what a vector takes, what is left of the score, then means as in the leaderboard's tables."""
    columns = dict.fromkeys(column for row in sizes for column in row.cells)
    return [
        {
            "Model": row.model,
            "dims": str(row.dims),
            "precision": str(row.precision),
            "bytes": str(row.bytes),
            "tasks": str(len(row.results)),
            "mean": f"{row.mean:.2f}{row.mark}",
            "% of full": NOTHING if row.percent is None else f"{row.percent:.1f}",
            "ties": str(sum(result.n_ties for result in row.results)),
        }
        | {column: shown(row.cells.get(column)) for column in columns}
        for row in sizes
    ]


def document(sizes: Sequence[Row], *, sample: bool) -> Document:
    """The lines as a table.

    Args:
        sizes: see `rows`.
        sample: whether the data are the bundled sample.
    """
    remarks = {
        f"{OTHER} not the benchmark's data: counts differ from the declared ones": any(row.mark for row in sizes),
        "This is the bundled sample: made-up data that show the harness, not the benchmark.": sample,
    }
    parts = [Part(tables=[Table.of(lines(sizes))]), Part(paragraphs=[text for text, holds in remarks.items() if holds])]
    return Document(parts, records=tidy(sizes))


def tidy(sizes: Sequence[Row]) -> list[dict[str, object]]:
    """A line a size and task, in numbers: for statistics of one's own."""
    return [
        {
            "model": row.model,
            "dims": row.dims,
            "precision": str(row.precision),
            "bytes_per_vector": row.bytes,
            "id": result.id,
            "task": result.task,
            "modality": str(result.modality),
            "group": result.group,
            "metric": result.metric,
            "score": result.score,
            "exact": result.exact,
            "n_queries": result.n_queries,
            "n_ties": result.n_ties,
            "not_the_benchmarks_data": Mark.OTHER_DATA in result.marks,
        }
        for row in sizes
        for result in row.results
    ]


def need_plot() -> None:
    """Say now, and not after the work, that no plot can be drawn.

    Raises:
        ConfigError: matplotlib is not there.
    """
    if find_spec("matplotlib") is None:
        raise ConfigError(f"sweep: --output draws a plot, which needs matplotlib; {PLOT}, or leave --output away")


def write(folder: Path, sizes: Sequence[Row]) -> list[Path]:
    """Write `sweep.csv` (the table), `sweep_tasks.csv` (a row a task), and the plot as `sweep.png` and `sweep.svg`.

    Raises:
        ResultError: the folder cannot be written.
    """
    contents = {
        "sweep.csv": as_csv(Document([], lines(sizes))).encode(),
        "sweep_tasks.csv": as_csv(Document([], tidy(sizes))).encode(),
        "sweep.png": plot(sizes, "png"),
        "sweep.svg": plot(sizes, "svg"),
    }
    try:
        for name, content in contents.items():
            write_out(folder / name, content)
    except OSError as error:
        raise ResultError(f"sweep: {folder} cannot be written ({error}); give --output DIR") from error
    return [folder / name for name in contents]


def plot(sizes: Sequence[Row], kind: Kind) -> bytes:
    """Mean score against bytes a vector, a line a precision; numbers at the points are dimensions."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "rzen_eval", "font.size": 10, "axes.grid": True, "grid.alpha": 0.3}):
        models = list(dict.fromkeys(row.model for row in sizes))
        figure = Figure(figsize=(7.5, 4.2 * len(models)), layout="constrained")
        for axes, model in zip(figure.subplots(len(models), squeeze=False)[:, 0], models, strict=True):
            _draw(axes, [row for row in sizes if row.model == model])
        return written(figure, kind)


def _draw(axes: Axes, sizes: Sequence[Row]) -> None:
    """Draw one model."""
    from matplotlib.ticker import FuncFormatter

    lines = {
        precision: sorted((row.bytes, row.mean, row.dims) for row in sizes if row.precision == precision)
        for precision in Precision
    }
    for precision, line in lines.items():
        if not line:
            continue
        size, mean, _ = zip(*line, strict=True)
        colour = COLOURS[precision]
        axes.plot(size, mean, color=colour, marker=MARKERS[precision], markersize=5, label=str(precision))
        # Between two lines there is no room, and the points of one have the dimensions of the other.
        beside = precision is Precision.FLOAT16 and len(lines[Precision.FLOAT32]) == len(line)
        for x, y, label in () if beside else line:
            axes.annotate(
                str(label),
                (x, y),
                xytext=LABELS[precision],
                textcoords="offset points",
                ha="center",
                fontsize=7,
                color=colour,
            )
    first = sizes[0]
    axes.axhline(first.full, color="grey", linestyle=":", linewidth=1)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.margins(y=0.12)
    axes.set_title(f"{first.model}{first.mark}")
    axes.set_xlabel("bytes per vector (numbers at the points: dimensions)")
    n = len(first.results)
    axes.set_ylabel(f"mean score of {n} task{'s' * (n > 1)} (%)")
    axes.legend(title="precision")

"""Figures for papers: score against size, and groups."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rzen_eval.errors import ConfigError
from rzen_eval.results.figures import sizes
from rzen_eval.results.figures.drawing import COLOURS, STYLE, Kind, written
from rzen_eval.results.tables.rows import OTHER, SAMPLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from rzen_eval.benchmark.manifest import Manifest
    from rzen_eval.results.tables.rows import Row


def _named(row: Row) -> str:
    if is_sample(row):
        return f"{row.model} (sample)"
    return f"{row.model} {OTHER}" if any(cell.other for cell in row.cells.values()) else row.model


def size(own: Sequence[Row], published: Sequence[Row], manifest: Manifest, kind: Kind) -> bytes:
    """Average over all tasks against billions of parameters.

    Args:
        own: rows of results, drawn as diamonds.
        published: rows of papers, drawn as dots; all of one version of the data.
        manifest: what the averages are made of.
        kind: of the file.

    Raises:
        ConfigError: of no row are both known.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    drawn = [(row, mine) for some, mine in ((published, False), (own, True)) for row in sizes.placed(some, manifest)]
    names = sizes.called([row for row, _ in drawn], [_named(row) for row, _ in drawn])
    points = [
        (row.size_b or 0, row.cells[manifest.overall(row.data_version)].number(), name, mine)
        for (row, mine), name in zip(drawn, names, strict=True)
    ]
    if not points:
        raise ConfigError("no row has both a size and an average over all tasks")
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9, 6), layout="constrained")
        canvas: Any = FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        for mine, marker, colour in ((False, "o", COLOURS[0]), (True, "D", COLOURS[1])):
            members = [(x, y) for x, y, _, own_point in points if own_point is mine]
            if members:
                label = "this harness" if mine else "published"
                across, up = zip(*members, strict=True)
                axes.scatter(across, up, marker=marker, color=colour, s=36, label=label, zorder=3)
        least, most = min(x for x, *_ in points), max(x for x, *_ in points)
        axes.set_xscale("log")
        axes.set_xlim(least / 1.6, most * 2.2)
        axes.margins(y=0.12)
        axes.xaxis.set_major_locator(FixedLocator(doubling(least, most)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}" if value >= 1 else f"{value:.2g}"))
        axes.set_xlabel("parameters (billions)")
        version = (own or published)[0].data_version
        axes.set_ylabel(f"{manifest.overall(version)} (%)")
        axes.set_title(_titled(f"{manifest.benchmark(version).name}, data {version}", [*own, *published]))
        if own:
            figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
        canvas.draw()
        _label(axes, canvas.get_renderer(), [(x, y, text) for x, y, text, _ in points])
        return written(figure, kind)


def doubling(least: float, most: float) -> list[float]:
    """Powers of two around some sizes, ten at most, so that ticks stand where the points are."""
    low, high = math.floor(math.log2(least)), math.ceil(math.log2(most))
    step = max(1, math.ceil((high - low) / 9))
    return [2.0**power for power in range(low, high + step, step)]


def is_sample(row: Row) -> bool:
    """Whether a row is of the made-up sample."""
    return any(SAMPLE in note for note in row.notes)


def _titled(title: str, rows: Sequence[Row]) -> str:
    """A title, which says so where scores of the made-up sample are in the picture."""
    if not any(map(is_sample, rows)):
        return title
    beside = "" if all(map(is_sample, rows)) else ", beside published rows: they cannot be compared"
    return f"{title}\n{SAMPLE}{beside}"


def _label(axes: Axes, renderer: Any, points: Sequence[tuple[float, float, str]]) -> None:
    """Write a name beside each point, nearest where it covers no point and no name, with a line where that is far."""
    places = axes.transData.transform([(x, y) for x, y, _ in points])
    taken: list[Any] = []
    for (x, y, text), _ in sorted(zip(points, places.tolist(), strict=True), key=lambda one: -one[1][1]):
        for radius, angle in ((radius, angle) for radius in range(8, 150, 9) for angle in range(0, 360, 30)):
            across, up = radius * math.cos(math.radians(angle)), radius * math.sin(math.radians(angle))
            note = axes.annotate(
                text,
                (x, y),
                xytext=(across, up),
                textcoords="offset points",
                fontsize=8,
                ha="left" if across > 1 else "right" if across < -1 else "center",
                va="center",
                arrowprops={"arrowstyle": "-", "color": "0.6", "linewidth": 0.6} if radius > 8 else None,
            )
            box = note.get_window_extent(renderer).padded(1)
            inside = axes.bbox.containsx(box.x0) and axes.bbox.containsx(box.x1) and axes.bbox.containsy(box.y0)
            if inside and not any(box.overlaps(other) for other in taken) and not box.count_contains(places):
                taken.append(box)
                break
            note.remove()
        else:
            axes.annotate(text, (x, y), xytext=(8, 0), textcoords="offset points", fontsize=8, va="center")


def radar(rows: Sequence[Row], manifest: Manifest, kind: Kind) -> bytes:
    """Averages of the groups, a closed line a model.

    Args:
        rows: one to eight, of one version of the data; axes are the groups that all of them have whole.
        manifest: what the groups are made of.
        kind: of the file.

    Raises:
        ConfigError: they share fewer than three groups, or are too many to be told apart.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    axes_of = shared(rows, manifest)
    if len(axes_of) < 3:
        names = ", ".join(row.model for row in rows) or "no rows"
        raise ConfigError(f"expected three groups or more that are whole in every row, found {len(axes_of)} in {names}")
    if len(rows) > len(COLOURS):
        raise ConfigError(f"expected at most {len(COLOURS)} models, found {len(rows)}; choose with --references A,B")
    angles = [2 * math.pi * place / len(axes_of) for place in range(len(axes_of))]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.5, 7 + 0.22 * len(rows)), layout="constrained")
        axes: Any = figure.add_subplot(projection="polar")
        axes.set_theta_offset(math.pi / 2)
        axes.set_theta_direction(-1)
        for place, row in enumerate(rows):
            values = [row.cells[group].number() for group in axes_of]
            style = {"color": COLOURS[place], "linewidth": 1.8, "marker": "os^Dv<>P"[place], "markersize": 4.5}
            axes.plot([*angles, angles[0]], [*values, values[0]], label=_named(row), **style)
        axes.set_xticks(angles, axes_of)
        axes.tick_params(axis="x", pad=4)
        for name, angle in zip(axes.get_xticklabels(), angles, strict=True):
            side = round(math.sin(angle), 6)
            name.set_horizontalalignment("left" if side > 0 else "right" if side < 0 else "center")
        axes.set_ylim(0, 100)
        axes.set_yticks([20, 40, 60, 80, 100])
        axes.tick_params(axis="y", labelsize=7, labelcolor="0.45")
        version = rows[0].data_version
        figure.suptitle(_titled(f"{manifest.benchmark(version).name} by group (%), data {version}", rows))
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
        return written(figure, kind)


def groups(rows: Sequence[Row], manifest: Manifest) -> list[str]:
    """Groups of the version of the data that rows are of."""
    version = rows[0].data_version if rows else manifest.newest
    return [column for column in manifest.columns(version) if manifest.kind(column, version) == "group"]


def shared(rows: Sequence[Row], manifest: Manifest) -> list[str]:
    """Groups of which every row has the whole average."""
    return [
        group
        for group in groups(rows, manifest)
        if rows and all((cell := row.cells.get(group)) is not None and not cell.part for row in rows)
    ]

"""Charts of a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .canvas import GREY, GRID, INK, RULE, Box, Canvas, width


@dataclass(frozen=True, slots=True)
class Table:
    """Numbers by row and column."""

    axis: str
    columns: Sequence[str]
    rows: Mapping[str, Sequence[int]]


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of a document."""

    dark: str
    light: str
    series: tuple[str, ...]


PALETTES = (
    Palette("#1d3557", "#e6edf5", ("#2a6f97", "#e07a5f", "#8ab17d", "#e9c46a", "#6d597a", "#9aa5b1")),
    Palette("#14532d", "#e8f3ea", ("#2d8659", "#d98324", "#5b8fb9", "#c2b23a", "#8d5a97", "#9aa5b1")),
    Palette("#5a189a", "#f1e9f8", ("#7b2cbf", "#f08a24", "#3a86c8", "#43aa8b", "#c9426a", "#9aa5b1")),
    Palette("#7f1d1d", "#f8eae8", ("#b23a48", "#2f5d8a", "#e0a458", "#6a994e", "#725ac1", "#9aa5b1")),
    Palette("#0f4c5c", "#e3f1f3", ("#118a8f", "#e36414", "#5f6caf", "#a3b18a", "#9a031e", "#9aa5b1")),
    Palette("#3b3a36", "#f1efe9", ("#8a6d3b", "#3d6b7d", "#b5533c", "#7f9a5b", "#70587c", "#9aa5b1")),
)

Chart = Callable[[Canvas, Box, Table, Palette], None]


@dataclass(frozen=True, slots=True)
class Frame:
    """The part of a chart that values are drawn in."""

    box: Box
    top: int
    """Value at the upper edge."""
    slots: int

    def x(self, index: float) -> float:
        """Centre of a column's slot."""
        return self.box.left + self.box.width * (index + 0.5) / self.slots

    def y(self, value: float) -> float:
        """Height of a value."""
        return self.box.bottom - self.box.height * value / self.top


def bars(canvas: Canvas, box: Box, table: Table, palette: Palette) -> None:
    """Upright bars, side by side for each column, with their values where there is room."""
    frame = _frame(canvas, box, table, palette)
    count = len(table.rows)
    thick = min(26.0, frame.box.width / frame.slots * 0.78 / count)
    for row, (values, ink) in enumerate(zip(table.rows.values(), palette.series, strict=False)):
        for column, value in enumerate(values):
            left = frame.x(column) + thick * (row - count / 2)
            canvas.rectangle(Box(left, frame.y(value), left + thick - 2, frame.box.bottom), ink)
            if thick > width(str(value), 9):
                canvas.text(left + thick / 2 - 1, frame.y(value) - 6, str(value), 9, align="centre")


def lines(canvas: Canvas, box: Box, table: Table, palette: Palette) -> None:
    """A line with markers for each row."""
    frame = _frame(canvas, box, table, palette)
    for values, ink in zip(table.rows.values(), palette.series, strict=False):
        points = [(frame.x(column), frame.y(value)) for column, value in enumerate(values)]
        canvas.line(*points, ink=ink, thick=2)
        for x, y in points:
            canvas.disc(x, y, 3, ink)


def area(canvas: Canvas, box: Box, table: Table, palette: Palette) -> None:
    """The first row as a filled area, the others as lines."""
    frame = _frame(canvas, box, table, palette)
    for row, (values, ink) in enumerate(zip(table.rows.values(), palette.series, strict=False)):
        points = [(frame.x(column), frame.y(value)) for column, value in enumerate(values)]
        if row == 0:
            canvas.polygon(
                [(points[0][0], frame.box.bottom), *points, (points[-1][0], frame.box.bottom)], palette.light
            )
        canvas.line(*points, ink=ink, thick=2)


def points(canvas: Canvas, box: Box, table: Table, palette: Palette) -> None:
    """Marks of another shape for each row, joined by a thin line."""
    frame = _frame(canvas, box, table, palette)
    for row, (values, ink) in enumerate(zip(table.rows.values(), palette.series, strict=False)):
        places = [(frame.x(column), frame.y(value)) for column, value in enumerate(values)]
        canvas.line(*places, ink=RULE)
        for x, y in places:
            corners = 3 + row % 3
            turn = [2 * math.pi * corner / corners - math.pi / 2 for corner in range(corners)]
            canvas.polygon([(x + 5 * math.cos(angle), y + 5 * math.sin(angle)) for angle in turn], ink)


def strips(canvas: Canvas, box: Box, table: Table, palette: Palette) -> None:
    """Lying bars of the first row, one a column, on rows of the grid."""
    values = next(iter(table.rows.values()))
    left = box.left + 12 + max(width(name, 12) for name in table.columns)
    pitch = min(GRID, box.height / len(values))
    for index, (name, value) in enumerate(zip(table.columns, values, strict=True)):
        y = box.top + pitch * (index + 0.5)
        end = left + (box.right - left - 30) * value / max(values)
        canvas.text(box.left, y, name, 12)
        canvas.rectangle(Box(left, y - 8, end, y + 8), palette.series[index % 5])
        canvas.text(end + 6, y, str(value), 12, bold=True)


def donut(canvas: Canvas, box: Box, table: Table, palette: Palette) -> None:
    """A ring of the first row's values, with a legend beside it."""
    values = next(iter(table.rows.values()))
    radius = min(box.height, box.width * 0.55) / 2 - 2
    x, y = box.left + radius + 2, (box.top + box.bottom) / 2
    angle = -90.0
    for value, ink in zip(values, palette.series, strict=False):
        turn = 360 * value / sum(values)
        canvas.pen.pieslice((x - radius, y - radius, x + radius, y + radius), angle, angle + turn, ink, "#ffffff", 2)
        angle += turn
    canvas.disc(x, y, radius * 0.55, "#ffffff")
    pitch = min(GRID, box.height / len(values))
    for index, name in enumerate(table.columns):
        height = y + pitch * (index - (len(values) - 1) / 2)
        canvas.rectangle(Box(x + radius + 16, height - 5, x + radius + 26, height + 5), palette.series[index])
        canvas.text(x + radius + 32, height, name, 12)


CHARTS: Mapping[str, Chart] = {
    "bars": bars, "lines": lines, "area": area, "points": points, "strips": strips, "donut": donut,
}  # fmt: skip


def _frame(canvas: Canvas, box: Box, table: Table, palette: Palette) -> Frame:
    """Draw the axes, their labels and the legend; returns the part that is left for the values."""
    highest = max(max(values) for values in table.rows.values())
    step = _step(highest)
    top = step * -(-highest // step)
    legend = box.top + (20 if len(table.rows) > 1 else 8)
    inner = Box(box.left + 10 + width(str(top), 10), legend + 8, box.right, box.bottom - 34)
    frame = Frame(inner, top, len(table.columns))
    for value in range(0, top + 1, step):
        canvas.line((inner.left, frame.y(value)), (inner.right, frame.y(value)), ink=INK if value == 0 else "#e3e6ea")
        canvas.text(inner.left - 6, frame.y(value), str(value), 10, GREY, align="right")
    for index, name in enumerate(table.columns):
        canvas.text(frame.x(index), inner.bottom + 10, name, 11, align="centre")
    canvas.text((inner.left + inner.right) / 2, inner.bottom + 26, table.axis, 10, GREY, align="centre")
    if len(table.rows) > 1:
        _legend(canvas, Box(inner.left, box.top, inner.right, legend), list(table.rows), palette)
    return frame


def _legend(canvas: Canvas, box: Box, names: Sequence[str], palette: Palette) -> None:
    x = box.left
    for name, ink in zip(names, palette.series, strict=False):
        canvas.rectangle(Box(x, box.top + 5, x + 10, box.top + 15), ink)
        x = canvas.text(x + 15, box.top + 10, name, 11) + 16


def _step(highest: int) -> int:
    """A round distance between the lines of a scale that has four to eight of them."""
    return next(step for step in (1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000) if highest / step <= 7)

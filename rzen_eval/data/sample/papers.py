"""Small documents: a form, a poster, a chart, an article."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import charts
from .canvas import GREY, GRID, Box, Canvas
from .charts import PALETTES
from .shapes import Sheet

if TYPE_CHECKING:
    from PIL import Image

WIDE, TALL = (224, 168), (168, 224)
"""Sizes of forms, charts and articles, and of posters: whole cells of the grid."""


@dataclass(frozen=True, slots=True)
class Form:
    """A filled-in form: one field a row of the grid."""

    title: str
    fields: tuple[tuple[str, str], ...]

    def draw(self) -> Image.Image:
        """The picture."""
        canvas = Canvas(WIDE, "#fffdf7")
        canvas.text(GRID / 2, GRID / 2, self.title.upper(), 16, "#1d3557", bold=True)
        canvas.rectangle(Box(8, GRID + 2, WIDE[0] - 8, WIDE[1] - 8), None, GREY)
        for row, (label, value) in enumerate(self.fields, start=1):
            y = GRID * (row + 0.5) + 6
            canvas.text(GRID / 2, y, label, 13, GREY)
            canvas.text(4 * GRID, y, value, 15, "#12309a", bold=True)
            canvas.line((4 * GRID - 6, y + 11), (WIDE[0] - 16, y + 11))
        return canvas.image


@dataclass(frozen=True, slots=True)
class Poster:
    """An infographic: a shape, a number and a word in each row."""

    title: str
    lines: tuple[tuple[str, str, str, int], ...]
    """Colour, shape, word, number."""

    def draw(self) -> Image.Image:
        """The picture."""
        canvas = Canvas(TALL, "#f5f1e6")
        canvas.rectangle(Box(0, 0, TALL[0], GRID), "#1d3557")
        canvas.text(TALL[0] / 2, GRID / 2, self.title, 15, "#ffffff", align="centre", bold=True)
        for row, (color, shape, word, number) in enumerate(self.lines):
            y = GRID + 7 + 47 * (row + 0.5)
            sheet = Sheet((44, 44), "#f5f1e6")
            sheet.shape(shape, color, 22, 22, 18)
            canvas.image.paste(sheet.image, (6, round(y) - 22))
            canvas.text(2 * GRID, y, word, 15)
            canvas.text(TALL[0] - 8, y, f"{number}%", 20, align="right", bold=True)
        return canvas.image


@dataclass(frozen=True, slots=True)
class BarChart:
    """Lying bars with their names and values."""

    title: str
    bars: tuple[tuple[str, int], ...]
    palette: int = 0

    def draw(self) -> Image.Image:
        """The picture."""
        canvas = Canvas(WIDE)
        palette = PALETTES[self.palette]
        canvas.text(GRID / 2, GRID / 2, self.title, 15, palette.dark, bold=True)
        table = charts.Table("", [name for name, _ in self.bars], {"": [value for _, value in self.bars]})
        charts.strips(canvas, Box(GRID / 2, GRID, WIDE[0], WIDE[1]), table, palette)
        return canvas.image


@dataclass(frozen=True, slots=True)
class Article:
    """The top of an encyclopedia's page: a title, and words in the slots of a grid."""

    title: str
    words: tuple[str, ...]

    def draw(self) -> Image.Image:
        """The picture."""
        canvas = Canvas(WIDE)
        canvas.text(4, GRID / 2, self.title, 20, bold=True)
        canvas.line((4, GRID), (WIDE[0] - 4, GRID), ink=GREY)
        for index, word in enumerate(self.words):
            canvas.text(4 + 3 * GRID * (index % 3), GRID * (index // 3 + 1.5), word, 13)
        return canvas.image

"""Small documents, whose important words begin at cells of the grid: a form, a poster, a chart, an article, a sign."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .canvas import GREY, GRID, INK, Box, Canvas
from .charts import PALETTES
from .shapes import COLORS, PAPERS, SCENE, Sheet

if TYPE_CHECKING:
    from PIL import Image

WIDE, TALL = (224, 168), (168, 224)
"""Sizes of forms, charts and articles, and of posters: whole cells of the grid."""


class Paper(ABC):
    """A small document."""

    @abstractmethod
    def printed(self) -> Canvas:
        """The document with what is printed on it."""

    def draw(self) -> Image.Image:
        """The picture."""
        return self.printed().image


@dataclass(frozen=True)
class Form(Paper):
    """A filled-in form: one field a row of the grid."""

    title: str
    fields: tuple[tuple[str, str], ...]

    def printed(self) -> Canvas:
        """The document."""
        canvas = Canvas(WIDE, "#fffdf7")
        canvas.text(GRID, GRID / 2, self.title.upper(), 16, "#1d3557", bold=True)
        canvas.rectangle(Box(8, GRID, WIDE[0] - 8, WIDE[1] - 8), None, GREY)
        for row, (label, value) in enumerate(self.fields, start=1):
            y = GRID * (row + 0.5)
            canvas.text(GRID, y, label, 13, GREY)
            canvas.text(4 * GRID, y, value, 15, "#12309a", bold=True)
            canvas.line((4 * GRID - 6, y + 11), (WIDE[0] - 16, y + 11))
        return canvas


@dataclass(frozen=True)
class Poster(Paper):
    """An infographic: a shape, a word and a number in every other row of the grid."""

    title: str
    lines: tuple[tuple[str, str, str, int], ...]
    """Colour, shape, word, number."""

    def printed(self) -> Canvas:
        """The document."""
        canvas = Canvas(TALL, "#f5f1e6")
        canvas.rectangle(Box(0, 0, TALL[0], GRID), "#1d3557")
        canvas.text(TALL[0] / 2, GRID / 2, self.title, 15, "#ffffff", align="centre", bold=True)
        for index, (color, shape, word, number) in enumerate(self.lines):
            row = 2 * index + 1
            sheet = Sheet((GRID, GRID), "#f5f1e6")
            sheet.shape(shape, color, GRID / 2, GRID / 2, 12)
            canvas.image.paste(sheet.image, (GRID // 2, GRID * row))
            canvas.text(2 * GRID, GRID * (row + 0.5), word, 15)
            canvas.text(4 * GRID, GRID * (row + 0.5), f"{number}%", 18, bold=True)
        return canvas


@dataclass(frozen=True)
class BarChart(Paper):
    """Lying bars between their names and a column of their values."""

    title: str
    bars: tuple[tuple[str, int], ...]
    palette: int = 0

    def printed(self) -> Canvas:
        """The document."""
        canvas = Canvas(WIDE)
        palette = PALETTES[self.palette]
        canvas.text(GRID, GRID / 2, self.title, 15, palette.dark, bold=True)
        most = max(value for _, value in self.bars)
        for row, (name, value) in enumerate(self.bars, start=1):
            y = GRID * (row + 0.5)
            canvas.text(GRID, y, name, 13)
            canvas.rectangle(Box(3 * GRID, y - 8, (3 + 3.8 * value / most) * GRID, y + 8), palette.series[row])
            canvas.text(7 * GRID, y, str(value), 13, bold=True)
        return canvas


@dataclass(frozen=True)
class Article(Paper):
    """The top of an encyclopedia's page: a title, and words in the slots of a grid."""

    title: str
    words: tuple[str, ...]

    def printed(self) -> Canvas:
        """The document."""
        canvas = Canvas(WIDE)
        canvas.words(Box(GRID, 0, WIDE[0], GRID), self.title, 18, bold=True)
        canvas.line((GRID, GRID), (WIDE[0] - GRID, GRID), ink=GREY)
        for index, word in enumerate(self.words):
            canvas.text(GRID * (1 + 2 * (index % 3)), GRID * (index // 3 + 1.5), word, 12)
        return canvas


@dataclass(frozen=True)
class Sign(Paper):
    """Words on coloured boards that a pole holds."""

    boards: tuple[tuple[str, str], ...]
    """Colour and word of each, from the top."""
    paper: str = "white"

    def printed(self) -> Canvas:
        """The document."""
        canvas = Canvas((SCENE, SCENE), PAPERS[self.paper])
        canvas.rectangle(Box(12, 2, 18, SCENE), "#6f5b45")
        for index, (color, word) in enumerate(self.boards):
            top = 2 * GRID * index + GRID * (len(self.boards) == 1)
            ink = INK if color in {"yellow", "cyan", "orange"} else "#ffffff"
            canvas.rectangle(Box(2, top + 1, SCENE - 2, top + GRID - 1), COLORS[color], INK, radius=4)
            canvas.text(GRID, top + GRID / 2, word, 16, ink, bold=True)
        return canvas

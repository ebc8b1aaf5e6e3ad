"""A sheet of paper that remembers every text put on it."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

GRID = 28
"""Rows of a page and starts of its important words lie on multiples of this many pixels."""

INK = "#1f2430"
GREY = "#6b7280"
RULE = "#c9ced6"

Align = Literal["left", "centre", "right"]


class Box(NamedTuple):
    """A rectangle of the page, in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Distance from left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Distance from top to bottom."""
        return self.bottom - self.top

    def inside(self, margin: float) -> Box:
        """The same rectangle, smaller by a margin on each side."""
        return Box(self.left + margin, self.top + margin, self.right - margin, self.bottom - margin)


@dataclass(frozen=True, slots=True)
class Print:
    """A text with the place it takes on the page."""

    text: str
    box: Box


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's bundled font. It has the letters of English only; see `_accent` for the others."""
    return ImageFont.load_default(size=size)  # type: ignore[return-value]


@cache
def width(text: str, size: int) -> float:
    """Length of a text in pixels."""
    words = _bare(text).split(" ")
    return sum(font(size).getlength(word) for word in words) + _space(size) * (len(words) - 1)


def wrap(text: str, size: int, limit: float) -> Iterator[str]:
    """Break a text into lines that are no longer than a limit."""
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if line and width(longer, size) > limit:
            yield line
            line = word
        else:
            line = longer
    yield line


def _fitting(sentences: Sequence[str], size: int, limit: float, most: int) -> Sequence[str]:
    """Lines of the longest run of whole sentences, from the first, that needs no more than so many lines."""
    lines: Sequence[str] = ()
    for count in range(1, len(sentences) + 1):
        longer = list(wrap(" ".join(sentences[:count]), size, limit))
        if len(longer) > most:
            break
        lines = longer
    return lines


def _space(size: int) -> int:
    """Width of a space; the font's own is too narrow to tell words apart at small sizes."""
    return round(0.3 * size)


def _bare(text: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFD", text) if not unicodedata.combining(letter))


class Canvas:
    """A page being drawn."""

    def __init__(self, size: tuple[int, int], paper: str = "#ffffff") -> None:
        self.image = Image.new("RGB", size, paper)
        self.pen = ImageDraw.Draw(self.image)
        self.printed: list[Print] = []

    @property
    def box(self) -> Box:
        """The whole page."""
        return Box(0, 0, *self.image.size)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: int = 12,
        ink: str = INK,
        *,
        align: Align = "left",
        bold: bool = False,
    ) -> float:
        """Print a line whose capitals are centred on height y; returns where it ends."""
        length = width(text, size)
        left = round(x - {"left": 0.0, "centre": length / 2, "right": length}[align])
        base = round(y + 0.36 * size)
        x = float(left)
        for word in _bare(text).split(" "):
            for shift in (0.0, 0.6) if bold else (0.0,):
                self.pen.text((x + shift, base), word, font=font(size), fill=ink, anchor="ls")
            x += width(word, size) + _space(size)
        self._accents(left, base, text, size, ink)
        self.printed.append(Print(text, Box(left, base - 0.76 * size, left + length, base + 0.22 * size)))
        return left + length

    def words(self, box: Box, text: str, size: int = 12, ink: str = INK, *, bold: bool = False) -> float:
        """Print words on rows of the grid, the longer ones beginning at a cell; returns the height below them."""
        end, y = 0.0, box.top
        for word in text.split():
            x = end + _space(size) if end else box.left
            if len(word) > 3:
                x = box.left + GRID * -(-(x - box.left) // GRID)
            if x + width(word, size) > box.right:
                x, y = box.left, y + GRID
            end = self.text(x, y + GRID / 2, word, size, ink, bold=bold)
        return y + GRID

    def paragraph(self, box: Box, sentences: Sequence[str], size: int = 12, ink: str = INK, pitch: int = 15) -> float:
        """Print the sentences that fit into a box as one paragraph, none of them in part; returns the height below."""
        y = box.top
        for line in _fitting(sentences, size, box.width, int((box.bottom - box.top) / pitch)):
            self.text(box.left, y + pitch / 2, line, size, ink)
            y += pitch
        return y

    def rectangle(self, box: Box, fill: str | None = None, outline: str | None = None, radius: int = 0) -> None:
        """A rectangle, with round corners if asked for."""
        self.pen.rounded_rectangle([round(edge) for edge in box], radius, fill, outline)

    def line(self, *points: tuple[float, float], ink: str = RULE, thick: int = 1) -> None:
        """A line through points."""
        self.pen.line([(round(x), round(y)) for x, y in points], ink, thick, "curve")

    def disc(self, x: float, y: float, radius: float, fill: str | None = None, outline: str | None = None) -> None:
        """A circle."""
        self.pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill, outline)

    def polygon(self, points: Sequence[tuple[float, float]], fill: str) -> None:
        """A filled polygon."""
        self.pen.polygon(points, fill)

    def _accents(self, left: float, base: int, text: str, size: int, ink: str) -> None:
        for index, letter in enumerate(text):
            for mark in unicodedata.normalize("NFD", letter)[1:]:
                x = left + width(text[:index], size) + width(letter, size) / 2
                top = base - (0.76 if letter.isupper() else 0.62) * size
                self._accent(x, base if mark == "\u0327" else top, mark, size, ink)

    def _accent(self, x: float, y: float, mark: str, size: int, ink: str) -> None:
        """Draw a mark above or below a letter at (x, y), since the font has no accented letters."""
        step, rise = 0.12 * size, 0.17 * size
        strokes = {
            "\u0300": [(-step, -rise), (step / 2, 0)],
            "\u0301": [(-step / 2, 0), (step, -rise)],
            "\u0302": [(-1.5 * step, 0), (0, -rise), (1.5 * step, 0)],
            "\u0327": [(0, 0), (step / 2, rise), (-step, rise)],
        }[mark]
        thick = max(1, round(size / 14))
        self.pen.line([(x + dx, y + dy) for dx, dy in strokes], ink, thick)

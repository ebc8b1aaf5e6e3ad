"""Coloured shapes on a small sheet."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Literal

from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SCENE, CROP, FRAME = 112, 56, 84
"""Width and height of a scene, of a shape cut out of one, and of a frame of a clip: whole cells of 28 pixels."""

COLORS: Mapping[str, str] = {
    "red": "#d81e26",
    "green": "#2f9e44",
    "blue": "#1f51d6",
    "yellow": "#f2cb05",
    "purple": "#8a2fb5",
    "orange": "#f27d14",
    "black": "#151515",
    "cyan": "#22c3d6",
}
PAPERS: Mapping[str, str] = {"white": "#fbfbfb", "gray": "#bfbfbf", "pink": "#fbd3df"}
"""Backgrounds; no shape has one of these colours."""

Texture = Literal["plain", "striped", "dotted", "checked"]
Point = tuple[float, float]

_ZOOM = 4
"""Sheets are drawn this much larger and then reduced, for smooth edges."""


def _around(corners: int, *radii: float, start: float = -math.pi / 2) -> list[Point]:
    """Corners of a regular polygon whose distances from the centre repeat."""
    return [
        (radii[i % len(radii)] * math.cos(angle), radii[i % len(radii)] * math.sin(angle))
        for i, angle in ((i, start + 2 * math.pi * i / corners) for i in range(corners))
    ]


def _heart() -> list[Point]:
    turns = [2 * math.pi * i / 60 for i in range(60)]
    return [
        (math.sin(t) ** 3, -(13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)) / 16)
        for t in turns
    ]


_ROUND = _around(60, 1.0)
_OUTLINES: Mapping[str, Sequence[Point]] = {
    "circle": _ROUND,
    "square": [(-0.88, -0.88), (0.88, -0.88), (0.88, 0.88), (-0.88, 0.88)],
    "triangle": [(0, -1), (1.05, 0.85), (-1.05, 0.85)],
    "star": _around(10, 1.1, 0.45),
    "cross": [(-0.34, -1), (0.34, -1), (0.34, -0.34), (1, -0.34), (1, 0.34), (0.34, 0.34), (0.34, 1), (-0.34, 1),
              (-0.34, 0.34), (-1, 0.34), (-1, -0.34), (-0.34, -0.34)],
    "diamond": [(0, -1.12), (0.72, 0), (0, 1.12), (-0.72, 0)],
    "ring": _ROUND,
    "heart": _heart(),
    "arrow": [(-1, -0.32), (0.1, -0.32), (0.1, -0.85), (1.05, 0), (0.1, 0.85), (0.1, 0.32), (-1, 0.32)],
    "moon": _ROUND,
}  # fmt: skip
_HOLES: Mapping[str, Sequence[Point]] = {
    "ring": _around(60, 0.55),
    "moon": [(0.55 + 0.85 * x, -0.2 + 0.85 * y) for x, y in _ROUND],
}

SHAPES = ("circle", "square", "triangle", "star", "cross", "diamond")
"""Shapes that scenes and clips are made of."""
ALL_SHAPES = tuple(_OUTLINES)


@cache
def _stencil(shape: str, radius: int, degrees: int) -> Image.Image:
    """A shape, white on black."""
    side = math.ceil(1.4 * radius)
    image = Image.new("L", (2 * side, 2 * side))
    pen = ImageDraw.Draw(image)
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    for outline, light in ((_OUTLINES[shape], 255), (_HOLES.get(shape, ()), 0)):
        if outline:
            turned = [(x * cos - y * sin, x * sin + y * cos) for x, y in outline]
            pen.polygon([(side + radius * x, side + radius * y) for x, y in turned], light)
    return image


def textured(size: tuple[int, int], ink: str, texture: Texture, pitch: int, paper: str = "#ffffff") -> Image.Image:
    """Paper with a texture of ink; all ink if it is plain."""
    image = Image.new("RGB", size, ink if texture == "plain" else paper)
    pen = ImageDraw.Draw(image)
    columns, rows = range(0, size[0], pitch), range(0, size[1], pitch)
    if texture == "striped":
        for top in rows:
            pen.rectangle((0, top, size[0], top + pitch // 2 - 1), ink)
    elif texture == "dotted":
        for left in columns:
            for top in rows:
                pen.ellipse((left + pitch * 0.15, top + pitch * 0.15, left + pitch * 0.8, top + pitch * 0.8), ink)
    elif texture == "checked":
        for left in columns:
            for top in rows:
                if (left + top) // pitch % 2 == 0:
                    pen.rectangle((left, top, left + pitch - 1, top + pitch - 1), ink)
    return image


class Sheet:
    """A picture being drawn."""

    def __init__(self, size: tuple[int, int], paper: str | Image.Image = "#ffffff") -> None:
        self._large = Image.new("RGB", (size[0] * _ZOOM, size[1] * _ZOOM), paper if isinstance(paper, str) else None)
        if isinstance(paper, Image.Image):
            self._large.paste(paper.resize(self._large.size, Image.Resampling.NEAREST))
        self._pen = ImageDraw.Draw(self._large)

    @property
    def image(self) -> Image.Image:
        """The picture as it is now."""
        return self._large.reduce(_ZOOM)

    def shape(
        self,
        shape: str,
        color: str,
        x: float,
        y: float,
        radius: float,
        *,
        degrees: float = 0,
        texture: Texture = "plain",
    ) -> None:
        """A shape around a point; its colour is a name or a code."""
        ink = COLORS.get(color, color)
        stencil = _stencil(shape, max(1, round(radius * _ZOOM)), round(degrees))
        corner = round(x * _ZOOM - stencil.width / 2), round(y * _ZOOM - stencil.height / 2)
        self._large.paste(ink, (*corner, corner[0] + stencil.width, corner[1] + stencil.height), stencil)
        if texture == "plain":
            return
        inner = _stencil(shape, round(radius * _ZOOM * 0.86), round(degrees))
        shift = (stencil.width - inner.width) // 2
        self._large.paste(
            textured(inner.size, ink, texture, max(7, round(radius / 3)) * _ZOOM),
            (corner[0] + shift, corner[1] + shift),
            inner,
        )

    def rectangle(self, left: float, top: float, right: float, bottom: float, color: str) -> None:
        """A rectangle, if it is not empty; its colour is a name or a code."""
        edges = [round(edge * _ZOOM) for edge in (left, top, right, bottom)]
        if edges[0] < edges[2] and edges[1] < edges[3]:
            self._pen.rectangle((edges[0], edges[1], edges[2] - 1, edges[3] - 1), COLORS.get(color, color))

    def polygon(self, points: Sequence[Point], color: str) -> None:
        """A polygon; its colour is a name or a code."""
        self._pen.polygon([(x * _ZOOM, y * _ZOOM) for x, y in points], COLORS.get(color, color))

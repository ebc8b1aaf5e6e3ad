"""Landscapes at a time of day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .shapes import SCENE, Sheet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from PIL import Image

_HALF = SCENE / 2


def _noon(sheet: Sheet, shift: int) -> None:
    sheet.shape("circle", "#ffdf2e", 24 + shift, 22, 12)


def _night(sheet: Sheet, shift: int) -> None:
    sheet.shape("moon", "#f4efc9", 24 + shift, 22, 13)
    for index in range(6):
        sheet.shape("star", "#f4efc9", (50 + shift + index * 33) % SCENE, 10 + index * 17 % 38, 3)


def _sunset(sheet: Sheet, shift: int) -> None:
    sheet.shape("circle", "#e2452b", _HALF + shift, _HALF, 20)


def _sea(sheet: Sheet, shift: int) -> None:
    for row in range(3):
        for index in range(5):
            left = (index * 26 + row * 13 + shift) % SCENE
            sheet.rectangle(left, 66 + 16 * row, left + 13, 69 + 16 * row, "#9cc7f5")


def _desert(sheet: Sheet, shift: int) -> None:
    dune = [(0, 86), (34 + shift, 64), (70, 84), (100, 70), (SCENE, 80), (SCENE, SCENE), (0, SCENE)]
    sheet.polygon(dune, "#cfa653")


def _forest(sheet: Sheet, shift: int) -> None:
    for index in range(5):
        sheet.shape("triangle", "#1d4d22", 24 * index - shift / 4 + 12, 66 + 12 * (index % 2), 22)


def _city(sheet: Sheet, shift: int) -> None:
    for index in range(5):
        left, top = 22 * index + shift / 4, 30 + 9 * (index * 2 % 3)
        sheet.rectangle(left, top, left + 18, 84, "#3c3c46")
        for floor in range(top + 5, 76, 10):
            sheet.rectangle(left + 4, floor, left + 8, floor + 5, "#ffe27a")
            sheet.rectangle(left + 11, floor, left + 15, floor + 5, "#ffe27a")


def _meadow(sheet: Sheet, shift: int) -> None:
    for index in range(9):
        ink = ("#e8336d", "#ffffff", "#f7d417")[index % 3]
        sheet.shape("circle", ink, (8 + 37 * index + shift) % SCENE, 66 + 11 * (index % 4), 4)


def _snow(sheet: Sheet, shift: int) -> None:
    for radius, top in ((16, 92), (11, 70), (7, 55)):
        sheet.shape("circle", "#9aa9bd", 82 - shift, top, radius + 1)
        sheet.shape("circle", "#ffffff", 82 - shift, top, radius)


@dataclass(frozen=True, slots=True)
class Layer:
    """A colour with what is drawn on it, moved by some pixels."""

    color: str
    furnish: Callable[[Sheet, int], None]


SKIES: Mapping[str, Layer] = {
    "noon": Layer("#bfe3fb", _noon),
    "night": Layer("#10163a", _night),
    "sunset": Layer("#f6a15b", _sunset),
}
GROUNDS: Mapping[str, Layer] = {
    "sea": Layer("#1f63c4", _sea),
    "desert": Layer("#e8c878", _desert),
    "forest": Layer("#3f7f3f", _forest),
    "city": Layer("#77777d", _city),
    "meadow": Layer("#7ccb4b", _meadow),
    "snow": Layer("#ffffff", _snow),
}


@dataclass(frozen=True, slots=True)
class Land:
    """A landscape at a time of day."""

    ground: str
    sky: str
    shift: int = 0
    """Pixels that sun, moon and what stands on the ground are moved by."""

    def draw(self) -> Image.Image:
        """The picture."""
        sky, ground = SKIES[self.sky], GROUNDS[self.ground]
        sheet = Sheet((SCENE, SCENE), sky.color)
        sky.furnish(sheet, self.shift)
        sheet.rectangle(0, _HALF, SCENE, SCENE, ground.color)
        ground.furnish(sheet, self.shift)
        return sheet.image

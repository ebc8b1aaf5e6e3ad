"""Ten breakfasts in the making."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .shapes import FRAME, Sheet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from PIL import Image

_TABLE, _PAN, _CHINA, _RIM = "#d9b98c", "#2c2c30", "#ffffff", "#8b8f98"


@dataclass(frozen=True, slots=True)
class Breakfast:
    """A breakfast of a kind being made."""

    label: str
    shift: int = 0
    """Pixels that the dishes are moved by."""
    length: int = 9

    def frames(self) -> Sequence[Image.Image]:
        """The frames, in order."""
        return [self._frame(index / (self.length - 1)) for index in range(self.length)]

    def _frame(self, part: float) -> Image.Image:
        sheet = Sheet((FRAME, FRAME), _TABLE)
        BREAKFASTS[self.label](sheet, FRAME / 2 + self.shift, part)
        return sheet.image


def _glass(sheet: Sheet, x: float, part: float, drink: str) -> None:
    sheet.rectangle(x - 17, 10, x + 17, 76, _RIM)
    sheet.rectangle(x - 14, 10, x + 14, 73, "#cfe6ee")
    sheet.rectangle(x - 14, 73 - 56 * part, x + 14, 73, drink)


def _cup(sheet: Sheet, x: float, part: float, drink: str) -> None:
    sheet.shape("ring", _CHINA, x + 24, 48, 16)
    sheet.rectangle(x - 27, 24, x + 25, 76, _RIM)
    sheet.rectangle(x - 25, 24, x + 23, 74, _CHINA)
    sheet.rectangle(x - 20, 70 - 42 * part, x + 18, 70, drink)


def _juice(sheet: Sheet, x: float, part: float) -> None:
    _glass(sheet, x, part, "#ff8c1a")
    sheet.shape("circle", "#ff8c1a", x - 26, 66, 11)


def _coffee(sheet: Sheet, x: float, part: float) -> None:
    _cup(sheet, x, part, "#4a2814")


def _tea(sheet: Sheet, x: float, part: float) -> None:
    _cup(sheet, x, part, "#8fbf3f")
    sheet.rectangle(x - 8, 6, x - 7, 46, "#555555")
    sheet.rectangle(x - 14, 4, x - 2, 16, "#2f9e44")


def _milk(sheet: Sheet, x: float, part: float) -> None:
    _glass(sheet, x, part, "#fffdf5")


def _scatter(sheet: Sheet, x: float, number: float, pieces: Sequence[tuple[str, str, float]]) -> None:
    """A number of pieces, in turn, from the middle of a dish outwards."""
    for index in range(round(number)):
        shape, color, radius = pieces[index % len(pieces)]
        away = 5.8 * (index + 0.5) ** 0.5
        place = x + away * _COS[index % 8], 44 + away * _COS[(index + 2) % 8]
        sheet.shape(shape, color, *place, radius, degrees=index * 137)


_COS = (1.0, -0.71, 0.0, 0.71, -1.0, 0.71, 0.0, -0.71)


def _bowl(sheet: Sheet, x: float) -> None:
    sheet.shape("circle", _RIM, x, 44, 34)
    sheet.shape("circle", _CHINA, x, 44, 32)


def _cereal(sheet: Sheet, x: float, part: float) -> None:
    _bowl(sheet, x)
    _scatter(sheet, x, 16 * part, [("ring", "#d79a2b", 6)])


def _salad(sheet: Sheet, x: float, part: float) -> None:
    _bowl(sheet, x)
    leaves = [("heart", "#2f9e44", 9.0), ("heart", "#6cc04a", 9.0), ("circle", "#e0322f", 6.0)]
    _scatter(sheet, x, 15 * part, leaves)


def _pan(sheet: Sheet, x: float) -> None:
    sheet.rectangle(x + 20, 39, FRAME, 49, "#7a5230")
    sheet.shape("circle", _PAN, x - 6, 44, 34)


def _friedegg(sheet: Sheet, x: float, part: float) -> None:
    _pan(sheet, x)
    sheet.shape("circle", "#ffffff", x - 6, 44, 6 + 20 * part)
    sheet.shape("circle", "#ffc51f", x - 6, 44, 4 + 6 * part)


def _scrambledegg(sheet: Sheet, x: float, part: float) -> None:
    _pan(sheet, x)
    _scatter(sheet, x - 6, 18 * part, [("circle", "#ffd84a", 6), ("square", "#f7c524", 6)])


def _pancake(sheet: Sheet, x: float, part: float) -> None:
    sheet.rectangle(x - 36, 70, x + 36, 75, _CHINA)
    for index in range(round(1 + 4 * part)):
        top = 60 - 11 * index
        sheet.rectangle(x - 27, top, x + 27, top + 10, "#b9722d")
        sheet.rectangle(x - 27, top, x + 27, top + 6, "#eab566")


def _sandwich(sheet: Sheet, x: float, part: float) -> None:
    sheet.rectangle(x - 36, 70, x + 36, 75, _CHINA)
    layers = ("#c98b4a", "#49a942", "#e0322f", "#ffd23e", "#c98b4a")
    for index, ink in enumerate(layers[: round(1 + 4 * part)]):
        thick, wide = (13, 28) if index in {0, 4} else (6, 31)
        bottom = 70 - (0, 13, 19, 25, 31)[index]
        sheet.rectangle(x - wide, bottom - thick, x + wide, bottom, ink)


BREAKFASTS: Mapping[str, Callable[[Sheet, float, float], None]] = {
    "pancake": _pancake,
    "cereal": _cereal,
    "sandwich": _sandwich,
    "scrambledegg": _scrambledegg,
    "friedegg": _friedegg,
    "coffee": _coffee,
    "milk": _milk,
    "tea": _tea,
    "juice": _juice,
    "salad": _salad,
}
"""Labels of the benchmark, each with how to draw it on a sheet, around a point, after a part of the clip."""

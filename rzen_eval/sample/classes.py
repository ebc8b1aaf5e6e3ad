"""Image classification: what a picture shows, in one of the words of its task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from .lands import GROUNDS, SKIES, Land
from .pictures import FLAGS, Flag, Meme, Pattern, Solo
from .rows import Entry, Maker, Row, cycled, texts
from .scenes import CORNERS, NUMBERS, Scene, Thing, plural
from .shapes import ALL_SHAPES, COLORS, PAPERS, SHAPES, Texture

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

Show = Callable[["Random"], Entry]
"""An example of a class."""

_FEW_COLORS = ("red", "green", "blue", "yellow", "purple", "orange")
_FEW_SHAPES = ("circle", "square", "triangle", "star")
_TEXTURES: tuple[Texture, ...] = ("plain", "striped", "dotted", "checked")


def _shift(rng: Random, most: int) -> tuple[int, int]:
    return rng.randint(-most, most), rng.randint(-most, most)


def _paper(rng: Random) -> str:
    return rng.choice(sorted(PAPERS))


def _ink(rng: Random) -> str:
    return rng.choice(sorted(COLORS))


def _object(color: str, shape: str, rng: Random) -> Entry:
    return Entry(picture=Solo(color, shape, _paper(rng), radius=rng.randint(28, 36), shift=_shift(rng, 8)))


def _littered(color: str, shape: str, rng: Random) -> Entry:
    return Entry(picture=Solo(color, shape, radius=rng.randint(20, 26), shift=_shift(rng, 16), litter=True))


def _rendition(shape: str, texture: Texture, rng: Random) -> Entry:
    return Entry(picture=Solo(_ink(rng), shape, texture=texture, radius=40, shift=_shift(rng, 4)))


def _shape(shape: str, rng: Random, degrees: int = 0) -> Entry:
    paper, turn = _paper(rng), rng.randint(-degrees, degrees)
    return Entry(picture=Solo(_ink(rng), shape, paper, degrees=turn, radius=rng.randint(28, 36), shift=_shift(rng, 8)))


def _news(color: str, shape: str, rng: Random) -> Entry:
    number = rng.randint(2, 4)
    places = sorted(rng.sample(CORNERS, number), key=CORNERS.index)
    scene = Scene(tuple(Thing(color, shape, place) for place in places), _paper(rng))
    when = rng.choice(("this morning", "on Monday", "last night", "at the harbor"))
    return Entry(f"{NUMBERS[number - 1].capitalize()} {color} shapes were seen {when}.", scene)


def _meme(verb: str, rng: Random) -> Entry:
    shape = rng.choice(_FEW_SHAPES)
    solo = Solo(_ink(rng), shape, _paper(rng), radius=24)
    return Entry(picture=Meme(f"WE {verb}", f"{plural(shape).upper()}", solo))


def _pattern(color: str, texture: Texture, rng: Random) -> Entry:
    return Entry(picture=Pattern(color, texture, rng.choice((20, 24, 28))))


def _land(ground: str, sky: str, rng: Random) -> Entry:
    return Entry(picture=Land(ground, sky, rng.randint(0, 24)))


def _flag(country: str, rng: Random) -> Entry:
    return Entry(picture=Flag(country, rng.randint(-6, 6)))


def _named(template: str, show: Callable[..., Entry], *choices: Sequence[str]) -> Mapping[str, Show]:
    """A class for every combination of choices, named after them."""
    combinations: list[tuple[str, ...]] = [()]
    for choice in choices:
        combinations = [(*chosen, word) for chosen in combinations for word in choice]
    return {template.format(*chosen): partial(show, *chosen) for chosen in combinations}


CLASSES: Mapping[str, Mapping[str, Show]] = {
    "ImageNet-1K": _named("{} {}", _object, _FEW_COLORS, _FEW_SHAPES),
    "N24News": {
        f"{color} {plural(shape)}": partial(_news, color, shape) for color in _FEW_COLORS for shape in _FEW_SHAPES
    },
    "HatefulMemes": {"Yes": partial(_meme, "HATE"), "No": partial(_meme, "LOVE")},
    "VOC2007": _named("{}", _shape, ALL_SHAPES),
    "SUN397": _named("{1} {0} wall", _pattern, _FEW_COLORS, _TEXTURES),
    "Place365": _named("{} at {}", _land, tuple(GROUNDS), tuple(SKIES)),
    "ImageNet-A": _named("{} {}", _littered, _FEW_COLORS, _FEW_SHAPES),
    "ImageNet-R": _named("{1} {0}", _rendition, SHAPES, _TEXTURES),
    "ObjectNet": _named("{}", partial(_shape, degrees=60), [shape for shape in ALL_SHAPES if shape != "diamond"]),
    "Country211": _named("{}", _flag, tuple(FLAGS)),
}
"""The classes of each task, with how to show one. A turned square is no diamond, so ObjectNet has none."""


def _classify(classes: Mapping[str, Show], rng: Random, number: int) -> Sequence[Row]:
    return [Row(classes[name](rng), texts(rng, name, classes)) for name in cycled(rng, list(classes), number)]


MAKERS: Mapping[str, Maker] = {task: partial(_classify, classes) for task, classes in CLASSES.items()}

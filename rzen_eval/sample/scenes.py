"""Scenes of coloured shapes, with what can be said about them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .shapes import COLORS, CROP, PAPERS, SCENE, SHAPES, Sheet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

    from PIL import Image

_STEP = (25, 56, 87)
PLACES = {
    f"{row} {column}".strip() or "center": (x, y)
    for y, row in zip(_STEP, ("top", "", "bottom"), strict=True)
    for x, column in zip(_STEP, ("left", "", "right"), strict=True)
}
"""Where in a scene things are, as pixels."""
CORNERS = ("top left", "top right", "bottom left", "bottom right")
NUMBERS = ("one", "two", "three", "four", "five")

Kind = tuple[str, str]
"""Colour and shape."""


@dataclass(frozen=True, slots=True)
class Thing:
    """A coloured shape somewhere in a scene."""

    color: str
    shape: str
    place: str
    large: bool = True

    @property
    def kind(self) -> Kind:
        """What it is, wherever it is."""
        return self.color, self.shape

    @property
    def name(self) -> str:
        """Its colour and shape in words."""
        return f"{self.color} {self.shape}"

    @property
    def size(self) -> str:
        """Its size in words."""
        return "large" if self.large else "small"


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture of things, in reading order: alone, side by side, one above the other, or in corners."""

    things: tuple[Thing, ...]
    paper: str = "white"
    shift: tuple[int, int] = (0, 0)
    """Pixels that everything is moved by, which nothing that is said about a scene depends on."""

    @property
    def kinds(self) -> frozenset[Kind]:
        """What is in it."""
        return frozenset(thing.kind for thing in self.things)

    def radius(self, thing: Thing) -> int:
        """How large a thing is drawn; five things are smaller, so that the one in the middle touches none."""
        return 10 if not thing.large else 19 if len(self.things) < 5 else 15

    def draw(self) -> Image.Image:
        """The picture."""
        sheet = Sheet((SCENE, SCENE), PAPERS[self.paper])
        for thing in self.things:
            x, y = PLACES[thing.place]
            sheet.shape(thing.shape, thing.color, x + self.shift[0], y + self.shift[1], self.radius(thing))
        return sheet.image


@dataclass(frozen=True, slots=True)
class Crop:
    """A thing cut out of its scene."""

    scene: Scene
    thing: Thing

    def draw(self) -> Image.Image:
        """The picture: 44 pixels of the scene around the thing, enlarged to a crop's size."""
        x, y = PLACES[self.thing.place]
        sheet = Sheet((CROP, CROP), PAPERS[self.scene.paper])
        zoom = CROP / 44
        for thing in self.scene.things:
            left, top = PLACES[thing.place]
            radius = self.scene.radius(thing)
            if max(abs(left - x), abs(top - y)) < 22 + radius:
                sheet.shape(thing.shape, thing.color, (left - x + 22) * zoom, (top - y + 22) * zoom, radius * zoom)
        return sheet.image


def article(words: str) -> str:
    """Words with the indefinite article that fits."""
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def counted(number: int, words: str) -> str:
    """A number of things in words."""
    return f"{NUMBERS[number - 1]} {words if number == 1 else plural(words)}"


def plural(words: str) -> str:
    """More than one of something."""
    return f"{words}es" if words.endswith("s") else f"{words}s"


def relation(one: Thing, other: Thing) -> str | None:
    """How one thing lies to another of the same row or column; None if it comes after it or is in neither."""
    (x, y), (right, below) = PLACES[one.place], PLACES[other.place]
    if y == below and x < right:
        return "left of"
    return "above" if x == right and y < below else None


def describe(scene: Scene) -> str:
    """A caption that is true of this scene and of no other of its pool."""
    background = f"on a {scene.paper} background"
    names = [article(thing.name) for thing in scene.things]
    if len(names) == 1:
        [thing] = scene.things
        return f"{article(f'{thing.size} {thing.name}')} at the {thing.place} {background}"
    if len(names) == 2:
        return f"{names[0]} {relation(*scene.things)} {names[1]} {background}"
    return f"{', '.join(names[:-1])} and {names[-1]} {background}"


def holds(scene: Scene, other: Scene) -> bool:
    """Whether what `describe` says about a scene is also true of another."""
    if scene.paper != other.paper or not scene.kinds <= other.kinds:
        return False
    there = {thing.kind: thing for thing in other.things}
    if len(scene.things) == 1:
        [thing] = scene.things
        return there[thing.kind] == thing
    if len(scene.things) == 2:
        one, two = scene.things
        return relation(there[one.kind], there[two.kind]) == relation(one, two)
    return True


def kinds(rng: Random, number: int) -> Sequence[Kind]:
    """Different colours with different shapes."""
    return list(zip(rng.sample(sorted(COLORS), number), rng.sample(SHAPES, number), strict=True))


def sample(rng: Random, number: int | None = None) -> Scene:
    """A scene of one to three things, no two of one colour or shape."""
    number = number or rng.choice((1, 2, 2, 3))
    if number == 1:
        places: Sequence[str] = [rng.choice((*CORNERS, "center"))]
    elif number == 2:
        places = rng.choice((("left", "right"), ("top", "bottom")))
    else:
        places = sorted(rng.sample(CORNERS, number), key=list(PLACES).index)
    large = number > 1 or rng.random() < 0.5
    things = (Thing(*kind, place, large) for kind, place in zip(kinds(rng, number), places, strict=True))
    return Scene(tuple(things), rng.choice(sorted(PAPERS)))


def several(rng: Random, number: int, size: int | None = None) -> list[Scene]:
    """Scenes of which no caption is true of two."""
    found: list[Scene] = []
    while len(found) < number:
        scene = sample(rng, size)
        if not any(holds(scene, other) or holds(other, scene) for other in found):
            found.append(scene)
    return found


@dataclass(frozen=True, slots=True)
class Change:
    """A scene with one thing changed."""

    text: str
    scene: Scene


def changes(scene: Scene) -> Iterator[Change]:
    """Every scene that differs from this one in one colour, one shape or the background."""
    used = {thing.color for thing in scene.things} | {thing.shape for thing in scene.things}
    for index, thing in enumerate(scene.things):
        for color in COLORS:
            if color not in used:
                yield Change(f"make the {thing.shape} {color}", _with(scene, index, replace(thing, color=color)))
        for shape in SHAPES:
            if shape not in used:
                text = f"replace the {thing.shape} with {article(shape)}"
                yield Change(text, _with(scene, index, replace(thing, shape=shape)))
    for paper in PAPERS:
        if paper != scene.paper:
            yield Change(f"make the background {paper}", replace(scene, paper=paper))


def swapped(scene: Scene) -> Scene:
    """The same things in each other's places."""
    places = [thing.place for thing in scene.things]
    things = (replace(thing, place=place) for thing, place in zip(reversed(scene.things), places, strict=True))
    return replace(scene, things=tuple(things))


def _with(scene: Scene, index: int, thing: Thing) -> Scene:
    return replace(scene, things=(*scene.things[:index], thing, *scene.things[index + 1 :]))

"""Video classification: what happens in a clip, in one of the words of its task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from .clips import BY_NAME, MOTIONS, Act, Actor, Clip, Film, Pose, paper
from .kitchen import BREAKFASTS, Breakfast
from .release import Maker, Release, columns
from .rows import cycled
from .shapes import COLORS, FRAME, SHAPES

if TYPE_CHECKING:
    from random import Random

Show = Callable[["Random"], Film]
"""An example of a class."""

_PATHS = ("moving left", "moving right", "growing", "blinking")
_FEW_COLORS, _FEW_SHAPES = ("red", "green", "blue", "yellow"), ("circle", "square", "triangle", "star")
_LEFT, _RIGHT, _HALF = 18.0, FRAME - 18.0, FRAME / 2


def _act(rng: Random, *, motion: str, color: str | None = None, shape: str | None = None) -> Film:
    shown = Act(color or rng.choice(sorted(COLORS)), shape or rng.choice(SHAPES), BY_NAME[motion])
    return shown.clip(rng, paper(rng), rng.randint(8, 12))


def _play(rng: Random, *poses: tuple[Pose, Pose], cover: str | None = None) -> Film:
    """Shapes of different kinds on their ways, the last in front and perhaps of a given shape."""
    inks, shapes = rng.sample(sorted(COLORS), len(poses)), rng.sample(("square", "triangle", "star"), len(poses))
    shapes[-1] = cover or shapes[-1]
    actors = (Actor(ink, shape, *ends) for ink, shape, ends in zip(inks, shapes, poses, strict=True))
    return Clip(tuple(actors), paper(rng), rng.randint(8, 12))


def _breakfast(label: str, rng: Random) -> Film:
    return Breakfast(label, rng.randint(-3, 3))


def _turned(rng: Random, degrees: int) -> Film:
    ends = (Pose(radius=24), Pose(radius=24, degrees=degrees))
    actor = Actor(rng.choice(sorted(COLORS)), rng.choice(("triangle", "heart")), *ends)
    return Clip((actor,), paper(rng), rng.randint(8, 12))


_FAR = Pose(_LEFT, radius=11), Pose(_RIGHT, radius=11)
_CLOSE = Pose(_HALF - 11, radius=11), Pose(_HALF + 11, radius=11)
_SMALL, _OVER, _ASIDE = Pose(_HALF + 14, radius=11), Pose(_HALF + 14, radius=22), Pose(_LEFT, radius=22)
_SOMETHING: Mapping[str, Show] = {
    "Pushing something from left to right": partial(_act, motion="moving right"),
    "Pushing something from right to left": partial(_act, motion="moving left"),
    "Moving something up": partial(_act, motion="moving up"),
    "Moving something down": partial(_act, motion="moving down"),
    "Moving something and something closer to each other": lambda rng: _play(rng, *zip(_FAR, _CLOSE, strict=True)),
    "Moving something and something away from each other": lambda rng: _play(rng, *zip(_CLOSE, _FAR, strict=True)),
    "Covering something with something": lambda rng: _play(rng, (_SMALL, _SMALL), (_ASIDE, _OVER), cover="circle"),
    "Uncovering something": lambda rng: _play(rng, (_SMALL, _SMALL), (_OVER, _ASIDE), cover="circle"),
    "Turning something upside down": partial(_turned, degrees=180),
    "Spinning something so it continues spinning": partial(_turned, degrees=500),
}
"""Labels of the benchmark that shapes can act out."""

CLASSES: Mapping[str, Mapping[str, Show]] = {
    "K700": {motion.doing: partial(_act, motion=motion.doing) for motion in MOTIONS},
    "HMDB51": {
        f"something {color} {motion}": partial(_act, motion=motion, color=color)
        for color in _FEW_COLORS
        for motion in _PATHS
    },
    "UCF101": {
        f"{shape} {motion}": partial(_act, motion=motion, shape=shape) for shape in _FEW_SHAPES for motion in _PATHS
    },
    "Breakfast": {label: partial(_breakfast, label) for label in BREAKFASTS},
    "SSv2": _SOMETHING,
}
"""The classes of each folder, with how to show one.

Shapes do not act out the labels of K700, HMDB51 and UCF101, so these have labels of their own; the benchmark's labels
stay in the pool, as they do for any label that is not among them. Those of Breakfast and SSv2 are the benchmark's.
"""


def _classify(folder: str, rng: Random, number: int) -> Release:
    classes = CLASSES[folder]
    shown = cycled(rng, list(classes), number)
    rows: list[dict[str, Any]] = [
        {"video_id": f"{folder.lower()}_{index:04}_000010_000020", "pos_text": name} for index, name in enumerate(shown)
    ]
    films = {row["video_id"]: classes[row["pos_text"]](rng) for row in rows}
    return Release({"default": columns(rows)}, films)


def _choose(folder: str, rng: Random, number: int) -> Release:
    """Numbers for names, and in every row the labels to choose from."""
    classes = CLASSES[folder]
    rows: list[dict[str, Any]] = [
        {"video_id": 70001 + 13 * index, "pos_text": name, "neg_text": rng.sample(list(classes), len(classes))}
        for index, name in enumerate(cycled(rng, list(classes), number))
    ]
    films = {str(row["video_id"]): classes[row["pos_text"]](rng) for row in rows}
    return Release({"default": columns(rows)}, films)


MAKERS: Mapping[str, Maker] = {
    folder: partial(_choose if folder == "SSv2" else _classify, folder) for folder in CLASSES
}

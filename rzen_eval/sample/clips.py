"""Clips of coloured shapes that move or change."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from .scenes import article
from .shapes import COLORS, FRAME, PAPERS, SHAPES, Sheet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from PIL import Image

LENGTH = 8
"""Frames of a clip unless it says otherwise; the benchmark looks at eight."""
_MIDDLE, _NEAR, _FAR = FRAME / 2, 18.0, FRAME - 18.0


class Film(Protocol):
    """Something to show in frames."""

    def frames(self) -> Sequence[Image.Image]:
        """The frames, in order."""


@dataclass(frozen=True, slots=True)
class Pose:
    """How a shape lies in a frame."""

    x: float = _MIDDLE
    y: float = _MIDDLE
    radius: float = 15.0
    degrees: float = 0.0

    def towards(self, other: Pose, part: float) -> Pose:
        """The pose on the way to another after a part of the way."""
        pairs = zip(
            (self.x, self.y, self.radius, self.degrees), (other.x, other.y, other.radius, other.degrees), strict=True
        )
        return Pose(*(one + (two - one) * part for one, two in pairs))


@dataclass(frozen=True, slots=True)
class Actor:
    """A shape with what it does in a clip."""

    color: str
    shape: str
    begin: Pose = field(default_factory=Pose)
    end: Pose | None = None
    """None: as it begins."""
    later: str | None = None
    """Colour from the middle of the clip on; None: the same."""
    hidden: tuple[int, ...] = ()
    """Frames of the clip in which it is not to be seen."""

    def draw(self, sheet: Sheet, part: float) -> None:
        """Draw it as it is after a part of the clip."""
        pose = self.begin.towards(self.end or self.begin, part)
        color = self.later if self.later and part >= 0.5 else self.color
        sheet.shape(self.shape, color, pose.x, pose.y, pose.radius, degrees=pose.degrees)


@dataclass(frozen=True, slots=True)
class Clip:
    """Actors on one background; the later ones in front."""

    actors: tuple[Actor, ...]
    paper: str = "white"
    length: int = LENGTH

    def frames(self) -> Sequence[Image.Image]:
        """The frames, in order."""
        return [self.frame(index) for index in range(self.length)]

    def frame(self, index: int) -> Image.Image:
        """One frame."""
        sheet = Sheet((FRAME, FRAME), PAPERS[self.paper])
        for actor in self.actors:
            if index not in actor.hidden:
                actor.draw(sheet, index / (self.length - 1))
        return sheet.image


@dataclass(frozen=True, slots=True)
class Sequel:
    """Clips one after the other."""

    clips: tuple[Clip, ...]

    def frames(self) -> Sequence[Image.Image]:
        """The frames, in order."""
        return [frame for clip in self.clips for frame in clip.frames()]


@dataclass(frozen=True, slots=True)
class Motion:
    """Something a shape can do, in the forms that texts need."""

    doing: str
    does: str
    begin: Pose
    end: Pose
    blinks: bool = False
    recolors: bool = False

    @property
    def infinitive(self) -> str:
        """As in "to grow"."""
        first, _, rest = self.does.partition(" ")
        return f"{first.removesuffix('s')}{' ' if rest else ''}{rest}"


MOTIONS = (
    Motion("moving left", "moves left", Pose(x=_FAR), Pose(x=_NEAR)),
    Motion("moving right", "moves right", Pose(x=_NEAR), Pose(x=_FAR)),
    Motion("moving up", "moves up", Pose(y=_FAR), Pose(y=_NEAR)),
    Motion("moving down", "moves down", Pose(y=_NEAR), Pose(y=_FAR)),
    Motion("growing", "grows", Pose(radius=6), Pose(radius=33)),
    Motion("shrinking", "shrinks", Pose(radius=33), Pose(radius=6)),
    Motion("blinking", "blinks", Pose(radius=20), Pose(radius=20), blinks=True),
    Motion("changing color", "changes color", Pose(radius=20), Pose(radius=20), recolors=True),
)
BY_NAME: Mapping[str, Motion] = {motion.doing: motion for motion in MOTIONS}
OPPOSITES: Mapping[str, str] = {
    one: other
    for pair in (("moving left", "moving right"), ("moving up", "moving down"), ("growing", "shrinking"))
    for one, other in (pair, pair[::-1])
}


@dataclass(frozen=True, slots=True)
class Act:
    """A shape doing one thing."""

    color: str
    shape: str
    motion: Motion

    @property
    def name(self) -> str:
        """Its colour and shape in words."""
        return f"{self.color} {self.shape}"

    @property
    def caption(self) -> str:
        """What there is to see."""
        return f"{article(self.name)} {self.motion.doing}"

    def clip(self, rng: Random, paper: str = "white", length: int = LENGTH) -> Clip:
        """A clip of it; where exactly it happens is left to chance."""
        across, down = rng.uniform(-8, 8), rng.uniform(-8, 8)
        straight = self.motion.begin.x != self.motion.end.x, self.motion.begin.y != self.motion.end.y
        shift = 0 if straight[0] else across, 0 if straight[1] else down
        if self.motion.doing in {"growing", "shrinking"}:
            shift = (0, 0)
        begin, end = (
            replace(pose, x=pose.x + shift[0], y=pose.y + shift[1]) for pose in (self.motion.begin, self.motion.end)
        )
        later = rng.choice([color for color in COLORS if color != self.color]) if self.motion.recolors else None
        hidden = tuple(range(1, length, 2)) if self.motion.blinks else ()
        return Clip((Actor(self.color, self.shape, begin, end, later, hidden),), paper, length)


def act(rng: Random, motion: str | None = None) -> Act:
    """A shape doing something."""
    chosen = BY_NAME[motion] if motion else rng.choice(MOTIONS)
    return Act(rng.choice(sorted(COLORS)), rng.choice(SHAPES), chosen)


def paper(rng: Random) -> str:
    """A background."""
    return rng.choice(sorted(PAPERS))

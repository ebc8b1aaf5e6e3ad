"""Moment retrieval: the part of a video in which something happens, among its other parts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

from .clips import BY_NAME, Act, Actor, Clip, Film, Pose, paper
from .release import Maker, Release, columns
from .shapes import COLORS, SHAPES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from PIL import Image

    from .rows import Picture

_MOTIONS = ("moving left", "moving right", "moving up", "moving down", "growing", "shrinking")
_PARTS = 5
"""Clips that a video is cut into."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A video as a query has it: two frames of each of its parts."""

    parts: tuple[Clip, ...]

    def frames(self) -> Sequence[Image.Image]:
        """The frames, in order."""
        return [part.frame(moment) for part in self.parts for moment in (1, part.length - 2)]


def _parts(rng: Random) -> list[Act]:
    """Different things done by two shapes, each doing some of what the other does."""
    inks, shapes = rng.sample(sorted(COLORS), 2), rng.sample(SHAPES, 2)
    motions = rng.sample(_MOTIONS, 3)
    choices = [Act(*kind, BY_NAME[motion]) for kind, motion in product(zip(inks, shapes, strict=True), motions)]
    return rng.sample(choices, _PARTS)


def _highlights(name: str, say: str, rng: Random, number: int) -> Release:
    rows: list[dict[str, Any]] = []
    films: dict[str, Film] = {}
    for index in range(number):
        video = name.format(index)
        acts, ground = _parts(rng), paper(rng)
        clips = [each.clip(rng, ground) for each in acts]
        right = rng.randrange(_PARTS)
        wrong = iter(range(_PARTS))
        films[f"{video}/query"] = Whole(tuple(clips))
        for place, clip in enumerate(clips):
            films[f"{video}/{'positive' if place == right else f'negative_{next(wrong)}'}"] = clip
        query = say.format(name=acts[right].name, does=acts[right].motion.does, doing=acts[right].motion.doing)
        rows.append({"query": query, "video_path": f"videos/{video}.mp4"})
    return Release({"default": columns(rows)}, films)


@dataclass(frozen=True, slots=True)
class Portrait:
    """A shape at rest, as a picture that goes with a query."""

    color: str
    shape: str

    def draw(self) -> Image.Image:
        """The picture."""
        return Clip((Actor(self.color, self.shape, Pose(radius=24)),)).frame(0)


_MOVIES = 4
_EACH = 4
"""Motions in a movie, each of which two shapes make."""


@dataclass(frozen=True, slots=True)
class Movie:
    """A movie with clips of two shapes of the same form."""

    name: str
    acts: tuple[Act, ...]
    films: Mapping[str, Clip]
    """In the order of the acts, by the path of the clip."""

    def row(self, query: str, right: Sequence[Act], given: str = "", but: Sequence[str] = ()) -> dict[str, Any]:
        """A row whose wrong clips are all others of the movie, but for those that were given with the query."""
        paths = dict(zip(self.acts, self.films, strict=True))
        positive = [paths[each] for each in right]
        negative = [path for path in self.films if path not in positive and path not in but]
        return {
            "query": query,
            "positive_frames": [{"output_path": path} for path in positive],
            "negative_frames": [{"output_path": path} for path in negative],
            "input_frames": given,
        }


def _movie(rng: Random, index: int) -> Movie:
    """A movie with the clips cut from it."""
    shape, inks, ground = rng.choice(SHAPES), rng.sample(sorted(COLORS), 2), paper(rng)
    motions = rng.sample(_MOTIONS, _EACH)
    acts = [Act(ink, shape, BY_NAME[motion]) for ink, motion in product(inks, motions)]
    rng.shuffle(acts)
    name = f"movie{index + 101}"
    films = {f"{name}/{20 * place + 7}_clip_{place}.mp4": each.clip(rng, ground) for place, each in enumerate(acts)}
    return Movie(name, tuple(acts), films)


def _folder(path: str) -> str:
    """Where the frames of a clip are."""
    return f"video_frames/{path.removesuffix('.mp4').replace('/', '_')}"


def _seek(repeated: int, rng: Random, number: int) -> Release:
    """Texts that both shapes answer or one of them, pictures of a shape, and clips of it; then some rows once more."""
    movies = [_movie(rng, index) for index in range(_MOVIES)]
    rows: list[dict[str, Any]] = []
    films: dict[str, Film] = {_folder(path): film for movie in movies for path, film in movie.films.items()}
    pictures: dict[str, Picture] = {}
    for index in range(number - repeated):
        movie = movies[index % _MOVIES]
        wanted = movie.acts[index // _MOVIES]
        same = [each for each in movie.acts if each.motion == wanted.motion]
        turn = (index + index // _MOVIES) % 4
        if turn == 0:
            rows.append(movie.row(f"the {wanted.shape} {wanted.motion.does}", same))
        elif turn == 1:
            rows.append(movie.row(f"the {wanted.name} {wanted.motion.does}", [wanted]))
        elif turn == 2:
            name = f"{movie.name}_{wanted.color}.jpg"
            pictures[f"query_{name}"] = Portrait(wanted.color, wanted.shape)
            rows.append(movie.row(f"this shape {wanted.motion.does}", [wanted], name))
        else:
            before = next(each for each in movie.acts if each.color == wanted.color and each != wanted)
            given = list(movie.films)[movie.acts.index(before)]
            rows.append(movie.row(f"the same shape {wanted.motion.does}", [wanted], given, [given]))
    again = rng.sample(range(len(rows)), repeated)
    return Release({"default": columns([*rows, *(rows[index] for index in again)])}, films, pictures)


MAKERS: Mapping[str, Maker] = {
    "QVHighlight": partial(_highlights, "qvhighlight{:04}_60.0_210.0", "The {name} {does}."),
    "Charades_STA": partial(_highlights, "CHRDS{:04}", "the {name} is {doing}."),
    "MomentSeeker": partial(_seek, 0),
    "MomentSeeker_1k8": partial(_seek, 3),
}

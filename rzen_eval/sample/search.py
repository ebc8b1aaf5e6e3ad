"""Video retrieval: a caption and the clip it is true of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from .clips import BY_NAME, MOTIONS, Act, Actor, Clip, Film, Pose, Sequel, paper
from .release import Maker, Release, columns
from .shapes import COLORS, FRAME, SHAPES

if TYPE_CHECKING:
    from random import Random

Found = Mapping[str, Film]
"""Films by caption; no caption is true of two."""

_STEADY = tuple(motion.doing for motion in MOTIONS if not motion.recolors)


def _acts(rng: Random, number: int) -> list[Act]:
    """Different things that are done, many of them by the same few shapes."""
    inks, shapes = rng.sample(sorted(COLORS), 3), rng.sample(SHAPES, 2)
    return [
        Act(ink, shape, BY_NAME[motion])
        for ink, shape, motion in rng.sample(sorted(product(inks, shapes, _STEADY)), number)
    ]


def _single(rng: Random, number: int) -> Found:
    grounds = [paper(rng) for _ in range(number)]
    return {
        f"{each.caption} on a {ground} background": each.clip(rng, ground, rng.randint(8, 10))
        for each, ground in zip(_acts(rng, number), grounds, strict=True)
    }


def _double(rng: Random, number: int) -> Found:
    """Two things done in turn."""
    acts = _acts(rng, 2 * number)
    found = {}
    for one, two in zip(acts[:number], acts[number:], strict=True):
        ground = paper(rng)
        caption = f"{one.caption.replace(one.motion.doing, one.motion.does)}."
        caption += f" then {two.caption.replace(two.motion.doing, two.motion.does)}."
        found[caption] = Sequel((one.clip(rng, ground, 5), two.clip(rng, ground, 5)))
    return found


_PANTRY = ("star", "circle", "triangle", "diamond")
_DISHES = {"bowl": "circle", "tray": "square"}


def _steps(rng: Random, number: int) -> Found:
    """Steps of a recipe: something is put onto a dish, or taken off it."""
    verbs = {"add {} to {}": (14.0, FRAME - 30.0), "take {} from {}": (FRAME - 30.0, 14.0)}
    choices = sorted(product(verbs, sorted(COLORS), _PANTRY, _DISHES))
    found: dict[str, Film] = {}
    for verb, ink, shape, dish in rng.sample(choices, number):
        glaze = rng.choice([color for color in ("cyan", "orange", "purple", "yellow") if color != ink])
        begin, end = verbs[verb]
        piece = Actor(ink, shape, Pose(y=begin, radius=14), Pose(y=end, radius=14))
        plate = Actor(glaze, _DISHES[dish], Pose(y=FRAME - 30, radius=28))
        found[verb.format(f"the {ink} {shape}", f"the {glaze} {dish}")] = Clip((plate, piece))
    return found


def _said(caption: str) -> list[str]:
    """The caption, then others that say less."""
    act = caption.partition(" on a ")[0]
    return [caption, act, f"there is {act}"]


@dataclass(frozen=True, slots=True)
class Format:
    """How a benchmark asks for films."""

    find: Callable[[Random, int], Found]
    write: Callable[[int, str], dict[str, Any]]
    """A row, from its number and caption."""
    name: str
    """Column with the name of the film, or a path that ends in it."""
    config: str = "default"


def _release(form: Format, rng: Random, number: int) -> Release:
    found = form.find(rng, number)
    rows = [form.write(index, caption) for index, caption in enumerate(found)]
    names = [PurePosixPath(row[form.name]).name.removesuffix(".mp4") for row in rows]
    return Release({form.config: columns(rows)}, dict(zip(names, found.values(), strict=True)))


def _msrvtt(index: int, caption: str) -> dict[str, Any]:
    return {"video_id": f"video{7010 + index}", "video": f"video{7010 + index}.mp4", "caption": caption}


def _msvd(index: int, caption: str) -> dict[str, Any]:
    name = f"msvd{index:07}_5_15"
    return {"video_id": name, "video": f"{name}.avi", "caption": _said(caption)}


def _didemo(index: int, caption: str) -> dict[str, Any]:
    return {"video": f"test/120903{index:02}@N02_13482799053_sample.mp4", "caption": caption}


def _youcook(index: int, caption: str) -> dict[str, Any]:
    name = f"xSample{index // 4:04}_{index % 4}"
    return {
        "id": name,
        "video_path": f"YouCookIIVideos/val/113/{name}.mp4",
        "sentence": caption,
        "youtube_id": name.rpartition("_")[0],
        "segment": [10.0 * (index % 4), 10.0 * (index % 4) + 8],
    }


def _vatex(index: int, caption: str) -> dict[str, Any]:
    said = [f"{text[0].upper()}{text[1:]}." for text in _said(caption)]
    return {"videoID": f"vatex{index:06}_000000_000010", "enCap": said}


FORMATS = {
    "MSR-VTT": Format(_single, _msrvtt, "video_id", "test_1k"),
    "MSVD": Format(_single, _msvd, "video_id"),
    "DiDeMo": Format(_double, _didemo, "video"),
    "YouCook2": Format(_steps, _youcook, "id"),
    "VATEX": Format(_single, _vatex, "videoID"),
}
MAKERS: Mapping[str, Maker] = {folder: partial(_release, form) for folder, form in FORMATS.items()}

"""Visual grounding: a scene, an expression, and the thing it means, cut out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING

from .rows import Entry, Maker, Row, pool
from .scenes import Crop, Scene, Thing, relation, several

if TYPE_CHECKING:
    from random import Random

_POOL = 20

Refer = Callable[[Scene, int], str]
"""An expression for a thing of a scene, by its index."""


def _label(scene: Scene, index: int) -> str:
    return scene.things[index].shape


def _expression(scene: Scene, index: int) -> str:
    return f"the {scene.things[index].name}"


def _position(scene: Scene, index: int) -> str:
    thing = scene.things[index]
    return f"the {thing.shape} at the {thing.place}"


def _pointing(scene: Scene, index: int) -> str:
    """A question that does not name the thing itself, where another thing can be named instead."""
    thing, others = scene.things[index], [other for i, other in enumerate(scene.things) if i != index]
    related = [(relation(thing, other), other) for other in others if relation(thing, other)]
    if related:
        where, other = related[0]
        return f"Which shape is directly {where} the {other.name}?"
    return f"Which shape is {thing.color}?"


def _same(kind: str, one: Thing, other: Thing) -> bool:
    """Whether an expression that goes by the shape, or the colour, or both, might mean either."""
    return {"shape": one.shape == other.shape, "color": one.color == other.color, "both": one.kind == other.kind}[kind]


def _crops(refer: Refer, alike: Sequence[str], rng: Random, number: int) -> Sequence[Row]:
    """The wrong crops are the scene's own, then others; no two alike, none of what the words might mean."""
    scenes = several(rng, number, 3)
    every = [Crop(scene, thing) for scene in scenes for thing in scene.things]
    rows = []
    for scene, index in zip(scenes, cycle((0, 1, 2))):
        right = Crop(scene, scene.things[index])
        near = [crop for crop in every if crop.scene == scene and crop != right]
        far = (crop for crop in every if crop.thing.kind not in scene.kinds)
        fitting = (crop for crop in far if not any(_same(kind, crop.thing, right.thing) for kind in alike))
        rest = list({crop.thing.kind: crop for crop in fitting}.values())
        wrong = [*near, *rng.sample(rest, min(len(rest), _POOL - 1 - len(near)))]
        candidates = pool(rng, Entry(picture=right), [Entry(picture=crop) for crop in wrong])
        rows.append(Row(Entry(f'"{refer(scene, index)}"', scene), candidates))
    return rows


def _matching(rng: Random, number: int) -> Sequence[Row]:
    """Two expressions for one thing, each with the whole scene; the scene's other things are candidates too."""
    scenes = several(rng, number, 3)
    entries = {
        (scene, index): Entry(f'"{_position(scene, index)}"', scene)
        for scene in scenes
        for index in range(len(scene.things))
    }
    rows = []
    for scene, index in zip(scenes, cycle((0, 1, 2))):
        near = [entry for (there, other), entry in entries.items() if there == scene and other != index]
        rest = [entry for (there, _), entry in entries.items() if there != scene]
        query = Entry(f'"{_expression(scene, index)}"', scene)
        rows.append(Row(query, pool(rng, entries[scene, index], [*near, *rng.sample(rest, _POOL - 1 - len(near))])))
    return rows


MAKERS: Mapping[str, Maker] = {
    "MSCOCO": partial(_crops, _label, ("shape",)),
    "RefCOCO": partial(_crops, _expression, ("both",)),
    "RefCOCO-Matching": _matching,
    "Visual7W-Pointing": partial(_crops, _pointing, ("color", "shape")),
}

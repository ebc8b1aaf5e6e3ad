"""Image retrieval: captions, dialogues, changes and questions, each with the one picture or text that fits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Literal

from .papers import Article
from .pictures import Garment, Solo
from .rows import Entry, Maker, Row, pool, texts
from .scenes import (
    CORNERS,
    NUMBERS,
    Change,
    Scene,
    Thing,
    article,
    changes,
    counted,
    describe,
    holds,
    relation,
    several,
    swapped,
)
from .shapes import COLORS, PAPERS, SHAPES, Texture

if TYPE_CHECKING:
    from random import Random

    from .rows import Picture

_POOL = 24
_TOWNS = ("Porto", "Vienna", "Tallinn", "Genoa", "Utrecht", "Malmo")
_ANIMALS = ("tiger", "rabbit", "falcon", "dolphin")
_LINES = ("river", "forest", "winter", "bridge", "copper", "guitar", "harbor", "museum", "orchard", "piano", "silver",
          "tunnel", "velvet", "window", "yellow", "canyon")  # fmt: skip

Find = Callable[["Random", int], "Sequence[Scene]"]
"""Scenes of a pool, at least so many."""
Say = Callable[["Scene"], str]


def _scenes(rng: Random, number: int) -> list[Scene]:
    """Scenes to be described, then near misses: pairs that changed places, and scenes with one thing changed."""
    asked = several(rng, number)
    others = [swapped(scene) for scene in asked if len(scene.things) == 2]
    others += [rng.choice(list(changes(scene))).scene for scene in asked]
    found = list(asked)
    for other in others:
        if len(found) < _POOL and not any(holds(one, other) or holds(other, one) for one in found):
            found.append(other)
    return found


def _crowds(rng: Random, _: int) -> list[Scene]:
    """Scenes with a number of one kind and a number of another, no two of them alike."""
    found: dict[str, Scene] = {}
    while len(found) < _POOL:
        first = rng.randint(1, 3)
        (color, shape), (ink, form) = ((rng.choice(sorted(COLORS)), shape) for shape in rng.sample(SHAPES, 2))
        kinds = [(color, shape)] * first + [(ink, form)] * rng.randint(1, 4 - first)
        places = sorted(rng.sample(CORNERS, len(kinds)), key=CORNERS.index)
        rng.shuffle(kinds)
        scene = Scene(tuple(Thing(*kind, place) for kind, place in zip(kinds, places, strict=True)))
        found.setdefault(headline(scene), replace(scene, paper=rng.choice(sorted(PAPERS))))
    return list(found.values())


def headline(scene: Scene) -> str:
    """A caption that counts what is in a scene."""
    names = sorted(thing.name for thing in scene.things)
    return " and ".join(counted(names.count(name), name) for name in dict.fromkeys(names))


def _dialogue(scene: Scene) -> str:
    """Questions about a scene with their answers, one a line."""
    turns = [("how many shapes are there?", NUMBERS[len(scene.things) - 1])]
    turns += [(f"is there {article(thing.shape)}?", f"yes, {article(thing.name)}") for thing in scene.things]
    if len(scene.things) == 2:
        one, other = scene.things
        turns.append((f"where is the {one.shape}?", f"{relation(one, other)} the {other.shape}"))
    elif len(scene.things) == 1:
        [thing] = scene.things
        turns += [("where is it?", f"at the {thing.place}"), ("is it large or small?", thing.size)]
    turns.append(("what color is the background?", scene.paper))
    return "".join(f"Q:{question}\nA:{answer}\n" for question, answer in turns)


def _to_picture(find: Find, say: Say, rng: Random, number: int) -> Sequence[Row]:
    found = {scene: Entry(picture=scene) for scene in find(rng, number)}
    return [Row(Entry(say(scene)), pool(rng, found[scene], found.values())) for scene in list(found)[:number]]


def _to_text(find: Find, say: Say, rng: Random, number: int) -> Sequence[Row]:
    said = {scene: say(scene) for scene in find(rng, number)}
    return [Row(Entry(picture=scene), texts(rng, said[scene], said.values())) for scene in list(said)[:number]]


def _moved(rng: Random, scene: Scene) -> Scene:
    return replace(scene, shift=(rng.randint(-4, 4), rng.randint(-4, 4)))


def _similar(rng: Random, number: int) -> Sequence[Row]:
    """The same things in the same places, a few pixels off."""
    found = _scenes(rng, number)
    moved = {scene: Entry(picture=_moved(rng, scene)) for scene in found}
    return [Row(Entry(picture=_moved(rng, scene)), pool(rng, moved[scene], moved.values())) for scene in found[:number]]


def _changed(rng: Random, number: int) -> Sequence[Row]:
    """A change asked for; the scenes as they were, and with other changes, are candidates too."""
    rows = []
    scenes = several(rng, number)
    options = {scene: rng.sample(list(changes(scene)), 3) for scene in scenes}
    others = [Entry(picture=shown) for shown in scenes]
    others += [Entry(picture=change.scene) for scene in scenes for change in options[scene][1:]]
    for scene in scenes:
        right: Change = options[scene][0]
        near = [Entry(picture=scene), *(Entry(picture=change.scene) for change in options[scene][1:])]
        rest = [entry for entry in others if entry not in near and entry.picture != right.scene]
        candidates = pool(rng, Entry(picture=right.scene), [*near, *rng.sample(rest, _POOL - 1 - len(near))])
        rows.append(Row(Entry(right.text, scene), candidates))
    return rows


Cut = Literal["shirt", "dress"]
_CUTS: tuple[Cut, ...] = ("shirt", "dress")
_CLOTHS = ("red", "green", "blue", "orange")
_TEXTURES: tuple[Texture, ...] = ("plain", "striped", "dotted", "checked")


def _garments(rng: Random, number: int) -> Sequence[Row]:
    """A garment and a note on what the wanted one has instead."""
    wardrobe = [Garment(cut, color, texture, long) for cut, color, texture, long in
                product(_CUTS, _CLOTHS, _TEXTURES, (True, False))]  # fmt: skip
    rows = []
    for garment in rng.sample(wardrobe, number):
        color = rng.choice([other for other in _CLOTHS if other != garment.color])
        texture = rng.choice([other for other in _TEXTURES if other != garment.texture])
        note, right = rng.choice(
            (
                (f"is {color} and {texture}", replace(garment, color=color, texture=texture)),
                (f"is {color} with {'short' if garment.long else 'long'} sleeves",
                 replace(garment, color=color, long=not garment.long)),
                (f"is {texture} instead of {garment.texture}", replace(garment, texture=texture)),
            )
        )  # fmt: skip
        near = {garment, replace(right, texture=garment.texture, long=garment.long), replace(right, color="yellow"),
                replace(right, cut=_CUTS[garment.cut == "shirt"])}  # fmt: skip
        rest = [other for other in wardrobe if other not in near and _far(other, garment, right)]
        shown = [*sorted(near, key=repr), *rng.sample(rest, _POOL - 1 - len(near))]
        rows.append(Row(Entry(note, garment), pool(rng, Entry(picture=right), [Entry(picture=one) for one in shown])))
    return rows


def _far(other: Garment, garment: Garment, right: Garment) -> bool:
    """Whether a garment cannot be meant: it is of another cut, or has neither the wanted colour nor the texture."""
    return other.cut != garment.cut or (other.color != right.color and other.texture != right.texture)


def _solos(rng: Random, number: int) -> list[tuple[str, str]]:
    return rng.sample(sorted(product(COLORS, SHAPES)), number)


def _solo(rng: Random, color: str, shape: str, paper: str | None = None) -> Solo:
    papers = sorted(PAPERS)
    return Solo(color, shape, paper or rng.choice(papers), radius=rng.randint(26, 36),
                shift=(rng.randint(-8, 8), rng.randint(-8, 8)))  # fmt: skip


def _captioned(question: str, caption: str, rng: Random, number: int) -> Sequence[Row]:
    """Pictures with captions of which both the picture and the caption must fit: a shape and a town."""
    pairs = rng.sample(sorted(product(SHAPES, _TOWNS)), _POOL)
    inks = [rng.choice(sorted(COLORS)) for _ in pairs]
    found = [
        Entry(caption.format(town=town), _solo(rng, color, shape))
        for (shape, town), color in zip(pairs, inks, strict=True)
    ]
    return [
        Row(Entry(question.format(shape=shape, color=color, town=town)), pool(rng, entry, found))
        for (shape, town), color, entry in list(zip(pairs, inks, found, strict=True))[:number]
    ]


def _entities(rng: Random, number: int) -> Sequence[Row]:
    """A picture of something; wanted is another picture of it, with what there is to say about it."""
    solos = _solos(rng, _POOL)
    text = "{name}. {article} is a shape of {color} color, seen on many flags."
    found = [
        Entry(
            text.format(
                name=f"{color} {shape}".capitalize(), article=article(f"{color} {shape}").capitalize(), color=color
            ),
            _solo(rng, color, shape),
        )
        for color, shape in solos
    ]
    return [
        Row(Entry("What is this?", _solo(rng, color, shape, "gray")), pool(rng, entry, found))
        for (color, shape), entry in list(zip(solos, found, strict=True))[:number]
    ]


def _articles(rng: Random, number: int) -> Sequence[Row]:
    """Questions on the subject of an article; articles on the same animal or the same town are candidates too."""
    subjects = rng.sample(sorted(product(_ANIMALS, _TOWNS)), _POOL)
    found = []
    for animal, town in subjects:
        words = [*rng.sample(_LINES, 10), animal, town]
        rng.shuffle(words)
        found.append(Entry(picture=_article(animal, town, tuple(words))))
    return [
        Row(Entry(f"what is known about the {animal} of {town}?"), pool(rng, entry, found))
        for (animal, town), entry in list(zip(subjects, found, strict=True))[:number]
    ]


def _article(animal: str, town: str, words: tuple[str, ...]) -> Picture:
    return Article(f"{animal.capitalize()} of {town}", words)


MAKERS: Mapping[str, Maker] = {
    "VisDial": partial(_to_picture, _scenes, _dialogue),
    "CIRR": _changed,
    "VisualNews_t2i": partial(_to_picture, _crowds, headline),
    "VisualNews_i2t": partial(_to_text, _crowds, headline),
    "MSCOCO_t2i": partial(_to_picture, _scenes, describe),
    "MSCOCO_i2t": partial(_to_text, _scenes, describe),
    "NIGHTS": _similar,
    "WebQA": partial(_captioned, "What color is the {shape} of {town}?", "View of {town}"),
    "FashionIQ": _garments,
    "Wiki-SS-NQ": _articles,
    "OVEN": _entities,
    "EDIS": partial(_captioned, "A {color} {shape} was shown in {town} on Monday.", "News from {town}"),
}

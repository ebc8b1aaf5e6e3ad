"""Image question answering: a picture, a question, and short answers of which one is right."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from .papers import BarChart, Form, Poster, Sign
from .pictures import Blurred, Solo
from .rows import Entry, Maker, Picture, Row, texts
from .scenes import CORNERS, NUMBERS, Scene, Thing, plural, relation, sample
from .shapes import ALL_SHAPES, COLORS, PAPERS, SHAPES

if TYPE_CHECKING:
    from random import Random

_DRINKS = ("tea", "milk", "juice", "coffee", "water", "soda")
_ANIMALS = ("tiger", "rabbit", "falcon", "dolphin", "camel", "zebra", "panda", "walrus")
_GOODS = ("violin", "guitar", "ladder", "hammer", "mirror", "carpet", "bottle", "candle")
_TOWNS = ("Porto", "Vienna", "Tallinn", "Genoa", "Utrecht", "Malmo", "Zagreb", "Leipzig")
_SIGNS = ("BANK", "HOTEL", "MUSEUM", "PIZZA", "SCHOOL", "BAKERY", "FERRY", "GARDEN", "LIBRARY", "DOCTOR", "CIRCUS",
          "AIRPORT")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """A question with its answer."""

    picture: Picture
    question: str
    answer: str


Ask = Callable[["Random"], Case]


def _color(rng: Random) -> Case:
    scene = sample(rng)
    thing = rng.choice(scene.things)
    return Case(scene, f"What color is the {thing.shape}?", thing.color)


def _what(rng: Random) -> Case:
    scene = sample(rng)
    thing = rng.choice(scene.things)
    return Case(scene, f"Which shape is {thing.color}?", thing.shape)


def _background(rng: Random) -> Case:
    scene = sample(rng)
    return Case(scene, "What color is the background?", scene.paper)


def _where(rng: Random) -> Case:
    scene = sample(rng, 3)
    thing = rng.choice(scene.things)
    return Case(scene, f"Where is the {thing.shape}?", thing.place)


def _crowd(rng: Random, shape: str, number: int) -> Scene:
    """So many of one shape, with one of another if there is room."""
    room = (*CORNERS, "center")
    places = room if number > 3 else sorted(rng.sample(CORNERS, number + 1), key=CORNERS.index)
    shapes = [shape] * number + [rng.choice([other for other in SHAPES if other != shape])] * (len(places) - number)
    rng.shuffle(shapes)
    inks = rng.sample(sorted(COLORS), len(places))
    return Scene(tuple(map(Thing, inks, shapes, places)), rng.choice(sorted(PAPERS)))


def _count(rng: Random) -> Case:
    shape, number = rng.choice(SHAPES), rng.randint(1, len(NUMBERS))
    return Case(_crowd(rng, shape, number), f"How many {plural(shape)} are there?", NUMBERS[number - 1])


def _neighbor(rng: Random) -> Case:
    scene = sample(rng, 2)
    one, other = scene.things
    return Case(scene, f"What is {relation(one, other)} the {other.name}?", one.name)


def _present(rng: Random) -> Case:
    scene = sample(rng)
    absent = sorted({(color, shape) for color in COLORS for shape in SHAPES} - scene.kinds)
    truth = rng.random() < 0.5
    color, shape = rng.choice(sorted(scene.kinds)) if truth else rng.choice(absent)
    return Case(scene, f"Is there a {color} {shape} in the picture?", "yes" if truth else "no")


def _largest(rng: Random) -> Case:
    places = sorted(rng.sample(CORNERS, 3), key=CORNERS.index)
    shapes, inks = rng.sample(SHAPES, 3), rng.sample(sorted(COLORS), 3)
    odd, largest = rng.randrange(3), rng.random() < 0.5
    things = [Thing(inks[i], shapes[i], places[i], (i == odd) == largest) for i in range(3)]
    return Case(Scene(tuple(things)), f"Which shape is the {'largest' if largest else 'smallest'}?", shapes[odd])


def _blurred(rng: Random) -> Case:
    color, shape = rng.choice(sorted(COLORS)), rng.choice(SHAPES)
    solo = Solo(color, shape, rng.choice(sorted(PAPERS)), shift=(rng.randint(-22, 22), rng.randint(-22, 22)))
    question, answer = rng.choice((("What color is this?", color), ("What is this?", shape)))
    return Case(Blurred(solo), question, answer)


def _form(rng: Random) -> Case:
    fields = (
        ("Pet", rng.choice(_ANIMALS)),
        ("Item", rng.choice(_GOODS)),
        ("City", rng.choice(_TOWNS)),
        ("Total", str(rng.randint(2, 19) * 5)),
    )
    label, answer = rng.choice(fields)
    title = rng.choice(("Order", "Invoice", "Receipt"))
    return Case(Form(title, fields), f"What is the {label.lower()} on the {title.lower()}?", answer)


def _poster(rng: Random) -> Case:
    words, shapes = rng.sample(_DRINKS, 4), rng.sample(ALL_SHAPES, 4)
    inks, numbers = rng.sample(sorted(COLORS), 4), rng.sample(range(5, 60, 5), 4)
    lines = tuple(zip(inks, shapes, words, numbers, strict=True))
    word, number = rng.choice([line[2:] for line in lines])
    question, answer = rng.choice(
        ((f"What percentage of people choose {word}?", f"{number}%"), (f"Which drink has {number}%?", word))
    )
    return Case(Poster("DRINKS", lines), question, answer)


def _chart(rng: Random) -> Case:
    words, numbers = rng.sample(_DRINKS, 4), rng.sample(range(10, 60, 5), 4)
    picture = BarChart("Cups sold", tuple(zip(words, numbers, strict=True)), rng.randrange(6))
    index = rng.randrange(4)
    question, answer = rng.choice(
        (
            (f"What is the value of {words[index]}?", str(numbers[index])),
            ("Which bar is the longest?", words[numbers.index(max(numbers))]),
            ("Which bar is the shortest?", words[numbers.index(min(numbers))]),
        )
    )
    return Case(picture, question, answer)


def _sign(rng: Random) -> Case:
    words, inks = rng.sample(_SIGNS, 2), rng.sample(sorted(COLORS), 2)
    index = rng.randrange(2)
    picture = Sign(tuple(zip(inks, words, strict=True)), rng.choice(sorted(PAPERS)))
    return Case(picture, f"What does the {inks[index]} sign say?", words[index].lower())


_WORDS = (*COLORS, *SHAPES)
_PERCENT = tuple(f"{number}%" for number in range(5, 60, 5))

TASKS: Mapping[str, tuple[Sequence[Ask], Sequence[str]]] = {
    "OK-VQA": ((_color, _what), _WORDS),
    "A-OKVQA": ((_count,), (*NUMBERS, *_WORDS)),
    "DocVQA": ((_form,), (*_ANIMALS, *_GOODS, *_TOWNS)),
    "InfographicsVQA": ((_poster,), (*_DRINKS, *_PERCENT)),
    "ChartQA": ((_chart,), (*_DRINKS, *(str(number) for number in range(10, 60, 5)))),
    "Visual7W": ((_color, _where, _count, _background), (*_WORDS, *NUMBERS, *CORNERS, *PAPERS)),
    "ScienceQA": ((_largest,), ALL_SHAPES),
    "VizWiz": ((_blurred,), _WORDS),
    "GQA": ((_neighbor, _present), ("yes", "no", *(f"{color} {shape}" for color in COLORS for shape in SHAPES))),
    "TextVQA": ((_sign,), tuple(word.lower() for word in _SIGNS)),
}
"""What each task asks in turn, and answers that are in every pool where there is room."""

_POOL = 24


def _answer(asks: Sequence[Ask], answers: Sequence[str], rng: Random, number: int) -> Sequence[Row]:
    cases = [asks[index % len(asks)](rng) for index in range(number)]
    given = dict.fromkeys(case.answer for case in cases)
    room = sorted(set(answers) - set(given))
    everything = [*given, *rng.sample(room, min(len(room), max(0, _POOL - len(given))))]
    return [Row(Entry(case.question, case.picture), texts(rng, case.answer, everything)) for case in cases]


MAKERS: Mapping[str, Maker] = {task: partial(_answer, *declared) for task, declared in TASKS.items()}

"""The twenty kinds of question of MVBench, asked about coloured shapes."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import TYPE_CHECKING

from .clips import OPPOSITES, Actor, Clip, Film, Pose, Sequel, paper
from .quiz import STEADY, Ask, Quiz, options, others, scenario, wrong
from .release import Columns, Release, columns
from .scenes import Kind, article, kinds
from .shapes import COLORS, FRAME, PAPERS, SHAPES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

_STEPS = (18.0, FRAME / 2, FRAME - 18.0)
_WAYS = ("left", "right", "up", "down")


def _row(rng: Random, number: int) -> list[Actor]:
    """Shapes that lie side by side and do nothing."""
    return [Actor(*kind, Pose(x, 60, 12)) for kind, x in zip(kinds(rng, number), _STEPS, strict=False)]


def _show(found: Sequence[Kind], ground: str) -> Sequel:
    """Shapes that are shown one after the other."""
    return Sequel(tuple(Clip((Actor(*kind, Pose(radius=24)),), ground, 4) for kind in found))


def _sequence(rng: Random) -> Quiz:
    one, two = rng.sample(STEADY, 2)
    shown, film = scenario(rng, one, two)
    said = {motion: f"It was {motion}." for motion in STEADY}
    question = f"What happened after the {shown.shape} was {one}?"
    return Quiz(film, question, said[two], wrong(rng, said.values(), said[two], said[one]))


def _prediction(rng: Random) -> Quiz:
    one = rng.choice(sorted(OPPOSITES))
    shown, film = scenario(rng, one, OPPOSITES[one], one)
    question = f"What will the {shown.shape} do next, if it goes on like this?"
    return Quiz(film, question, OPPOSITES[one], wrong(rng, STEADY, OPPOSITES[one], one))


def _antonym(rng: Random) -> Quiz:
    motion = rng.choice(sorted(OPPOSITES))
    shown, film = scenario(rng, motion)
    return Quiz(film, f"What is the {shown.shape} doing?", motion, [OPPOSITES[motion], "not sure"])


def _action(rng: Random) -> Quiz:
    motion = rng.choice(STEADY)
    return Quiz(scenario(rng, motion)[1], "What is the action shown in the video?", motion, wrong(rng, STEADY, motion))


def _unexpected(rng: Random) -> Quiz:
    shown, _ = scenario(rng, "moving left")
    later = rng.choice(others(rng, COLORS, shown.color))
    film = Clip(tuple(replace(actor, later=later) for actor in shown.clip(rng).actors))
    question = f"What surprising thing happens to the {shown.shape} on its way?"
    return Quiz(film, question, f"It turns {later}.", ["It grows.", "It vanishes.", "It turns around."])


def _existence(rng: Random) -> Quiz:
    motion = rng.choice(STEADY[:4])
    shown, film = scenario(rng, motion)
    answer, other = rng.sample(("yes", "no"), 2)
    asked = motion if answer == "yes" else OPPOSITES[motion]
    return Quiz(film, f"Is there {article(shown.name)} {asked} in the video?", answer, [other, "not sure"])


def _interaction(rng: Random) -> Quiz:
    left, mover, right = _row(rng, 3)
    goal, other = rng.sample((left, right), 2)
    film = Clip((left, right, replace(mover, begin=Pose(y=16, radius=12), end=goal.begin)))
    shapes = others(rng, SHAPES, mover.shape)
    question = f"Which shape does the {mover.shape} move onto?"
    return Quiz(film, question, goal.shape, wrong(rng, shapes, goal.shape, other.shape))


def _shuffle(rng: Random) -> Quiz:
    inks = rng.sample(sorted(COLORS), 3)
    ends = rng.choice([order for order in permutations(_STEPS) if order[0] != _STEPS[0]])
    poses = [(Pose(begin, radius=11), Pose(end, radius=11)) for begin, end in zip(_STEPS, ends, strict=True)]
    film = Clip(tuple(Actor(ink, "circle", *ways) for ink, ways in zip(inks, poses, strict=True)))
    places = dict(zip(_STEPS, ("on the left", "in the middle", "on the right"), strict=True))
    answer = places[ends[0]]
    return Quiz(film, f"Where is the {inks[0]} circle at the end?", answer, wrong(rng, places.values(), answer))


def _direction(rng: Random) -> Quiz:
    way = rng.choice(_WAYS)
    shown, film = scenario(rng, f"moving {way}")
    return Quiz(film, f"In which direction does the {shown.name} move?", way, wrong(rng, _WAYS, way))


_TIMES: Mapping[str, Sequence[int]] = {
    "At the beginning of the video.": (0, 1, 2),
    "In the middle of the video.": (3, 4),
    "At the end of the video.": (5, 6, 7),
    "Throughout the entire video.": range(8),
}


def _seen(rng: Random, frames: Sequence[int]) -> tuple[Film, str]:
    """A shape that is there in some frames only."""
    [kind] = kinds(rng, 1)
    actor = Actor(*kind, Pose(radius=24), hidden=tuple(frame for frame in range(8) if frame not in frames))
    return Clip((actor,), paper(rng)), kind[1]


def _localization(rng: Random) -> Quiz:
    when = rng.choice(sorted(_TIMES))
    film, shape = _seen(rng, _TIMES[when])
    return Quiz(film, f"When is the {shape} there?", when, wrong(rng, _TIMES, when))


def _count(rng: Random) -> Quiz:
    number = rng.randint(1, 4)
    film, shape = _seen(rng, range(1, 2 * number, 2))
    return Quiz(film, f"How many times does the {shape} appear?", str(number), wrong(rng, "1234", str(number)))


def _transition(rng: Random) -> Quiz:
    one, two, three = rng.sample(sorted(PAPERS), 3)
    [kind] = kinds(rng, 1)
    film = Sequel(tuple(Clip((Actor(*kind, Pose(radius=18)),), ground, 4) for ground in (one, two)))
    right, *rest = (f"From {begin} to {end}." for begin, end in ((one, two), (two, one), (one, three), (three, two)))
    return Quiz(film, "How does the background change?", right, rest)


def _rising(actor: Actor) -> Actor:
    return replace(actor, end=replace(actor.begin, y=18))


def _moving(rng: Random) -> Quiz:
    number = rng.randint(1, 3)
    movers = rng.sample(range(3), number)
    actors = [_rising(actor) if index in movers else actor for index, actor in enumerate(_row(rng, 3))]
    film = Clip(tuple(actors), paper(rng))
    return Quiz(film, "How many shapes are moving?", str(number), wrong(rng, "0123", str(number)))


def _attribute(rng: Random) -> Quiz:
    actors = _row(rng, 3)
    index = rng.randrange(3)
    right = actors[index].color
    actors[index] = _rising(actors[index])
    still = [actor.color for actor in actors if actor.color != right]
    return Quiz(Clip(tuple(actors)), "What color is the shape that moves?", right, wrong(rng, COLORS, right, *still))


def _state(rng: Random) -> Quiz:
    shown, _ = scenario(rng, "changing color")
    film = shown.clip(rng, paper(rng))
    later = film.actors[0].later or shown.color
    question = f"What color is the {shown.shape} at the end?"
    return Quiz(film, question, later, wrong(rng, COLORS, later, shown.color))


def _arrow(rng: Random, begin: Pose, end: Pose) -> Film:
    return Clip((Actor(rng.choice(sorted(COLORS)), "arrow", begin, end),), paper(rng))


def _pose(rng: Random) -> Quiz:
    turns = {"left": 180, "right": 0, "up": -90, "down": 90}
    way = rng.choice(_WAYS)
    film = _arrow(rng, Pose(radius=24, degrees=turns[way]), Pose(radius=30, degrees=turns[way]))
    return Quiz(film, "Which way does the arrow point?", way, wrong(rng, _WAYS, way))


def _navigation(rng: Random) -> Quiz:
    turns = {"Turn left.": -180, "Turn right.": 0, "Go straight on.": -90, "Turn around.": 90}
    way = rng.choice(sorted(turns))
    film = _arrow(rng, Pose(radius=26, degrees=-90), Pose(radius=26, degrees=turns[way]))
    return Quiz(film, "The arrow shows the way. What is to be done?", way, wrong(rng, turns, way))


def _order(rng: Random) -> Quiz:
    found = kinds(rng, 3)
    right, *rest = (", ".join(order) for order in permutations(shape for _, shape in found))
    return Quiz(_show(found, paper(rng)), "In which order are the shapes shown?", right, others(rng, rest))


def _episode(rng: Random) -> Quiz:
    found = kinds(rng, 3)
    before, asked, after = (shape for _, shape in found)
    question = f"Which shape is shown just before the {asked}?"
    return Quiz(_show(found, paper(rng)), question, before, wrong(rng, others(rng, SHAPES, asked), before, after))


def _counterfactual(rng: Random) -> Quiz:
    one, two = _row(rng, 2)
    question = f"Which shape would be left if the {one.color} one were taken away?"
    return Quiz(Clip((_rising(one), two), paper(rng)), question, two.shape, wrong(rng, SHAPES, two.shape, one.shape))


SUBSETS: Mapping[str, tuple[Ask, int]] = {
    "episodic_reasoning": (_episode, 5),
    "action_sequence": (_sequence, 4),
    "action_prediction": (_prediction, 4),
    "action_antonym": (_antonym, 3),
    "fine_grained_action": (_action, 4),
    "unexpected_action": (_unexpected, 4),
    "object_existence": (_existence, 3),
    "object_interaction": (_interaction, 4),
    "object_shuffle": (_shuffle, 3),
    "moving_direction": (_direction, 4),
    "action_localization": (_localization, 4),
    "scene_transition": (_transition, 4),
    "action_count": (_count, 4),
    "moving_count": (_moving, 4),
    "moving_attribute": (_attribute, 4),
    "state_change": (_state, 4),
    "fine_grained_pose": (_pose, 4),
    "character_order": (_order, 4),
    "egocentric_navigation": (_navigation, 4),
    "counterfactual_inference": (_counterfactual, 4),
}
"""What each asks, and among how many candidates."""


_EXTENSIONS = {"episodic_reasoning": "", "fine_grained_pose": ".avi", "action_antonym": ".webm"}
"""Of video files that are not MP4; episodes are folders."""


def make(rng: Random, number: int) -> Release:
    """The repository: a configuration for each kind of question, all of the same columns."""
    tables: dict[str, Columns] = {}
    films: dict[str, Film] = {}
    for index, (subset, (ask, choices)) in enumerate(SUBSETS.items()):
        rows = []
        for turn in range(number // len(SUBSETS)):
            quiz = ask(rng)
            name = f"s{index:02}e{turn:02}{_EXTENSIONS.get(subset, '.mp4')}"
            films[f"{subset}/{name}"] = quiz.film
            found = options(rng, quiz, choices)
            rows.append({"video": name, "question": quiz.question, "candidates": found, "answer": quiz.answer})
        tables[subset] = columns(rows)
    return Release(tables, films)

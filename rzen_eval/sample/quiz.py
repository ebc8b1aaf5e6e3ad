"""Video question answering: a clip, a question, and options of which one is right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from .clips import BY_NAME, MOTIONS, OPPOSITES, Act, Film, Sequel, act, paper
from .release import Maker, Release, columns
from .shapes import COLORS, SHAPES

if TYPE_CHECKING:
    from random import Random

LETTERS = "ABCDE"


@dataclass(frozen=True, slots=True)
class Quiz:
    """A question about a film."""

    film: Film
    question: str
    answer: str
    wrong: Sequence[str]
    """Answers that are wrong, the most tempting first."""


Ask = Callable[["Random"], Quiz]

DOINGS = tuple(motion.doing for motion in MOTIONS)
STEADY = tuple(motion.doing for motion in MOTIONS if not motion.recolors)
"""What a shape can do that leaves it the colour it has."""


def others(rng: Random, everything: Iterable[str], *but: str) -> list[str]:
    """The rest of some words, in any order."""
    rest = [word for word in everything if word not in but]
    return rng.sample(rest, len(rest))


def wrong(rng: Random, everything: Iterable[str], answer: str, *tempting: str) -> list[str]:
    """Wrong answers, the tempting ones first."""
    return [*tempting, *others(rng, everything, answer, *tempting)]


def options(rng: Random, quiz: Quiz, number: int) -> list[str]:
    """The right answer among wrong ones, in any order."""
    found = [quiz.answer, *quiz.wrong[: number - 1]]
    rng.shuffle(found)
    return found


def scenario(rng: Random, *motions: str) -> tuple[Act, Film]:
    """A shape that does one thing after another, with how it begins."""
    first = act(rng, motions[0])
    ground = paper(rng)
    length = {1: 8, 2: 5}.get(len(motions), 4)
    acts = [Act(first.color, first.shape, BY_NAME[motion]) for motion in motions]
    return first, Sequel(tuple(each.clip(rng, ground, length) for each in acts))


def _doing(rng: Random) -> Quiz:
    motion = rng.choice(DOINGS)
    shown, film = scenario(rng, motion)
    tempting = [OPPOSITES[motion]] if motion in OPPOSITES else []
    return Quiz(film, f"What is the {shown.shape} doing?", motion, wrong(rng, DOINGS, motion, *tempting))


def _color(rng: Random) -> Quiz:
    shown, film = scenario(rng, rng.choice(STEADY))
    return Quiz(film, f"What color is the {shown.shape}?", shown.color, wrong(rng, COLORS, shown.color))


def _shape(rng: Random) -> Quiz:
    shown, film = scenario(rng, rng.choice(STEADY))
    return Quiz(film, f"Which shape is {shown.color}?", shown.shape, wrong(rng, SHAPES, shown.shape))


def _turn(rng: Random, *, after: bool) -> Quiz:
    """What is done after, or before, something else; which is the most tempting of the wrong answers."""
    one, two = rng.sample(STEADY, 2)
    shown, film = scenario(rng, one, two)
    asked, right = (one, two) if after else (two, one)
    question = f"What does the {shown.shape} do {'after' if after else 'before'} {asked}?"
    done = {motion: BY_NAME[motion].infinitive for motion in STEADY}
    return Quiz(film, question, done[right], wrong(rng, done.values(), done[right], done[asked]))


def _first(rng: Random) -> Quiz:
    inks, shapes, ground = rng.sample(sorted(COLORS), 2), rng.sample(SHAPES, 2), paper(rng)
    acts = [Act(ink, shape, BY_NAME[rng.choice(STEADY[:6])]) for ink, shape in zip(inks, shapes, strict=True)]
    film = Sequel(tuple(each.clip(rng, ground, 5) for each in acts))
    return Quiz(film, "Which shape is shown first?", shapes[0], wrong(rng, SHAPES, *shapes))


def _course(rng: Random) -> Quiz:
    one, two, three, four = rng.sample(STEADY, 4)
    shown, film = scenario(rng, one, two)

    def told(first: str, then: str) -> str:
        return f"The {shown.name} {BY_NAME[first].does} and then {BY_NAME[then].does}"

    mistaken = [told(two, one), told(one, three), told(three, two), told(three, four)]
    return Quiz(film, "What happens over the course of the video?", told(one, two), mistaken)


def _truth(rng: Random) -> Quiz:
    motion = rng.choice(sorted(OPPOSITES))
    shown, film = scenario(rng, motion)
    truth = rng.random() < 0.5
    said = {
        "is the {shape} {said}": motion if truth else OPPOSITES[motion],
        "is the {shape} {said} in the video": shown.color if truth else rng.choice(others(rng, COLORS, shown.color)),
        "is there a {said} in the video": shown.shape if truth else rng.choice(others(rng, SHAPES, shown.shape)),
    }
    template = rng.choice(sorted(said))
    question = template.format(shape=shown.shape, said=said[template])
    return Quiz(film, question, "yes" if truth else "no", ["no" if truth else "yes"])


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _lettered(found: Sequence[str]) -> list[str]:
    return [f"{letter}. {_sentence(text)}" for letter, text in zip(LETTERS, found, strict=False)]


def _video_mme(rng: Random, quiz: Quiz, index: int) -> dict[str, Any]:
    found = options(rng, quiz, 4)
    return {
        "video_id": f"{index + 1:03}",
        "duration": "short",
        "domain": "Knowledge",
        "sub_category": "Geometry",
        "videoID": f"mme-{index + 1:07}",
        "question_id": f"{index + 1:03}-1",
        "question": quiz.question,
        "options": _lettered(found),
        "answer": LETTERS[found.index(quiz.answer)],
    }


_KINDS = {"after": "TN", "before": "TP", "what": "TC", "which": "DO"}
"""Types of questions by a word that they have."""


def _nextqa(rng: Random, quiz: Quiz, index: int) -> dict[str, Any]:
    found = options(rng, quiz, 5)
    return {
        "video": 4010069381 + 97 * index,
        "question": quiz.question.lower().removesuffix("?"),
        "answer": found.index(quiz.answer),
        "qid": index,
        "type": next(kind for word, kind in _KINDS.items() if word in quiz.question.lower()),
        **{f"a{place}": text for place, text in enumerate(found)},
    }


def _egoschema(rng: Random, quiz: Quiz, index: int) -> dict[str, Any]:
    found = options(rng, quiz, 5)
    return {
        "question_idx": str(index),
        "question": quiz.question,
        "video_idx": f"{7 + index:08x}-sample",
        "option": _lettered(found),
        "answer": str(found.index(quiz.answer)),
    }


def _activitynet(_: Random, quiz: Quiz, index: int) -> dict[str, Any]:
    name = f"act{index:08}"
    return {"video_name": name, "question": quiz.question, "question_id": f"v_{name}_1", "answer": quiz.answer}


@dataclass(frozen=True, slots=True)
class Format:
    """How a benchmark asks."""

    asks: Sequence[Ask]
    """What it asks in turn."""
    write: Callable[[Random, Quiz, int], dict[str, Any]]
    """A row, from a question and its number."""
    folder: str
    """Folder of a row's film."""
    config: str = "default"


def _release(form: Format, rng: Random, number: int) -> Release:
    quizzes = [form.asks[index % len(form.asks)](rng) for index in range(number)]
    rows = [form.write(rng, quiz, index) for index, quiz in enumerate(quizzes)]
    films = {form.folder.format_map(row): quiz.film for row, quiz in zip(rows, quizzes, strict=True)}
    return Release({form.config: columns(rows)}, films)


FORMATS = {
    "Video-MME": Format((_doing, _color, _first, _shape), _video_mme, "{videoID}"),
    "NExTQA": Format(
        (partial(_turn, after=True), _doing, partial(_turn, after=False), _shape), _nextqa, "{video}", "MC"
    ),
    "EgoSchema": Format((_course,), _egoschema, "{video_idx}", "Subset"),
    "ActivityNetQA": Format((_truth,), _activitynet, "v_{video_name}"),
}
MAKERS: Mapping[str, Maker] = {folder: partial(_release, form) for folder, form in FORMATS.items()}

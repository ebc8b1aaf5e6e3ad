"""What the bundled model learns from: tasks of other worlds of the sample, and places in pages and pictures."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from rzen_eval.config import compose
from rzen_eval.core import Item, Modality, Side
from rzen_eval.data.load import load_data
from rzen_eval.files import make_once
from rzen_eval.models.pictures.resize import Visual
from rzen_eval.sample import make, matches, questions
from rzen_eval.sample.clips import act, paper
from rzen_eval.sample.papers import Paper
from rzen_eval.sample.scenes import PLACES, sample
from rzen_eval.sample.specs import SPECS
from rzen_eval.sample.visdoc import corpus, draw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from random import Random

    from rzen_eval.core import Task, TaskData
    from rzen_eval.models.families.qwen2_vl import Qwen2VL
    from rzen_eval.models.interface import Planned
    from rzen_eval.models.pictures.resize import Pixels

CELL = 28
MOST_CANDIDATES = 24
"""Candidates of one query, the right ones among them, that a batch takes."""
ASKED_OF_PAPERS = ("DocVQA", "InfographicsVQA", "ChartQA", "TextVQA")
PAPERS = 0.4
"""How often words are looked at on small documents."""
COMMON = 0.45
"""Words in more of a task's texts than this share tell nothing."""


def world_name(number: int) -> str:
    """What the random numbers of a world hang on; the sample's own have no name."""
    return f"train {number}"


def world(folder: Path, number: int, cache_dir: Path) -> list[tuple[Task, TaskData]]:
    """All tasks of a world, made now if it is not there yet."""
    root = make_once(folder / str(number), lambda place: make(place, world_name(number)))
    return _tasks([f"data.root={root}", "data=mirror", f"cache_dir={cache_dir}"])


def _tasks(settings: Sequence[str]) -> list[tuple[Task, TaskData]]:
    chosen = compose.load(["task=mmeb_v2", *settings])
    return [(task, load_data(task)) for task in chosen.tasks.values()]


def digest(item: Item, pixels: Sequence[Pixels]) -> bytes:
    """A hash of what an item says and shows."""
    content = hashlib.sha256(f"{item.text}\0{len(item.images)}".encode())
    for picture in pixels:
        content.update(np.ascontiguousarray(picture).tobytes())
    return content.digest()


def sample_digests(model: Qwen2VL, cache_dir: Path) -> frozenset[bytes]:
    """Hashes of every item of the bundled sample but short texts, which are names of classes and answers."""
    found = set()
    for _, data in _tasks([f"cache_dir={cache_dir}"]):
        found |= {digest(item, model.pictures(item).load()) for item in data.queries}
        with_media = (item for item in data.candidates if item.images or item.frames)
        found |= {digest(item, model.pictures(item).load()) for item in with_media}
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Ready:
    """An item as the model reads it."""

    plan: Planned
    pixels: Sequence[Pixels]


@dataclass(frozen=True, slots=True)
class Batch:
    """Some queries of a task with candidates."""

    queries: Sequence[Ready]
    candidates: Sequence[Ready]
    right: np.ndarray[Any, np.dtype[np.bool_]]
    """Which candidates are right, shape (queries, candidates)."""
    known: np.ndarray[Any, np.dtype[np.bool_]]
    """Which candidates are in the query's pool, same shape."""
    meant: Sequence[Sequence[int]]
    """Tokens that tell what a query and its right candidates are about; none if no text tells."""


@dataclass
class Lesson:
    """A task of a world to draw batches from."""

    task: Task
    data: TaskData
    model: Qwen2VL
    encode: Callable[[str], Sequence[int]]
    forbidden: frozenset[bytes]
    """Hashes of items that are never shown; see `sample_digests`."""
    lexicon: frozenset[int]
    """Tokens of the words that tell pages apart."""
    _kept: dict[tuple[Side, int, int], Ready | None] = field(default_factory=dict)

    @cached_property
    def _place(self) -> Mapping[str, int]:
        return {name: index for index, name in enumerate(self.data.candidate_ids)}

    @cached_property
    def _spoken(self) -> Sequence[Item]:
        """Queries and the first 200 candidates, of these what has a text."""
        items = [*self.data.queries, *(self.data.candidates[i] for i in range(min(200, len(self.data.candidates))))]
        return [item for item in items if item.text]

    @cached_property
    def _common(self) -> frozenset[int]:
        """Tokens that are in many of the task's texts."""
        texts = [set(self._tokens(item.text)) for item in self._spoken]
        seen = Counter(token for text in texts for token in text)
        return frozenset(token for token, count in seen.items() if count > COMMON * len(texts) and len(texts) > 4)

    def batch(self, rng: np.random.Generator, budget: int, rows: int | None) -> Batch | None:
        """Queries in any order with their candidates, as many as a budget of tokens allows; None if there are none.

        Args:
            rng: what is chosen.
            budget: tokens of the batch, roughly.
            rows: pages are cut to so many rows of cells from the top; None: whole.
        """
        queries: list[tuple[int, Ready]] = []
        candidates: dict[int, Ready] = {}
        pools: list[set[int]] = []
        tokens = 0
        for index in rng.permutation(len(self.data.queries)):
            name = self.data.query_ids[index]
            right = [self._place[each] for each in self.data.qrels[name]]
            ready = self.ready(Side.QUERY, int(index), rows)
            shown = {each: self.ready(Side.CANDIDATE, each, rows) for each in right}
            if ready is None or None in shown.values():
                continue
            pool = [self._place[each] for each in self.data.pools[name]] if self.data.pools else range(len(self._place))
            others = [each for each in pool if each not in right]
            chosen = rng.permutation(others)[: max(0, MOST_CANDIDATES - len(right))]
            if self.data.pools is None:
                chosen = chosen[: 0 if queries else 4]  # in a corpus, what is right for one is wrong for the others
            shown |= {int(each): self.ready(Side.CANDIDATE, int(each), rows) for each in chosen}
            fresh = {each: one for each, one in shown.items() if one is not None and each not in candidates}
            tokens += ready.plan.length + sum(one.plan.length for one in fresh.values())
            if queries and tokens > budget:
                break
            queries.append((int(index), ready))
            candidates |= fresh
            pools.append(set(pool))
        if not queries:
            return None
        names = [self.data.candidate_ids[each] for each in candidates]
        judged = [self.data.qrels[self.data.query_ids[index]] for index, _ in queries]
        return Batch(
            queries=[ready for _, ready in queries],
            candidates=list(candidates.values()),
            right=np.array([[name in grades for name in names] for grades in judged]),
            known=np.array([[each in pool for each in candidates] for pool in pools]),
            meant=[self._meant(index) for index, _ in queries],
        )

    def said(self, rng: np.random.Generator, number: int) -> list[tuple[Ready, Sequence[int]]]:
        """Some of the task's texts without their pictures, each with the tokens that tell it apart."""
        found = []
        for index in rng.permutation(len(self._spoken))[:number]:
            item = Item(text=self._spoken[index].text, instruction=self._spoken[index].instruction)
            meant = self._telling(item.text)
            if meant:
                found.append((Ready(self.model.plan(item, Side.QUERY, []), []), meant))
        return found

    def ready(self, side: Side, index: int, rows: int | None) -> Ready | None:
        """An item, or None if the sample has the same."""
        key = side, index, rows or 0
        if key not in self._kept:
            item: Item = (self.data.queries if side is Side.QUERY else self.data.candidates)[index]
            pixels = self.model.pictures(item).load()
            if (side is Side.QUERY or pixels) and digest(item, pixels) in self.forbidden:
                self._kept[key] = None
            else:
                if self.task.modality is Modality.VISDOC and rows:
                    pixels = [picture[: rows * CELL] for picture in pixels]
                plan = self.model.plan(item, side, [Visual.of(picture) for picture in pixels])
                self._kept[key] = Ready(plan, pixels)
        return self._kept[key]

    def _meant(self, index: int) -> Sequence[int]:
        query = self.data.queries[index]
        right = self.data.candidates[self._place[next(iter(self.data.qrels[self.data.query_ids[index]]))]]
        if self.task.modality is Modality.VISDOC:
            return self._telling(query.text)
        pictured = [item for item in (query, right) if item.images or item.frames]
        text = right.text if right not in pictured else query.text if query not in pictured else None
        return self._telling(text)

    def _telling(self, text: str | None) -> Sequence[int]:
        """Tokens that tell a text from the task's others: on pages, words of names and topics."""
        if self.task.modality is Modality.VISDOC:
            return [token for token in self._tokens(text) if token in self.lexicon]
        return [token for token in self._tokens(text) if token not in self._common]

    def _tokens(self, text: str | None) -> Sequence[int]:
        return list(dict.fromkeys(self.encode(f" {text}"))) if text else []


def named_words() -> list[str]:
    """Words that tell pages apart: names and topics of every field, and answers that stand on small documents."""
    names = [name for spec in SPECS for name in (*spec.field.names, *spec.field.topics)]
    names += [answer for task in ASKED_OF_PAPERS for answer in questions.TASKS[task][1]]
    words = (word for name in names for word in name.split())
    return sorted({word.lower(): word for word in words if len(word) > 3 and word.isalpha()}.values())


@dataclass(frozen=True, slots=True)
class Places:
    """Pictures with what is at some of their cells."""

    pictures: Sequence[Pixels]
    where: Sequence[tuple[int, int]]
    """Picture, and cell counted row by row."""
    what: Sequence[Any]


def printed(rng: Random, number: int, rows: int) -> Places:
    """Small documents, or tops of pages so many rows of cells high, with the words that begin at a cell."""
    known = {word.lower() for word in named_words()}
    pictures, where, what = [], [], []
    if rng.random() < PAPERS:
        sheets = [paper.printed() for paper in _papers(rng, 2 * number)]
    else:
        pages = list(corpus(rng.choice(SPECS), f"words {rng.random()}").pages)
        sheets = [draw(page) for page in rng.sample(pages, number)]
    for canvas in sheets:
        wide = canvas.image.width // CELL
        for one in canvas.printed:
            left, top = int(one.box.left), int((one.box.top + one.box.bottom) / 2) // CELL
            if one.text.lower() in known and left % CELL == 0 and top < rows:
                where.append((len(pictures), top * wide + left // CELL))
                what.append(one.text.lower())
        pictures.append(np.asarray(canvas.image)[: rows * CELL])
    return Places(pictures, where, what)


def _papers(rng: Random, number: int) -> list[Paper]:
    asked = [rng.choice(questions.TASKS[rng.choice(ASKED_OF_PAPERS)][0])(rng).picture for _ in range(number)]
    articles = [entry.picture for row in matches.MAKERS["Wiki-SS-NQ"](rng, 1) for entry in row.candidates]
    return [one for one in (*asked, *rng.sample(articles, number // 4)) if isinstance(one, Paper)]


def drawn(rng: Random, number: int) -> Places:
    """Scenes and frames of clips, with the colour and shape at the cells in the middle of things."""
    pictures, where, what = [], [], []
    for index in range(number):
        if index % 2:
            scene = sample(rng)
            pictures.append(np.asarray(scene.draw()))
            spots = [(PLACES[thing.place], thing.kind) for thing in scene.things]
        else:
            shown = act(rng)
            clip = shown.clip(rng, paper(rng))
            frame = rng.choice([each for each in range(clip.length) if each not in clip.actors[0].hidden])
            actor, part = clip.actors[0], frame / (clip.length - 1)
            pose = actor.begin.towards(actor.end or actor.begin, part)
            ink = actor.later if actor.later and part >= 0.5 else actor.color
            pictures.append(np.asarray(clip.frame(frame)))
            spots = [((round(pose.x), round(pose.y)), (ink, actor.shape))]
        wide = pictures[-1].shape[1] // CELL
        where += [(index, min(wide - 1, y // CELL) * wide + min(wide - 1, x // CELL)) for (x, y), _ in spots]
        what += [kind for _, kind in spots]
    return Places(pictures, where, what)


def texts(tasks: Sequence[tuple[Task, TaskData]], model_prompts: Sequence[str]) -> Iterator[str]:
    """What the tokenizer learns from: everything that is said in a world, and the words of pages many times."""
    for _, data in tasks:
        for item in (*data.queries, *data.candidates):
            yield from (text for text in (item.text, item.instruction) if text)
    for word in named_words():
        yield from [f" {word} {word.lower()}"] * 40
    for prompt in model_prompts:
        yield from [prompt] * 200

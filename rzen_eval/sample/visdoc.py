"""Made-up corpora of document pages, with questions and judgements."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import cycle
from typing import TYPE_CHECKING, Any

from . import compose
from .canvas import Canvas
from .compose import Spot, Subject
from .files import encode, write_repository
from .letters import LETTERS
from .pages import LAYOUTS, Page
from .rows import seeded
from .specs import SPECS, Judge, Place, Spec, by_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from random import Random

    from .words import Field

_LONG = "-as-presented-to-the-members-of-the-board-at-the-annual-meeting-in-{place}-{year}-final-version"
"""What every fifth image name goes on with: real names can be this long."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question that the pages answer."""

    text: Mapping[str, str]
    """By language."""
    words: tuple[str, ...]
    """Words that no page but the right ones has together."""
    place: Place


@dataclass(frozen=True, slots=True)
class Corpus:
    """Pages with the questions they answer."""

    pages: Sequence[Page]
    page_ids: Sequence[int] | Sequence[str]
    questions: Sequence[Question]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A page with what it is about; cover and last page are about nothing."""

    page: Page
    subject: Subject | None
    document: int


def corpus(spec: Spec, world: str = "") -> Corpus:
    """The pages and questions that a spec declares; the same on every call."""
    rng = seeded(spec.seed, world)
    spec = replace(spec, field=_shuffled(spec.field, rng))
    leaves = list(_documents(spec, rng) if spec.documents else _singles(spec, rng))
    places: dict[tuple[str, str], list[int]] = {}
    subjects: dict[tuple[str, str], Subject] = {}
    for index, leaf in enumerate(leaves):
        if leaf.subject is not None:
            key = leaf.subject.name, leaf.subject.topic
            places.setdefault(key, []).append(index)
            subjects[key] = leaf.subject
    asked = sorted(rng.sample(sorted(subjects), spec.queries), key=lambda key: places[key])
    questions = [
        Question(text=_ask(spec, subjects[key], number), words=key, place=_place(places[key], leaves))
        for number, key in enumerate(asked)
    ]
    pages = [leaf.page for leaf in leaves]
    return Corpus(pages, _image_names(pages, spec.suffix) if spec.suffix else range(len(pages)), questions)


def _shuffled(field: Field, rng: Random) -> Field:
    """The field with its names and topics in another order, so that others meet."""
    names, topics = (tuple(rng.sample(words, len(words))) for words in (field.names, field.topics))
    return replace(field, names=names, topics=topics)


def draw(page: Page) -> Canvas:
    """Draw a page."""
    canvas = Canvas(page.size)
    {**LAYOUTS, **LETTERS}[page.layout](canvas, page)
    return canvas


def _singles(spec: Spec, rng: Random) -> Sequence[Leaf]:
    """Pages that belong to no document, in any order; as many in a row are on one subject as the spec's groups say."""
    leaves: list[Leaf] = []
    for (name, topic), size in zip(compose.pairs(spec.field), cycle(spec.groups)):
        about = compose.subject(spec.field, name, topic, _year(rng), rng)
        for _ in range(min(size, spec.pages - len(leaves))):
            spot = Spot(len(leaves), len(leaves), rng.randint(2, 60))
            leaves.append(Leaf(compose.content(spec, about, spot, rng), about, len(leaves)))
        if len(leaves) == spec.pages:
            break
    rng.shuffle(leaves)
    return leaves


def _documents(spec: Spec, rng: Random) -> Iterator[Leaf]:
    """Documents with a cover, pages on topics of their own and a last page."""
    for document, (name, length) in enumerate(zip(spec.field.names, spec.documents, strict=False)):
        topics = rng.sample(spec.field.topics, len(spec.field.topics))
        sizes = cycle(spec.groups)
        turns = [topic for topic in topics for _ in range(next(sizes))][: length - 2]
        year = _year(rng)
        abouts = {topic: compose.subject(spec.field, name, topic, year, rng) for topic in dict.fromkeys(turns)}
        pages = [
            compose.content(spec, abouts[topic], Spot(number, document, number + 2), rng)
            for number, topic in enumerate(turns)
        ]
        yield Leaf(compose.cover(pages[0]), None, document)
        yield from (Leaf(page, abouts[topic], document) for page, topic in zip(pages, turns, strict=True))
        yield Leaf(compose.last(pages[-1]), None, document)


def _year(rng: Random) -> int:
    return rng.randint(2009, 2023)


def _ask(spec: Spec, subject: Subject, number: int) -> Mapping[str, str]:
    return {
        language: templates[number % len(templates)].format_map(subject.facts)
        for language, templates in spec.field.queries.items()
    }


def _place(reference: Sequence[int], leaves: Sequence[Leaf]) -> Place:
    document = leaves[reference[0]].document
    return Place(reference, [index for index, leaf in enumerate(leaves) if leaf.document == document])


def _image_names(pages: Sequence[Page], suffix: str) -> Sequence[str]:
    names = []
    for index, page in enumerate(pages):
        stem = f"{{name}}-{{topic}}{_LONG if index % 5 == 0 else ''}_{index:04}".format_map(page.facts)
        names.append(f"{stem.lower().replace(' ', '-')}.{suffix}")
    return names


def tables(
    spec: Spec, made: Corpus, judge: Judge, images: Sequence[bytes]
) -> Mapping[str, Mapping[str, Sequence[Any]]]:
    """The three tables of a repository, in the columns of the benchmark's."""
    asked = [(question, language) for language in spec.languages or (None,) for question in made.questions]
    ids = [f"query-{number}.json" if spec.suffix else number for number in range(len(asked))]
    queries: dict[str, Sequence[Any]] = {
        "query-id": ids,
        "query": [question.text[language or spec.field.language] for question, language in asked],
    }
    if spec.languages:
        queries["language"] = [language for _, language in asked]
    if judge is by_document:
        queries["corpus_range"] = [list(question.place.document) for question, _ in asked]
    judged = [
        (query_id, made.page_ids[page], grade)
        for query_id, (question, _) in zip(ids, asked, strict=True)
        for page, grade in judge(question.place).items()
    ]
    qrels = dict(zip(("query-id", "corpus-id", "score"), zip(*judged, strict=True), strict=True))
    return {"queries": queries, "qrels": qrels, "corpus": {"corpus-id": made.page_ids, "image": images}}


def write(root: Path, world: str = "") -> None:
    """Write the repositories of every spec under a folder."""
    for spec in SPECS:
        made = corpus(spec, world)
        images = [encode(draw(page).image, spec.suffix) for page in made.pages]
        for repository, judge in spec.repositories.items():
            split = "train" if spec.suffix else "test"
            write_repository(root / repository, split, tables(spec, made, judge, images))

"""From a subject to the words and numbers of its pages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from .charts import PALETTES, Table
from .pages import Page
from .words import CLOSING, PEOPLE, PHRASES, PLACES, SENDERS, STREETS, Field

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from random import Random

    from .specs import Spec

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that pages are about and that a question can ask for."""

    name: str
    topic: str
    table: Table
    facts: Mapping[str, str]
    """Everything a sentence or a question may mention, by the name it has in templates."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a page stands."""

    index: int
    """Place among the pages about something; turns through the layouts, charts and orders of a spec."""
    document: int
    """Pages of one document share their size and colours."""
    number: int
    """Page number as printed."""


def pairs(field: Field) -> Iterator[tuple[str, str]]:
    """Every name with every topic, each pair once, all names before any name comes again."""
    for step in range(len(field.topics)):
        for index, name in enumerate(field.names):
            yield name, field.topics[(index + step) % len(field.topics)]


def subject(field: Field, name: str, topic: str, year: int, rng: Random) -> Subject:
    """Make up what there is to know about a subject in the years up to one."""
    columns = field.columns or tuple(str(year - back) for back in (3, 2, 1, 0))
    scale = 1 if field.unit == "%" else rng.choice((1, 10))
    table = Table(field.axis, columns, {row: _walk(len(columns), scale, rng) for row in field.series})
    facts = {
        "name": name,
        "topic": topic,
        "year": str(year),
        "unit": field.unit,
        **_people(rng),
        **_order(rng),
        **_extremes(table, rng),
    }
    capitals = {key.capitalize(): _capital(facts[key]) for key in ("name", "topic", "lead")}
    return Subject(name, topic, table, facts | capitals)


def content(spec: Spec, subject: Subject, spot: Spot, rng: Random) -> Page:
    """The page on a subject that stands in a spot."""
    field, phrases = spec.field, PHRASES[spec.field.language]
    facts = {**subject.facts, "number": str(spot.number)}
    turn = spot.index // len(spec.layouts)
    blocks = _pick(spec.blocks, turn)
    shared = rng.sample(phrases.sentences, len(phrases.sentences)) if "report" in spec.layouts else ()
    caption = _capital(field.caption.format_map(facts))
    numbers = {"number": 1 + spot.number % 9, "caption": caption}
    return Page(
        layout=_pick(spec.layouts, spot.index),
        size=_pick(spec.sizes, spot.document),
        palette=_pick(PALETTES, spot.document),
        chart=_pick(spec.charts, turn),
        blocks=blocks,
        title=field.title.format_map(facts),
        subtitle=field.subtitle.format_map(facts),
        header=subject.name if spec.documents else phrases.header.format_map(facts),
        footer=phrases.page.format_map(facts),
        caption=caption,
        chart_caption=phrases.figure.format_map(numbers),
        table_caption=phrases.table.format_map(numbers),
        source=phrases.source.format_map(facts),
        sentences=tuple(_capital(sentence.format_map(facts)) for sentence in (*field.sentences, *shared)),
        table=subject.table,
        facts=facts,
    )


def cover(page: Page) -> Page:
    """The first page of the document that a page belongs to."""
    return replace(page, layout="cover", title="Annual review {year}".format_map(page.facts))


def last(page: Page) -> Page:
    """The page that comes after a page and is the last of its document."""
    number = int(page.facts["number"]) + 1
    return replace(page, layout="closing", title="Thank you", sentences=CLOSING, footer=f"Page {number}")


def _people(rng: Random) -> Mapping[str, str]:
    pools = {"person": PEOPLE, "place": PLACES, "sender": SENDERS, "street": STREETS}
    return {key: rng.choice(pool) for key, pool in pools.items()} | {"number": str(rng.randint(11, 98))}


def _order(rng: Random) -> Mapping[str, str]:
    """An order of goods that adds up."""
    quantity, price, carriage = rng.randint(12, 96), rng.randint(5, 60), rng.randint(20, 90)
    amounts = {"quantity": quantity, "price": price, "carriage": carriage}
    amounts |= {"net": quantity * price, "total": quantity * price + carriage}
    return {key: str(amount) for key, amount in amounts.items()}


def _extremes(table: Table, rng: Random) -> Mapping[str, str]:
    """What can be read off a table: ends, highest and lowest of its first row, and a cell to ask for."""
    lead, *others = table.rows
    values = dict(zip(table.rows[lead], table.columns, strict=True))
    top, bottom = max(values), min(values)
    return {
        "lead": lead,
        "other": others[-1] if others else lead,
        "row": rng.choice(list(table.rows)),
        "column": rng.choice(table.columns),
        "begin": table.columns[0],
        "end": table.columns[-1],
        "first": str(table.rows[lead][0]),
        "last": str(table.rows[lead][-1]),
        "high": values[top],
        "top": str(top),
        "low": values[bottom],
        "bottom": str(bottom),
    }


def _walk(length: int, scale: int, rng: Random) -> Sequence[int]:
    """Values that move in steps between 5 and 95, no two of them equal."""
    values = [rng.randint(25, 75)]
    while len(values) < length:
        value = values[-1] + rng.randint(-22, 24)
        if 5 <= value <= 95 and value not in values:
            values.append(value)
    return [value * scale + rng.randrange(scale) for value in values]


def _pick(choices: Sequence[T], index: int) -> T:
    return choices[index % len(choices)]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

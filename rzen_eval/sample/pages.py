"""Drawing the pages of reports, slide decks, posters and papers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .canvas import GREY, GRID, INK, RULE, Box, Canvas, width
from .charts import CHARTS, Palette, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says, in the words that are printed, and which layout it has."""

    layout: str
    size: tuple[int, int]
    palette: Palette
    chart: str
    blocks: tuple[str, ...]
    """Order of text, chart and table in layouts that have a choice."""
    title: str
    subtitle: str
    header: str
    footer: str
    caption: str
    """What chart and table show; the next two are the same with a number."""
    chart_caption: str
    table_caption: str
    source: str
    sentences: tuple[str, ...]
    table: Table
    facts: Mapping[str, str]
    """Names, places and numbers of the page, as filled into its sentences."""


def report(canvas: Canvas, page: Page) -> None:
    """A page of a report: running head, title, then text, chart and table in the page's order."""
    box = canvas.box.inside(GRID)
    canvas.text(box.left, 15, page.header, 10, GREY)
    canvas.line((box.left, GRID - 2), (box.right, GRID - 2))
    y = canvas.words(box, page.title, 20, page.palette.dark, bold=True)
    y = canvas.words(Box(box.left, y, box.right, y), page.subtitle, 14, page.palette.series[0])
    canvas.text(box.right, canvas.box.bottom - 14, page.footer, 10, GREY, align="right")
    _blocks(canvas, page, Box(box.left, y + 6, box.right, box.bottom - 2))


def slide(canvas: Canvas, page: Page) -> None:
    """A slide: title on a coloured bar, points on the left, a chart on the right."""
    canvas.rectangle(Box(0, 0, canvas.box.right, 2 * GRID), page.palette.dark)
    canvas.rectangle(Box(0, 2 * GRID, canvas.box.right, 2 * GRID + 4), page.palette.series[1])
    canvas.words(Box(GRID, 0, canvas.box.right - GRID, GRID), page.title, 18, "#ffffff", bold=True)
    canvas.words(Box(GRID, GRID, canvas.box.right - GRID, GRID), page.subtitle, 14, page.palette.light)
    body = Box(GRID, 3 * GRID - 8, canvas.box.right - 20, canvas.box.bottom - 34)
    middle = body.left + 7 * GRID
    if "text" in page.blocks:
        _points(canvas, page, Box(body.left, body.top + 8, middle - 10, body.bottom))
        body = Box(middle, *body[1:])
    CHARTS[page.chart](canvas, Box(body.left, body.top, body.right, body.bottom - 16), page.table, page.palette)
    canvas.text(body.left, body.bottom - 4, page.caption, 10, GREY)
    _foot(canvas, page)


def cover(canvas: Canvas, page: Page) -> None:
    """The first page of a document."""
    canvas.rectangle(canvas.box, page.palette.dark)
    canvas.rectangle(Box(0, 0, 16, canvas.box.bottom), page.palette.series[1])
    top = canvas.box.bottom // 3 // GRID * GRID
    y = canvas.words(Box(2 * GRID, top, canvas.box.right - GRID, top), page.header, 26, "#ffffff", bold=True)
    canvas.line((2 * GRID, y + 6), (7 * GRID, y + 6), ink=page.palette.series[1], thick=3)
    canvas.text(2 * GRID, y + GRID, page.title, 16, page.palette.light)
    canvas.text(2 * GRID, y + 2 * GRID, "{person}, {place}".format_map(page.facts), 12, page.palette.light)


def closing(canvas: Canvas, page: Page) -> None:
    """The last page of a document."""
    canvas.rectangle(Box(0, 0, canvas.box.right, 8), page.palette.dark)
    y = canvas.words(Box(2 * GRID, 3 * GRID, canvas.box.right - GRID, 0), page.title, 24, page.palette.dark, bold=True)
    y = canvas.paragraph(
        Box(2 * GRID, y + 8, canvas.box.right - 2 * GRID, canvas.box.bottom - 2 * GRID), page.sentences
    )
    canvas.text(2 * GRID, y + GRID, "{person}".format_map(page.facts), 14, bold=True)
    canvas.text(2 * GRID, y + 2 * GRID - 6, "{street} {number}, {place}".format_map(page.facts), 12, GREY)
    _foot(canvas, page)


def poster(canvas: Canvas, page: Page) -> None:
    """An infographic: a big number, a row of people and a panel with bars."""
    light, dark, ink = page.palette.light, page.palette.dark, page.palette.series
    right = canvas.box.right
    canvas.rectangle(canvas.box, light)
    canvas.rectangle(Box(0, 0, right, 2 * GRID + 8), dark)
    canvas.words(Box(GRID, 0, right - GRID, GRID), page.title, 22, "#ffffff", bold=True)
    canvas.words(Box(GRID, GRID, right - GRID, GRID), page.subtitle, 14, light)
    top = page.facts["top"]
    end = canvas.text(GRID, 4 * GRID, f"{top}%", 56, ink[0], bold=True)
    canvas.paragraph(Box(end + 16, 3 * GRID + 4, right - 20, 6 * GRID), page.sentences[:1], 12, pitch=15)
    _people(canvas, Box(GRID, 5 * GRID + 20, right - GRID, 8 * GRID), int(top), ink[0], "#b9c2cc")
    panel = Box(14, 9 * GRID - 7, right - 14, 14 * GRID + 7)
    canvas.rectangle(panel, "#ffffff", radius=10)
    canvas.text(GRID, 9 * GRID + 10, page.caption, 13, dark, bold=True)
    CHARTS[page.chart](canvas, Box(GRID, 10 * GRID, right - GRID, 14 * GRID), page.table, page.palette)
    for index, sentence in enumerate(page.sentences[1:3]):
        left = 14 + index * (right - 20) / 2
        tile = Box(left, 15 * GRID - 7, left + (right - 36) / 2, 19 * GRID - 7)
        canvas.rectangle(tile, ink[index], radius=10)
        _icon(canvas, (tile.left + tile.right) / 2, tile.top + 22, index)
        canvas.paragraph(Box(tile.left + 12, tile.top + 40, tile.right - 8, tile.bottom), [sentence], 12, "#ffffff")
    canvas.text(GRID, canvas.box.bottom - 14, page.source, 10, GREY)


def tiles(canvas: Canvas, page: Page) -> None:
    """An infographic of four tiles around a ring chart."""
    light, dark, ink = page.palette.light, page.palette.dark, page.palette.series
    right = canvas.box.right
    canvas.words(Box(GRID, 0, right - GRID, GRID), page.title, 22, dark, bold=True)
    canvas.words(Box(GRID, GRID, right - GRID, GRID), page.subtitle, 14, ink[1])
    values = next(iter(page.table.rows.values()))
    for index, (name, value) in enumerate(zip(page.table.columns, values, strict=True)):
        left, top = 20 + index % 2 * (right - 28) / 2, 2 * GRID + 14 + index // 2 * 4 * GRID
        tile = Box(left, top, left + (right - 52) / 2, top + 4 * GRID - 12)
        canvas.rectangle(tile, ink[index], radius=8)
        canvas.text((tile.left + tile.right) / 2, top + 42, f"{value}%", 36, "#ffffff", align="centre", bold=True)
        canvas.text((tile.left + tile.right) / 2, top + 78, name, 14, "#ffffff", align="centre")
    canvas.rectangle(Box(0, 11 * GRID, right, canvas.box.bottom), light)
    canvas.text(GRID, 11 * GRID + 18, "Answers compared", 13, dark, bold=True)
    chart = Box(GRID, 12 * GRID + 8, right - GRID, 16 * GRID + 8)
    CHARTS["donut"](canvas, chart, page.table, page.palette)
    canvas.paragraph(Box(GRID, 16 * GRID + 20, right - GRID, 19 * GRID), page.sentences)
    canvas.text(GRID, canvas.box.bottom - 14, page.source, 10, GREY)


def sheet(canvas: Canvas, page: Page) -> None:
    """A page that is one large table."""
    box = canvas.box.inside(GRID)
    y = canvas.words(Box(box.left, GRID, box.right, 0), page.title, 20, page.palette.dark, bold=True)
    y = canvas.words(Box(box.left, y, box.right, 0), page.subtitle, 13, GREY)
    y = _table(canvas, Box(box.left, y, box.right, 0), page)
    canvas.paragraph(Box(box.left, y + 8, box.right, box.bottom + 8), page.sentences)
    canvas.text(box.left, canvas.box.bottom - 14, page.source, 10, GREY)


def chart(canvas: Canvas, page: Page) -> None:
    """A chart as newspapers and statistical offices print them."""
    canvas.rectangle(Box(0, 0, 6, canvas.box.bottom), page.palette.series[0])
    box = canvas.box.inside(GRID)
    y = canvas.words(Box(box.left, 0, box.right, 0), page.title, 20, bold=True)
    y = canvas.words(Box(box.left, y, box.right, 0), page.subtitle, 13, GREY)
    CHARTS[page.chart](canvas, Box(box.left, y + 8, box.right + 10, box.bottom - 4), page.table, page.palette)
    canvas.line((box.left, canvas.box.bottom - 26), (box.right, canvas.box.bottom - 26))
    canvas.text(box.left, canvas.box.bottom - 13, page.source, 10, GREY)


def figure(canvas: Canvas, page: Page) -> None:
    """A figure of a scientific paper with its caption."""
    box = canvas.box.inside(GRID)
    canvas.words(Box(2 * GRID, 0, box.right, 0), page.title, 14, bold=True)
    frame = Box(box.left, GRID + 12, box.right, box.bottom - 36)
    CHARTS[page.chart](canvas, frame, page.table, page.palette)
    canvas.text(12, frame.top + 8, page.facts["unit"], 10, GREY)
    canvas.paragraph(
        Box(box.left, box.bottom - 30, box.right, canvas.box.bottom - 6), [page.chart_caption], 12, pitch=16
    )


def _blocks(canvas: Canvas, page: Page, box: Box) -> None:
    """Fill a box from top to bottom; charts take up to ten rows of what the table leaves, text the rest."""
    texts = page.blocks.count("text")
    shares = [page.sentences[start::texts] for start in range(texts)]
    room = box.height - ("table" in page.blocks) * ((len(page.table.rows) + 2) * GRID + 8)
    tall = min(10 * GRID, room - texts * 4 * GRID) if "chart" in page.blocks else 0
    y = box.top
    for block in page.blocks:
        if block == "text":
            y = canvas.paragraph(Box(box.left, y, box.right, y + (room - tall) / texts - 10), shares.pop(0)) + 10
        elif block == "table":
            canvas.text(box.left, y + GRID / 2, page.table_caption, 11, page.palette.dark)
            y = _table(canvas, Box(box.left, y + GRID, box.right, 0), page) + 8
        else:
            CHARTS[page.chart](canvas, Box(box.left, y, box.right, y + tall - GRID), page.table, page.palette)
            canvas.text(box.left, y + tall - GRID + 10, page.chart_caption, 11, page.palette.dark)
            y += tall


def _table(canvas: Canvas, box: Box, page: Page) -> float:
    """Draw the page's table with rows on the grid; returns the height below it."""
    table, palette = page.table, page.palette
    label = GRID * -(-(max(width(name, 12) for name in (table.axis, *table.rows)) + 16) // GRID)
    step = (box.width - label) / len(table.columns)
    y = box.top
    for index, (name, cells) in enumerate({table.axis: table.columns, **table.rows}.items()):
        head = index == 0
        fill = palette.dark if head else ("#ffffff", palette.light)[index % 2]
        ink = "#ffffff" if head else INK
        canvas.rectangle(Box(box.left, y, box.right, y + GRID), fill)
        canvas.text(box.left + 6, y + GRID / 2, name, 12, ink, bold=head)
        for column, cell in enumerate(cells):
            end = box.left + label + step * (column + 1) - 8
            canvas.text(end, y + GRID / 2, str(cell), 12, ink, align="right", bold=head)
        y += GRID
    canvas.line((box.left, y), (box.right, y), ink=palette.dark)
    return y


def _points(canvas: Canvas, page: Page, box: Box) -> None:
    y = box.top
    for sentence in page.sentences:
        if y + GRID > box.bottom:
            break
        canvas.disc(box.left + 3, y + 8, 3, page.palette.series[1])
        y = canvas.paragraph(Box(box.left + 14, y, box.right, box.bottom), [sentence], 12, pitch=16) + 10


def _foot(canvas: Canvas, page: Page) -> None:
    y = canvas.box.bottom - 24
    canvas.line((GRID, y), (canvas.box.right - GRID, y), ink=RULE)
    canvas.text(GRID, y + 12, page.header, 10, GREY)
    canvas.text(canvas.box.right - GRID, y + 12, page.footer, 10, GREY, align="right")


def _people(canvas: Canvas, box: Box, share: int, ink: str, rest: str) -> None:
    """Ten little figures, of which the share in tenths is coloured."""
    for index in range(10):
        x = box.left + box.width * (index + 0.5) / 10
        colour = ink if index < round(share / 10) else rest
        canvas.disc(x, box.top + 8, 7, colour)
        canvas.rectangle(Box(x - 8, box.top + 18, x + 8, box.bottom), colour, radius=6)


def _icon(canvas: Canvas, x: float, y: float, index: int) -> None:
    """A white sign: a clock or a house."""
    if index == 0:
        canvas.disc(x, y, 14, "#ffffff")
        canvas.line((x, y - 9), (x, y), (x + 6, y + 3), ink=INK, thick=2)
    else:
        canvas.polygon([(x, y - 14), (x + 16, y), (x - 16, y)], "#ffffff")
        canvas.rectangle(Box(x - 11, y, x + 11, y + 13), "#ffffff")


LAYOUTS: Mapping[str, Callable[[Canvas, Page], None]] = {
    "report": report,
    "slide": slide,
    "cover": cover,
    "closing": closing,
    "poster": poster,
    "tiles": tiles,
    "table": sheet,
    "chart": chart,
    "figure": figure,
}

"""Drawing what an office writes: letters, memos, invoices and forms."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .canvas import GREY, GRID, INK, Box, Canvas

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .pages import Page

PAPER = "#fbfaf5"
EDGE = "#6f6c63"


def letter(canvas: Canvas, page: Page) -> None:
    """A letter: sender, date, addressee, subject, text and signature."""
    box, fact = _sheet(canvas), page.facts
    canvas.text(box.left, 2 * GRID - 14, "{sender}".format_map(fact), 18, bold=True)
    canvas.text(box.left, 2 * GRID + 6, "{street} {number}, {place}".format_map(fact), 10, GREY)
    canvas.line((box.left, 3 * GRID - 8), (box.right, 3 * GRID - 8), ink=INK, thick=2)
    canvas.text(box.right, 4 * GRID - 14, "12 {high} {year}".format_map(fact), 11, align="right")
    canvas.words(Box(box.left, 4 * GRID, box.right, 0), fact["name"], 14, bold=True)
    canvas.words(Box(box.left, 5 * GRID, box.right, 0), f"Subject: {page.subtitle}", 13, bold=True)
    canvas.text(box.left, 6.5 * GRID, "Dear Sir or Madam,", 12)
    y = canvas.paragraph(Box(box.left, 7 * GRID, box.right, box.bottom - 3 * GRID), page.sentences)
    _sign(canvas, box.left, min(y + GRID, box.bottom - 2 * GRID), fact["person"])


def memo(canvas: Canvas, page: Page) -> None:
    """A memo: four fields, a rule and a few paragraphs."""
    box, fact = _sheet(canvas), page.facts
    canvas.text(canvas.box.right / 2, 2 * GRID - 14, "MEMORANDUM", 20, align="centre", bold=True)
    fields = {"To": fact["person"], "From": fact["sender"], "About": fact["name"], "Subject": page.subtitle}
    for row, (label, value) in enumerate(fields.items()):
        canvas.text(box.left, (2.5 + row) * GRID, f"{label}:", 12, GREY)
        canvas.words(Box(box.left + 3 * GRID, (2 + row) * GRID, box.right, 0), value, 13, bold=row > 1)
    y = 6.0 * GRID + 4
    canvas.line((box.left, y), (box.right, y), ink=INK, thick=2)
    y += 10
    for part in (page.sentences[:2], page.sentences[2:4], page.sentences[4:]):
        y = canvas.paragraph(Box(box.left, y, box.right, box.bottom - GRID), part) + 10
    canvas.text(
        box.left, box.bottom - 10, "Quantity {quantity} - total {total} dollars".format_map(fact), 12, bold=True
    )


def invoice(canvas: Canvas, page: Page) -> None:
    """An invoice: parties, lines with prices and the total."""
    box, fact = _sheet(canvas), page.facts
    canvas.text(box.left, 2 * GRID - 14, "INVOICE", 24, page.palette.dark, bold=True)
    canvas.text(box.right, 2 * GRID - 14, "No. {number} / {year}".format_map(fact), 12, align="right")
    canvas.text(box.left, 2.5 * GRID, "{sender}, {street}, {place}".format_map(fact), 10, GREY)
    canvas.text(box.left, 3.5 * GRID, "Bill to", 11, GREY)
    canvas.words(Box(box.left + 3 * GRID, 3 * GRID, box.right, 0), fact["name"], 14, bold=True)
    canvas.text(box.left, 4.5 * GRID, "Contact", 11, GREY)
    canvas.words(Box(box.left + 3 * GRID, 4 * GRID, box.right, 0), fact["person"], 12)
    y = 6 * GRID
    canvas.rectangle(Box(box.left, y, box.right, y + GRID), page.palette.dark)
    rows = [("Item", "Quantity", "Price", "Sum"), (fact["topic"], fact["quantity"], fact["price"], fact["net"])]
    rows += [("carriage", "1", fact["carriage"], fact["carriage"]), ("", "", "Total", fact["total"])]
    for index, row in enumerate(rows):
        ink = "#ffffff" if index == 0 else INK
        canvas.words(Box(box.left + GRID, y, box.right, 0), row[0], 13, ink)
        for column, cell in enumerate(row[1:]):
            end = box.right - 6 - (2 - column) * (box.width - 5 * GRID) / 3
            canvas.text(end, y + GRID / 2, cell, 12, ink, align="right", bold=index in {0, 3})
        y += GRID
        canvas.line((box.left, y), (box.right, y))
    canvas.paragraph(Box(box.left, y + GRID, box.right, box.bottom - 2 * GRID), page.sentences[2:4])
    _stamp(canvas, box.right - 56, box.bottom - GRID, fact["year"])


def form(canvas: Canvas, page: Page) -> None:
    """A form: labelled boxes with typed entries, ticks and a signature."""
    box, fact = _sheet(canvas), page.facts
    canvas.text(box.left, 1.5 * GRID, "DELIVERY FORM", 18, bold=True)
    canvas.text(box.right, 1.5 * GRID, "Form {number}".format_map(fact), 11, GREY, align="right")
    entries = {
        "Customer": fact["name"],
        "Goods": fact["topic"],
        "Quantity": fact["quantity"],
        "Total (dollars)": fact["total"],
        "Month and year": "{high} {year}".format_map(fact),
        "Contact": fact["person"],
    }
    for row, (label, value) in enumerate(entries.items()):
        top = (2 + 2 * row) * GRID
        canvas.rectangle(Box(box.left, top, box.right, top + 2 * GRID), outline=EDGE)
        canvas.text(box.left + 6, top + 12, label, 10, GREY)
        canvas.words(Box(box.left + GRID, top + GRID, box.right, 0), value, 14)
    y = 14 * GRID + 12
    for index, label in enumerate(("Complete", "In part", "Returned")):
        left = box.left + index * box.width / 3
        canvas.rectangle(Box(left, y, left + 12, y + 12), outline=INK)
        canvas.text(left + 18, y + 6, label, 11)
    canvas.line((box.left + 2, y + 6), (box.left + 5, y + 10), (box.left + 11, y + 1), ink=INK, thick=2)
    _sign(canvas, box.left, y + 2 * GRID - 6, fact["person"])


def _sheet(canvas: Canvas) -> Box:
    """Paper as it comes from a scanner: tinted, with a shadow at the edge; returns the part to write on."""
    canvas.rectangle(canvas.box, PAPER)
    for inset, ink in ((0, "#e2dfd3"), (1, "#efece2")):
        canvas.rectangle(Box(inset, inset, canvas.box.right - 1 - inset, canvas.box.bottom - 1 - inset), outline=ink)
    for height in (canvas.box.bottom / 4, canvas.box.bottom * 3 / 4):
        canvas.disc(11, height, 5, "#d9d5c8")
    return Box(GRID, GRID, canvas.box.right - GRID, canvas.box.bottom - GRID)


def _sign(canvas: Canvas, x: float, y: float, person: str) -> None:
    """A flourish in blue above the printed name."""
    loops = len(person) / 20
    wave = [(x + 1.6 * step, y - 9 * math.sin(loops * step) * math.cos(step / 11)) for step in range(50)]
    canvas.line(*wave, ink="#33518f", thick=2)
    canvas.text(x, y + 20, person, 12)


def _stamp(canvas: Canvas, x: float, y: float, year: str) -> None:
    for radius in (30, 27):
        canvas.disc(x, y, radius, outline="#b23a48")
    canvas.text(x, y - 7, "RECEIVED", 9, "#b23a48", align="centre", bold=True)
    canvas.text(x, y + 8, year, 12, "#b23a48", align="centre", bold=True)


LETTERS: Mapping[str, Callable[[Canvas, Page], None]] = {
    "letter": letter,
    "memo": memo,
    "invoice": invoice,
    "form": form,
}

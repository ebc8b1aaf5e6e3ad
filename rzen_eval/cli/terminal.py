"""Documents as they are printed: cut to a terminal's width, whole where another program reads."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rzen_eval.cli.values import one_of
from rzen_eval.errors import ResultError
from rzen_eval.files import write_out

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    from rzen_eval.cli.options import Options
    from rzen_eval.results.tables.document import Document, Table

NAME, SHORT, NARROWEST = 24, 16, 8
"""Characters of a first column beside which numbers stand, of a column that is cut late, and of one that is cut no
further."""
NUMBER = re.compile(r"[\d≈<>~±+–−-]")
"""How a cell of a column of numbers begins."""
GAP = 2
"""Characters between columns."""


def add_format(parser: Options, *kinds: str) -> None:
    """The option `--format` of a command that prints a document.

    Args:
        parser: of the command.
        kinds: formats; those of a list by default.
    """
    parser.add_argument("--format", **one_of(*kinds or ("md", "csv", "json")), help="by default as fits the terminal")


def listing(
    name: str,
    rows: Sequence[Mapping[str, Any]],
    spare: Sequence[str] = (),
    notes: Sequence[str] = (),
    prose: Sequence[str] = (),
) -> Document:
    """A document that is one list.

    Args:
        name: what the rows are, in JSON.
        rows: values by column, the first of which names the row.
        spare: columns that a terminal can do without, the least needed first.
        notes: lines below.
        prose: columns of sentences, which are never cut.
    """
    from rzen_eval.results.tables.document import Document, Part, Table

    table = replace(Table.of([texts(row) for row in rows]), spare=spare, prose=prose)
    return Document([Part(tables=[table] if rows else []), Part(paragraphs=notes)], rows, {name: rows})


def texts(row: Mapping[str, Any], without: Sequence[str] = ()) -> dict[str, str]:
    """A row as a table shows it, some columns left out."""
    return {key: _text(value) for key, value in row.items() if key not in without}


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return "?" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def show(document: Document, kind: str | None = None, file: Path | None = None) -> None:
    """Print a document, or write it to a file.

    Args:
        document: what to print.
        kind: its format; None: Markdown, or what fits where it is printed on a terminal.
        file: None: it is printed.

    Raises:
        ResultError: the file cannot be written.
    """
    from rzen_eval.results.tables.document import FORMATS

    if kind is None and file is None and sys.stdout.isatty():
        draw(document, terminal())
    else:
        put(FORMATS[kind or "md"](document), file)


def terminal() -> Console:
    """The terminal; with NO_COLOR in the environment it gets plain text."""
    from rich.console import Console

    return Console(highlight=False, color_system=None if os.environ.get("NO_COLOR") else "auto")


def draw(document: Document, console: Console) -> None:
    """Print a document, with an empty line between its blocks; lines are broken between words."""
    from rzen_eval.results.tables.document import Table
    from rzen_eval.results.tables.escape import for_terminal

    blocks: list[Table | Sequence[str]] = []
    for number, part in enumerate(document.parts):
        made = [f"Made by {document.command}"] if number == 0 and document.command else []
        blocks += [[line] for line in [part.title, *part.paragraphs, *made] if line]
        blocks += part.tables
        blocks += [[f"- {point}" for point in part.points]] if part.points else []
    for place, block in enumerate(blocks):
        if place:
            console.print()
        if isinstance(block, Table):
            _draw_table(block, console)
        else:
            for line in block:
                console.print(for_terminal(line), markup=False)


def _draw_table(table: Table, console: Console) -> None:
    from rich import box
    from rich.table import Table as Drawn
    from rich.text import Text

    from rzen_eval.results.tables.escape import for_terminal

    if table.title:
        console.print(for_terminal(table.title), style="bold", markup=False)
    left_out = []
    for name in table.spare:
        if _total(_widths(table)) <= console.width:
            break
        table = _without(table, name)
        left_out.append(name)
    for place, part in enumerate(abreast(table, console.width)):
        if place:
            console.print()
        drawn = Drawn(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, GAP - 1, 0, 0), show_edge=False)
        widths = fitted(_widths(part), console.width, _cells(part), _numbers(part))
        for name, width in zip(part.columns, widths, strict=True):
            whole = name in part.prose
            drawn.add_column(
                Text(for_terminal(name)), no_wrap=not whole, overflow="fold" if whole else "ellipsis", width=width
            )
        for row, line in enumerate(part.rows):
            styles = ["bold" if (row, column) in part.best else "" for column in range(len(line))]
            drawn.add_row(*(Text(for_terminal(cell), style) for cell, style in zip(line, styles, strict=True)))
        console.print(drawn)
    if left_out:
        console.print(f"left out at this width: {', '.join(left_out)}", style="dim", markup=False)


def abreast(table: Table, room: int) -> list[Table]:
    """A table, or several with the same first column where numbers would be cut in one: half a number is another."""
    least = [min(width, NARROWEST if place else NAME) for place, width in enumerate(_widths(table))]
    cells = _cells(table)
    for place in _numbers(table):
        least[place] = max(least[place], cells[place])
    parts: list[list[int]] = [[0]]
    for column in range(1, len(table.columns)):
        if len(parts[-1]) > 1 and _total([least[place] for place in (*parts[-1], column)]) > room:
            parts.append([0])
        parts[-1].append(column)
    return [_of_columns(table, places) for places in parts] if len(parts) > 1 else [table]


def _numbers(table: Table) -> list[int]:
    """Places of the columns of numbers, of which the first is none."""
    columns = list(zip(*table.rows, strict=True))
    return [place for place, cells in enumerate(columns) if place and all(NUMBER.match(cell) for cell in cells if cell)]


def _of_columns(table: Table, places: Sequence[int]) -> Table:
    columns, *rows = ([line[place] for place in places] for line in (table.columns, *table.rows))
    best = {(row, places.index(column)) for row, column in table.best if column in places}
    return replace(table, columns=columns, rows=rows, best=best)


def _without(table: Table, name: str) -> Table:
    return _of_columns(table, [place for place, column in enumerate(table.columns) if column != name])


def _widths(table: Table) -> list[int]:
    """Characters of each column."""
    return [max(map(len, cells)) for cells in zip(table.columns, *table.rows, strict=True)]


def _cells(table: Table) -> list[int]:
    """Characters of each column below its name."""
    return [max(map(len, cells), default=0) for cells in zip(*table.rows, strict=True)]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def fitted(widths: Sequence[int], room: int, cells: Sequence[int] = (), numbers: Collection[int] = ()) -> list[int]:
    """Widths that fit: long texts are cut first, then what names rows, what names columns, and numbers last.

    Args:
        widths: of the whole columns.
        room: characters of a line.
        cells: widths of the columns without their names; as wide as these by default.
        numbers: places of the columns of numbers.
    """
    cut = list(widths)
    others = range(1, len(cut))
    texts = [place for place in others if place not in numbers]
    whole = {place: max(NARROWEST, (cells or widths)[place]) for place in others}
    short, narrow = dict.fromkeys(range(len(cut)), SHORT), dict.fromkeys(range(len(cut)), NARROWEST)
    stages = ((texts, short), ([0], short), (others, whole), (texts, narrow), ([0], narrow), (others, narrow))
    for places, least in stages:
        while _total(cut) > room and (wide := [place for place in places if cut[place] > least[place]]):
            cut[max(wide, key=cut.__getitem__)] -= 1
    return cut


def put(text: str, file: Path | None) -> None:
    """Print a text, or write it to a file that appears whole.

    Raises:
        ResultError: the file cannot be written.
    """
    if file is None:
        sys.stdout.write(text)
        return
    try:
        write_out(file, text.encode())
    except OSError as error:
        raise ResultError(f"{file} cannot be written ({error}); give --output FILE") from error

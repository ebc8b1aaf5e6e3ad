"""Tables as they are printed: cut to a terminal's width, whole where another program reads."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rzen_eval.cli.values import one_of
from rzen_eval.errors import ResultError
from rzen_eval.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import pandas as pd
    from rich.console import Console

    from rzen_eval.cli.options import Options

SHORT, NARROWEST = 16, 8
"""Characters of a column that is cut late, and of one that is cut no further."""
GAP = 2
"""Characters between columns."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows to print."""

    name: str
    """What they are, in JSON."""
    rows: Sequence[Mapping[str, Any]]
    """Values by column, the first of which names the row."""
    spare: Sequence[str] = ()
    """Columns that a terminal can do without, the least needed first."""
    notes: Sequence[str] = ()
    """Lines below."""


def add_format(parser: Options) -> None:
    """The option `--format` of a command that lists something."""
    parser.add_argument("--format", **one_of("md", "csv", "json"), help="by default as fits the terminal")


def put_listing(listing: Listing, kind: str | None) -> None:
    """Print rows.

    Args:
        listing: what to print.
        kind: md, csv or json; None: Markdown, cut to the width of a terminal where there is one.
    """
    if kind == "json":
        print(json.dumps({listing.name: listing.rows}, indent=2, ensure_ascii=False))
    elif kind == "csv":
        print(as_csv(listing.rows), end="")
    else:
        if listing.rows:
            put_table(frame(listing.rows), listing.spare, whole=kind == "md")
            print()
        put_lines(listing.notes)


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows with a line of names above them; what is not known is empty."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: ", ".join(value) if isinstance(value, list) else value for key, value in row.items()})
    return stream.getvalue()


def frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows as texts, their first column as index."""
    import pandas as pd

    texts = [{key: _text(value) for key, value in row.items()} for row in rows]
    return pd.DataFrame(texts).set_index(next(iter(rows[0])))


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return "?" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def put_table(table: pd.DataFrame, spare: Sequence[str] = (), *, whole: bool = False) -> None:
    """Print a table of texts: Markdown where no terminal is there or the whole is asked for, else what fits.

    Args:
        table: texts; the index names the rows and has a name.
        spare: columns that are left out where a line would be too long, the first of them first.
        whole: leave nothing out.
    """
    from rzen_eval.results.tables import averages

    if whole or not sys.stdout.isatty():
        print(averages.markdown(table))
        return
    console = terminal()
    left_out = []
    for name in spare:
        if _total(_widths(table)) <= console.width:
            break
        table = table.drop(columns=name)
        left_out.append(name)
    _draw(table, console)
    if left_out:
        console.print(f"left out at this width: {', '.join(left_out)}", style="dim", markup=False)


def put_lines(lines: Iterable[str]) -> None:
    """Print lines, which a terminal breaks between words."""
    if not sys.stdout.isatty():
        print("".join(f"{line}\n" for line in lines), end="")
        return
    console = terminal()
    for line in lines:
        console.print(line, markup=False)


def terminal() -> Console:
    """The terminal; with NO_COLOR in the environment it gets plain text."""
    from rich.console import Console

    return Console(highlight=False, color_system=None if os.environ.get("NO_COLOR") else "auto")


def _widths(table: pd.DataFrame) -> list[int]:
    """Characters of each column, the index first."""
    columns = table.reset_index()
    return [max(len(str(name)), *map(len, columns[name])) for name in columns]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def fitted(widths: Sequence[int], room: int) -> list[int]:
    """Widths that fit: long texts are cut first, then the names in the first column, short texts and numbers last.

    Args:
        widths: of the whole columns.
        room: characters of a line.
    """
    cut = list(widths)
    others = range(1, len(cut))
    for places, least in ((others, SHORT), ([0], SHORT), (others, NARROWEST), ([0], NARROWEST)):
        while _total(cut) > room and any(cut[place] > least for place in places):
            cut[max(places, key=cut.__getitem__)] -= 1
    return cut


def _draw(table: pd.DataFrame, console: Console) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, GAP - 1, 0, 0), show_edge=False)
    columns = table.reset_index()
    for name, width in zip(columns, fitted(_widths(table), console.width), strict=True):
        drawn.add_column(Text(str(name)), no_wrap=True, overflow="ellipsis", width=width)
    for row in columns.itertuples(index=False):
        drawn.add_row(*map(Text, row))
    console.print(drawn)


def put(text: str, file: Path | None) -> None:
    """Print a text, or write it to a file that appears whole.

    Raises:
        ResultError: the file cannot be written.
    """
    if file is None:
        sys.stdout.write(text)
        return
    try:
        write_whole(file, text.encode())
    except OSError as error:
        raise ResultError(f"{file} cannot be written ({error}); give --output FILE") from error

"""Text, tables and lists as Markdown, HTML, LaTeX, CSV or JSON."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from rzen_eval.results.tables.escape import for_csv, for_html, for_json, for_latex, for_markdown, for_terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }}
div {{ overflow-x: auto; }}
table {{ border-collapse: collapse; margin: 1rem 0 2rem; }}
caption {{ font-weight: 600; padding: .3rem 0; text-align: left; }}
caption.heard {{ clip-path: inset(50%); height: 1px; overflow: hidden; position: absolute; white-space: nowrap; }}
th, td {{ border-bottom: 1px solid #8885; padding: .25rem .7rem; text-align: right; white-space: nowrap; }}
th:first-child {{ text-align: left; }}
tbody th {{ font-weight: 400; }}
</style>
</head>
<body>
{body}
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Table:
    """What a table prints."""

    columns: Sequence[str]
    """The first names the rows."""
    rows: Sequence[Sequence[str]]
    title: str = ""
    best: Collection[tuple[int, int]] = frozenset()
    """Row and column of the cells that are printed bold, both from 0."""
    spare: Sequence[str] = ()
    """Columns that a terminal too narrow for all can do without, the least needed first."""
    prose: Sequence[str] = ()
    """Columns of sentences, which a terminal goes on with on the next line and never cuts."""

    @classmethod
    def of(cls, lines: Sequence[Mapping[str, str]], title: str = "") -> Table:
        """From lines with texts by column, all of the same columns."""
        return cls(list(lines[0]) if lines else [], [list(line.values()) for line in lines], title)


@dataclass(frozen=True, slots=True)
class Part:
    """A heading with what stands below it."""

    title: str = ""
    paragraphs: Sequence[str] = ()
    tables: Sequence[Table] = ()
    points: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """What a command prints, in every format."""

    parts: Sequence[Part]
    """The first has the heading of the whole."""
    records: Sequence[Mapping[str, Any]] = ()
    """The same in numbers, a line each, for CSV and JSON; what is not known is None."""
    content: Any = None
    """For JSON, where that is more than the lines."""
    command: str = ""
    """What made it."""


def markdown(document: Document) -> str:
    """Markdown, in which the best values are bold."""
    blocks: list[str] = []
    for number, part in enumerate(document.parts):
        blocks += [f"{'#' if number == 0 else '##'} {for_markdown(part.title)}"] if part.title else []
        blocks += map(for_markdown, part.paragraphs)
        if number == 0 and document.command:
            blocks.append(f"Made by `{for_terminal(document.command)}`.")
        for table in part.tables:
            blocks += [f"### {for_markdown(table.title)}"] if table.title else []
            blocks += [_grid(table)]
        blocks += ["\n".join(f"* {for_markdown(point)}" for point in part.points)] if part.points else []
    return "\n\n".join(blocks) + "\n"


def _grid(table: Table) -> str:
    """A table of Markdown, which is legible as it is."""
    head = [for_markdown(column) for column in table.columns]
    lines = [
        [
            f"**{for_markdown(cell)}**" if (row, column) in table.best else for_markdown(cell)
            for column, cell in enumerate(line)
        ]
        for row, line in enumerate(table.rows)
    ]
    widths = [max([_wide(name) + 2, *map(_wide, cells)]) for name, *cells in zip(head, *lines, strict=True)]
    rule = "|".join(f":{'-' * (size + 1)}" for size in widths)
    rows = [" | ".join(map(_padded, line, widths)) for line in (head, *lines)]
    return "\n".join([f"| {rows[0]} |", f"|{rule}|", *(f"| {row} |" for row in rows[1:])])


def _wide(text: str) -> int:
    """Places that a text takes on a terminal: two for a character of Chinese, Japanese or Korean."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _wide(text))


def page(document: Document) -> str:
    """An HTML page that needs nothing else."""
    body: list[str] = []
    for number, part in enumerate(document.parts):
        level = "h1" if number == 0 else "h2"
        body += [f"<{level}>{for_html(part.title)}</{level}>"] if part.title else []
        body += [f"<p>{for_html(paragraph)}</p>" for paragraph in part.paragraphs]
        if number == 0 and document.command:
            body.append(f"<p>Made by <code>{for_html(document.command)}</code>.</p>")
        body += [f"<div>\n{table_html(table, part.title)}\n</div>" for table in part.tables]
        if part.points:
            body += ["<ul>", *(f"<li>{for_html(point)}</li>" for point in part.points), "</ul>"]
    return PAGE.format(title=for_html(document.parts[0].title), body="\n".join(body))


def table_html(table: Table, caption: str = "") -> str:
    """A table of HTML, whose first column names the rows.

    Args:
        table: what it shows.
        caption: what it is, where the table has no title of its own; a page, whose heading says it, does not show it.
    """

    def cell(row: int, column: int) -> str:
        shown = for_html(table.rows[row][column])
        if column == 0:
            return f'<th scope="row">{shown}</th>'
        return f"<td><b>{shown}</b></td>" if (row, column) in table.best else f"<td>{shown}</td>"

    places = range(len(table.columns))
    lines = [
        *([f"<caption>{for_html(table.title)}</caption>"] if table.title else []),
        *([f'<caption class="heard">{for_html(caption)}</caption>'] if caption and not table.title else []),
        f"<thead><tr>{''.join(map(_head, table.columns))}</tr></thead>",
        "<tbody>",
        *(f"<tr>{''.join(cell(row, column) for column in places)}</tr>" for row in range(len(table.rows))),
        "</tbody>",
    ]
    return "\n".join(["<table>", *lines, "</table>"])


def _head(name: str) -> str:
    return f'<th scope="col">{for_html(name)}</th>'


def latex(document: Document) -> str:
    """LaTeX tables with the rules of booktabs; what is to be known about them stands in comments."""
    lines: list[str] = []
    for number, part in enumerate(document.parts):
        about = [part.title, *part.paragraphs]
        if number == 0:
            about += [f"Made by {document.command}; needs \\usepackage{{booktabs}}" if document.command else ""]
        lines += [*([""] if number else []), *(f"% {for_terminal(line)}" for line in about if line)]
        lines += [_latex(table, part.title) for table in part.tables]
        lines += [f"% {for_terminal(point)}" for point in part.points]
    return "\n".join(lines) + "\n"


def _latex(table: Table, title: str) -> str:
    def cell(row: int, column: int) -> str:
        return "\\bfseries " * ((row, column) in table.best) + for_latex(table.rows[row][column])

    places = range(len(table.columns))
    named = [name for name in (table.title, title.partition(":")[0]) if name]
    caption = ", ".join(map(for_latex, named))
    label = re.sub(r"[^a-z0-9]+", "-", " ".join(named).lower()).strip("-")
    return "\n".join(
        [
            *("\\begin{table}[t]", "\\centering", f"\\caption{{{caption}}}", f"\\label{{tab:{label}}}"),
            *(f"\\begin{{tabular}}{{l{'r' * (len(table.columns) - 1)}}}", "\\toprule"),
            " & ".join(map(for_latex, table.columns)) + " \\\\",
            "\\midrule",
            *(f"{' & '.join(cell(row, column) for column in places)} \\\\" for row in range(len(table.rows))),
            *("\\bottomrule", "\\end{tabular}", "\\end{table}"),
        ]
    )


def as_csv(document: Document) -> str:
    """The lines with a line of names above them; what is not known is empty."""
    names = list(dict.fromkeys(chain.from_iterable(document.records)))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(map(for_csv, names))
    for line in document.records:
        values = (line.get(name) for name in names)
        writer.writerow(for_csv(", ".join(one) if isinstance(one, list) else one) for one in values)
    return stream.getvalue()


def as_json(document: Document) -> str:
    """What there is for other programs; what is not known is null."""
    return for_json(list(document.records) if document.content is None else document.content)


FORMATS: dict[str, Callable[[Document], str]] = {
    "md": markdown,
    "html": page,
    "latex": latex,
    "csv": as_csv,
    "json": as_json,
}

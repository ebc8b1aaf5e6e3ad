"""Text around tables, as Markdown or as an HTML page."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rzen_eval.results.tables.averages import markdown as markdown_table
from rzen_eval.results.tables.formats import PAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd


@dataclass(frozen=True, slots=True)
class Part:
    """A heading with what stands below it."""

    title: str
    paragraphs: Sequence[str] = ()
    table: pd.DataFrame | None = None
    """Texts; the index names the rows and has a name."""
    points: Sequence[str] = ()


def markdown(parts: Sequence[Part]) -> str:
    """The parts as Markdown; the first has the heading of the whole."""
    blocks: list[str] = []
    for number, part in enumerate(parts):
        blocks += [f"{'#' if number == 0 else '##'} {_plain(part.title)}", *map(_plain, part.paragraphs)]
        if part.table is not None:
            texts = part.table.map(_cell)
            texts.index, texts.columns = part.table.index.map(_cell), part.table.columns.map(_cell)
            blocks.append(markdown_table(texts))
        if part.points:
            blocks.append("\n".join(f"* {_plain(point)}" for point in part.points))
    return "\n\n".join(blocks) + "\n"


def _plain(text: str) -> str:
    """A text that may hold prompts, whose tokens a reader of Markdown would take for HTML."""
    return text.replace("<", "&lt;").replace("\n", " ")


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|")


def page(parts: Sequence[Part]) -> str:
    """The parts as an HTML page that needs nothing else; all text is escaped."""
    body: list[str] = []
    for number, part in enumerate(parts):
        level = "h1" if number == 0 else "h2"
        body.append(f"<{level}>{html.escape(part.title)}</{level}>")
        body += [f"<p>{html.escape(text)}</p>" for text in part.paragraphs]
        if part.table is not None:
            body.append(f"<div>\n{part.table.reset_index().to_html(index=False, border=0, escape=True)}\n</div>")
        if part.points:
            body += ["<ul>", *(f"<li>{html.escape(point)}</li>" for point in part.points), "</ul>"]
    return PAGE.format(title=html.escape(parts[0].title), body="\n".join(body))

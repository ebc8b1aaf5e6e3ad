"""Tables as text: Markdown, LaTeX and HTML to read, JSON and CSV for other programs."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING

import pandas as pd

from rzen_eval.results.tables.averages import markdown as markdown_table
from rzen_eval.results.tables.leaderboard import LEGEND, title

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pandas.io.formats.style import Styler

    from rzen_eval.results.tables.leaderboard import Section, Table

PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }}
div {{ overflow-x: auto; }}
table {{ border-collapse: collapse; margin: 1rem 0 2rem; }}
caption {{ font-weight: 600; padding: .3rem 0; text-align: left; }}
th, td {{ border-bottom: 1px solid #ddd; padding: .25rem .7rem; text-align: right; white-space: nowrap; }}
th:first-child, td:first-child {{ text-align: left; }}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def markdown(sections: Sequence[Section], command: str) -> str:
    """A Markdown document; best values are bold.

    Args:
        sections: what to print.
        command: what made it.
    """
    lines = [f"# {title(sections)}", LEGEND, f"Made by `{command}`."]
    for section in sections:
        lines.append(f"## {section.title}")
        for table in section.tables:
            lines += [f"### {table.title}", markdown_table(_marked(table).set_index(table.texts.columns[0]))]
        lines += ["\n".join(f"* {line}" for line in _about(section))]
    return "\n\n".join(lines) + "\n"


def _marked(table: Table) -> pd.DataFrame:
    texts = table.texts.map(lambda text: text.replace("|", "\\|").replace("<", "&lt;"))
    texts.columns = texts.columns.str.replace("|", "\\|").str.replace("<", "&lt;")
    return texts.where(~table.best, "**" + texts + "**")


def _about(section: Section) -> list[str]:
    sources = [f"{', '.join(models)}: {source}" for source, models in section.sources.items()]
    return [*sources, *(f"{', '.join(models)}: {note}" for note, models in section.notes.items())]


def latex(sections: Sequence[Section], command: str) -> str:
    """LaTeX tables with booktabs' rules, what is to be known about them as comments."""
    lines = [f"% {LEGEND}", f"% Made by {command}; needs \\usepackage{{booktabs}}"]
    for section in sections:
        lines += ["", f"% {section.title}"]
        for table in section.tables:
            width = table.texts.shape[1]
            lines.append(
                _styled(table, "latex").to_latex(
                    column_format="l" + "r" * (width - 1),
                    hrules=True,
                    convert_css=True,
                    caption=f"{table.title}, data {section.version.name}",
                    position="t",
                    position_float="centering",
                )
            )
        lines += [f"% {line}" for line in _about(section)]
    return "\n".join(lines) + "\n"


def page(sections: Sequence[Section], command: str) -> str:
    """An HTML page that needs nothing else; all text is escaped."""
    body = [f"<h1>{html.escape(title(sections))}</h1>", f"<p>{html.escape(LEGEND).replace('`', '')}</p>"]
    body.append(f"<p>Made by <code>{html.escape(command)}</code>.</p>")
    for number, section in enumerate(sections):
        body.append(f"<h2>{html.escape(section.title)}</h2>")
        for place, table in enumerate(section.tables):
            styled = _styled(table, "html").set_caption(html.escape(table.title)).set_uuid(f"{number}_{place}")
            body.append(f"<div>\n{styled.to_html()}</div>")
        body += ["<ul>", *(f"<li>{html.escape(line)}</li>" for line in _about(section)), "</ul>"]
    return PAGE.format(title=html.escape(title(sections)), body="\n".join(body))


def _styled(table: Table, escape: str) -> Styler:
    # pandas styles only what has unique labels, and two models may be called alike.
    names = [str(name) for name in table.texts.columns]
    texts = table.texts.copy()
    texts.columns = pd.RangeIndex(len(texts.columns))
    css = table.best.set_axis(texts.columns, axis=1).map(lambda best: "font-weight: bold;" if best else "")
    return (
        texts.style.format(escape=escape)
        .apply(lambda _: css, axis=None)
        .format_index(lambda place: names[int(str(place))], escape=escape, axis=1)
        .hide(axis="index")
    )


def as_json(rows: Sequence[dict[str, object]]) -> str:
    """A list of rows; what is not known is null."""
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"


def as_csv(rows: Sequence[dict[str, object]]) -> str:
    """Rows with a line of names above them; what is not known is empty, and tasks are further columns."""
    lines = [
        {
            **{key: value for key, value in row.items() if key != "tasks"},
            **dict(tasks if isinstance(tasks, dict) else {}),
        }
        for row in rows
        for tasks in [row.get("tasks")]
    ]
    return pd.DataFrame(lines).to_csv(index=False, lineterminator="\n")

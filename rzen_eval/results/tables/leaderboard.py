"""The tables of the model card, made of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from rzen_eval.results.tables.averages import OTHER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.benchmark.manifest import Manifest, Version
    from rzen_eval.results.tables.rows import Cell, Row

LEGEND = (
    "Percent: hit@1 of image and video tasks, NDCG@5 of visual documents unless said otherwise. An average is the mean"
    " over its tasks, each rounded to two decimals, or to as many as its benchmark prints. `71.30 (3 of 10)` is over"
    f" part of the tasks, and only whole averages are compared; the best is bold. {OTHER} marks data or a protocol"
    " other than the benchmark's. Versions of the data stand apart, since their scores cannot be compared."
)
NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Table:
    """What a table prints: texts, and which of them stand for the best."""

    title: str
    texts: pd.DataFrame
    """The first column names the rows."""
    best: pd.DataFrame
    """Whether to print a text bold; shaped like `texts`."""


@dataclass(frozen=True, slots=True)
class Section:
    """Everything on one version of the data."""

    benchmark: str
    """Its name."""
    version: Version
    tables: Sequence[Table]
    rows: Sequence[Row]

    @property
    def title(self) -> str:
        """The version, and what tells it from others."""
        return f"Data {self.version.name}: {self.version.data}"

    @property
    def sources(self) -> dict[str, list[str]]:
        """Models by where their figures come from."""
        found: dict[str, list[str]] = {}
        for row in self.rows:
            found.setdefault(row.source, []).append(row.model)
        return found

    @property
    def notes(self) -> dict[str, list[str]]:
        """Models by what a reader must know about their figures."""
        found: dict[str, list[str]] = {}
        for row in self.rows:
            for note in row.notes:
                found.setdefault(note, []).append(row.model)
        return found


def sections(
    rows: Sequence[Row],
    manifest: Manifest,
    *,
    precision: int | None = None,
    per_task: bool = False,
) -> list[Section]:
    """Sort rows into tables, each version of the data by itself.

    Args:
        rows: of any versions.
        manifest: what the tables are made of.
        precision: digits after the point; None: two, or as many as were published.
        per_task: add a table of the single tasks of each modality.
    """
    found = []
    for name, version in manifest.versions.items():
        members = sorted(
            (row for row in rows if row.data_version == name), key=lambda row: row.rank(manifest.overall(name))
        )
        if members:
            tables = [_averages(title, columns, members, precision) for title, columns in manifest.tables(name).items()]
            for title, tasks in manifest.parts(name).items() if per_task else ():
                tables.append(_tasks(f"{title}, task by task", tasks, members, precision))
            filled = [table for table in tables if len(table.texts)]
            found.append(Section(manifest.benchmark(name).name, version, filled, members))
    return found


def title(sections: Sequence[Section]) -> str:
    """The benchmarks that there are tables of."""
    return ", ".join(dict.fromkeys(section.benchmark for section in sections))


def _averages(title: str, columns: Sequence[str], rows: Sequence[Row], precision: int | None) -> Table:
    """One row a model of which the first column is known, sorted by it."""
    rows = sorted((row for row in rows if columns[0] in row.cells), key=lambda row: row.rank(columns[0]))
    texts = pd.DataFrame({"Model": [row.model for row in rows]})
    best = pd.DataFrame({"Model": [False] * len(rows)})
    for column in columns:
        cells = [row.cells.get(column) for row in rows]
        texts[column] = [_text(cell, precision) for cell in cells]
        best[column] = _best(cells, precision)
    return Table(title, texts, best)


def _tasks(title: str, names: Sequence[str], rows: Sequence[Row], precision: int | None) -> Table:
    """One row a task, one column a model that has any of them."""
    rows = [row for row in rows if any(name in row.tasks for name in names)]
    names = [name for name in names if any(name in row.tasks for row in rows)]
    cells = [[row.tasks.get(name) for row in rows] for name in names]
    models = ["Task", *(row.model for row in rows)]
    texts = [[name, *(_text(cell, precision) for cell in line)] for name, line in zip(names, cells, strict=True)]
    best = [[False, *_best(line, precision)] for line in cells]
    return Table(title, pd.DataFrame(texts, columns=models), pd.DataFrame(best, columns=models))


def _text(cell: Cell | None, precision: int | None) -> str:
    if cell is None:
        return NOTHING
    return cell.text(precision) + cell.part + (f" {OTHER}" if cell.other else "")


def _best(cells: Sequence[Cell | None], precision: int | None) -> list[bool]:
    """The highest of the values that can be compared, as printed; several where they are equal, none of one alone."""
    compared = [cell.number(precision) for cell in cells if cell and cell.ranked]
    highest = max(compared) if len(compared) > 1 else None
    return [bool(cell and cell.ranked and cell.number(precision) == highest) for cell in cells]


def flat(
    rows: Sequence[Row], manifest: Manifest, *, precision: int | None = None, per_task: bool = False
) -> list[dict[str, object]]:
    """Rows for other programs: numbers in the columns of the row's own benchmark, sorted by version and average.

    A number is an average over all of its tasks. One over part of them is no number but a part of the note.

    Args:
        rows: of any versions.
        manifest: what the tables are made of.
        precision: as for `sections`.
        per_task: add the score of every task, under `tasks`.
    """
    found = []
    order = list(manifest.versions)
    for row in sorted(
        rows, key=lambda row: (order.index(row.data_version), row.rank(manifest.overall(row.data_version)))
    ):
        columns = list(manifest.columns(row.data_version))
        parts = [
            f"{column} {cell.text(precision)}{cell.part}"
            for column in columns
            if (cell := row.cells.get(column)) and cell.part
        ]
        line: dict[str, object] = {"model": row.model, "data_version": row.data_version, "size_b": row.size_b}
        for column in columns:
            cell = row.cells.get(column)
            line[column] = cell.number(precision) if cell and not cell.part else None
        line["note"] = "; ".join([*row.notes, *parts])
        if per_task:
            line["tasks"] = {name: cell.number(precision) for name, cell in row.tasks.items()}
        found.append(line)
    return found

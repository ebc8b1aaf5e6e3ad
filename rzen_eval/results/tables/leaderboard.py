"""The tables of the model card, made of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rzen_eval.results.tables.document import Document, Part, Table
from rzen_eval.results.tables.rows import OTHER, notes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rzen_eval.benchmark.entries import Version
    from rzen_eval.benchmark.manifest import Manifest
    from rzen_eval.core import Result
    from rzen_eval.results.tables.rows import Cell, Row

LEGEND = (
    "Percent: NDCG@5 of visual documents and of text, hit@1 of other tasks, unless told otherwise. An average is a mean"
    " over its tasks, each rounded to two decimals, or to as many as its benchmark prints. A figure such as 71.30 (3 of"
    f" 10) is over part of the tasks, and only whole averages are compared; the best is bold. {OTHER} marks data or a"
    " protocol other than the benchmark's. Versions of the data stand apart, since their scores cannot be compared."
)
ESTIMATES = (
    "A figure such as ≈ 71.3 ± 1.1 is an estimate, with its 95 % interval, of what all queries would give; it is made"
    " of random queries of each task, and neither compared nor bold."
)
NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which tables and columns are shown; nothing said, all of them."""

    columns: Sequence[str] = ()
    """Averages, in this order, in one table; rows that lack the first are left out."""
    tables: Sequence[str] = ()
    """Titles of tables, in small letters."""
    tasks: frozenset[str] | None = None
    """Averages over nothing but these tasks, by the leaderboard's names."""

    def of(self, manifest: Manifest, version: str) -> dict[str, Sequence[str]]:
        """Columns by the title of their table, in a version of the data."""
        made_of = manifest.columns(version)
        for title, wider in manifest.versions[version].wider.items():
            made_of[title] = [name for names in wider.names(manifest).values() for name in names]
        found: dict[str, Sequence[str]] = {
            title: columns
            for title, columns in {**manifest.tables(version), **widest(manifest, version)}.items()
            if not self.tables or title.lower() in self.tables
        }
        if self.columns:
            found = {"Chosen averages": [column for column in self.columns if column in made_of]}
        if self.tasks is not None:
            whole = {column for column, names in made_of.items() if self.tasks.issuperset(names)}
            kept = {title: [column for column in columns if column in whole] for title, columns in found.items()}
            found = {title: kept[title] for title, columns in found.items() if columns[0] in whole}
        return {title: columns for title, columns in found.items() if columns}

    def shows(self, manifest: Manifest, version: str, column: str) -> bool:
        """Whether a column is in one of its tables."""
        return any(column in columns for columns in self.of(manifest, version).values())


ALL = Chosen()


def widest(manifest: Manifest, version: str) -> dict[str, list[str]]:
    """The table of the averages over more than a version's own tasks, by its title; none where there are none."""
    wider = [*manifest.versions[version].wider]
    return {f"{manifest.benchmark(version).name} as a whole": wider} if wider else {}


def document(
    rows: Sequence[Row],
    manifest: Manifest,
    command: str,
    *,
    precision: int | None = None,
    per_task: bool = False,
    only: Chosen = ALL,
) -> Document:
    """Everything on some rows.

    Args:
        rows: of any versions of the data.
        manifest: what the tables are made of.
        command: what is run for it.
        precision: digits after the point; None: two, or as many as were published.
        per_task: add the single tasks.
        only: which tables and columns.
    """
    names = dict.fromkeys(manifest.benchmark(row.data_version).name for row in _sorted(rows, manifest))
    lines = flat(rows, manifest, precision=precision, per_task=per_task, only=only)
    return Document(
        [
            Part(", ".join(names), [LEGEND, *[ESTIMATES] * any(map(_estimated, rows))]),
            *sections(rows, manifest, precision=precision, per_task=per_task, only=only),
        ],
        records=[
            {key: value for key, value in (line | line.get("tasks", {})).items() if key not in {"tasks", "estimates"}}
            for line in lines
        ],
        content=lines,
        command=command,
    )


def _estimated(row: Row) -> bool:
    return any(cell.half is not None for cell in row.tasks.values())


def sections(
    rows: Sequence[Row],
    manifest: Manifest,
    *,
    precision: int | None = None,
    per_task: bool = False,
    only: Chosen = ALL,
) -> list[Part]:
    """Sort rows into tables, each version of the data by itself, with what is to be known about them.

    Args:
        rows: of any versions.
        manifest: what the tables are made of.
        precision: digits after the point; None: two, or as many as were published.
        per_task: add a table of the single tasks of each modality.
        only: which tables and columns.
    """
    parts = []
    for name, version in manifest.versions.items():
        members = [row for row in _sorted(rows, manifest) if row.data_version == name]
        if members:
            chosen = only.of(manifest, name).items()
            tables = [_averages(title, columns, members, precision) for title, columns in chosen]
            for title, tasks in manifest.parts(name).items() if per_task else ():
                if not only.tables or title.lower() in only.tables:
                    kept = [task for task in tasks if only.tasks is None or task in only.tasks]
                    tables.append(_tasks(f"{title}, task by task", kept, members, precision))
            filled = [table for table in tables if table.rows]
            if filled or only == ALL:
                parts.append(
                    Part(
                        f"Data {version.name}: {version.data}",
                        tables=filled,
                        points=[*_said(members, version), *_about(members)],
                    )
                )
    return parts


def _said(rows: Sequence[Row], version: Version) -> list[str]:
    """What the averages over more than the version's own tasks are means of, where a row has any."""
    return [f"{title}: {said.about}." for title, said in version.wider.items() if any(title in r.cells for r in rows)]


def _sorted(rows: Sequence[Row], manifest: Manifest) -> list[Row]:
    """By version, the newest first, then by the average over all tasks."""
    order = list(manifest.versions)
    return sorted(rows, key=lambda row: (order.index(row.data_version), row.rank(manifest.overall(row.data_version))))


def _about(rows: Sequence[Row]) -> list[str]:
    """Where figures come from and what a reader must know about them, each with the models that it holds for."""
    models: dict[str, list[str]] = {row.source: [] for row in rows}
    for row in rows:
        for text in (row.source, *row.notes):
            models.setdefault(text, []).append(row.model)
    return [f"{', '.join(names)}: {text}" for text, names in models.items()]


def _averages(title: str, columns: Sequence[str], rows: Sequence[Row], precision: int | None) -> Table:
    """One row a model of which the first column is known, sorted by it."""
    rows = sorted((row for row in rows if columns[0] in row.cells), key=lambda row: row.rank(columns[0]))
    cells = [[row.cells.get(column) for column in columns] for row in rows]
    best = [_best([line[column] for line in cells], precision) for column in range(len(columns))]
    return Table(
        ["Model", *columns],
        [[row.model, *(shown(cell, precision) for cell in line)] for row, line in zip(rows, cells, strict=True)],
        title,
        {(row, column + 1) for column, places in enumerate(best) for row in places},
    )


def _tasks(title: str, names: Sequence[str], rows: Sequence[Row], precision: int | None) -> Table:
    """One row a task, one column a model that has any of them."""
    rows = [row for row in rows if any(name in row.tasks for name in names)]
    names = [name for name in names if any(name in row.tasks for row in rows)]
    cells = [[row.tasks.get(name) for row in rows] for name in names]
    return Table(
        ["Task", *(row.model for row in rows)],
        [[name, *(shown(cell, precision) for cell in line)] for name, line in zip(names, cells, strict=True)],
        title,
        {(row, column + 1) for row, line in enumerate(cells) for column in _best(line, precision)},
    )


def shown(cell: Cell | None, precision: int | None = None) -> str:
    """A cell as tables print it."""
    return NOTHING if cell is None else cell.shown(precision)


def _best(cells: Sequence[Cell | None], precision: int | None) -> list[int]:
    """Where the highest of the values that can be compared, as printed, stand; nowhere where there is but one."""
    compared = {place: cell.number(precision) for place, cell in enumerate(cells) if cell is not None and cell.ranked}
    highest = max(compared.values(), default=0.0)
    return [place for place, value in compared.items() if len(compared) > 1 and value == highest]


def flat(
    rows: Sequence[Row],
    manifest: Manifest,
    *,
    precision: int | None = None,
    per_task: bool = False,
    only: Chosen = ALL,
) -> list[dict[str, Any]]:
    """Rows for other programs: numbers in the columns of the row's own benchmark, sorted by version and average.

    A number is an average over all of its tasks and their queries. One over part of them is no number but a part of the
    note; of estimates there are numbers under `estimates`, each with half its 95 % interval.

    Args:
        rows: of any versions.
        manifest: what the tables are made of.
        precision: as for `sections`.
        per_task: add the score of every task, under `tasks`.
        only: which columns.
    """
    lines = []
    for row in _sorted(rows, manifest):
        version = row.data_version
        own = [*manifest.columns(version), *(name for name in manifest.versions[version].wider if name in row.cells)]
        columns = [name for name in own if only.shows(manifest, version, name)]
        cells = {column: cell for column in columns if (cell := row.cells.get(column))}
        parts = {column: cell for column, cell in cells.items() if cell.part or cell.half is not None}
        whole = {column: cell.number(precision) for column, cell in cells.items() if column not in parts}
        line: dict[str, Any] = {"model": row.model, "data_version": row.data_version, "size_b": row.size_b}
        line |= {column: whole.get(column) for column in columns}
        said = [f"{column} {cell.shown(precision).removesuffix(f' {OTHER}')}" for column, cell in parts.items()]
        line["note"] = "; ".join([*row.notes, *said])
        if per_task:
            line["tasks"] = {name: cell.number(precision) for name, cell in row.tasks.items()}
        if estimates := {column: cell for column, cell in parts.items() if cell.half is not None}:
            line["estimates"] = {
                column: {"value": round(float(cell.value), 4), "half": round(cell.half or 0.0, 4)}
                for column, cell in estimates.items()
            }
        lines.append(line)
    return lines


def task_table(results: Sequence[Result], failed: Mapping[str, str]) -> Table:
    """One row a task: its score in both readings, its counts, and what a reader must know about it.

    Args:
        results: in the order of the table.
        failed: why a task has no result, by its id; they stand at the end.
    """
    columns = ["id", "task", "group", "metric", "score", "exact", "queries", "candidates", "ties", "notes"]
    rows = [
        [
            *(result.id, result.task, result.group, result.metric),
            *(f"{100 * score:.2f}" for score in (result.score, result.exact)),
            *(str(count) for count in (result.n_queries, result.n_candidates, result.n_ties)),
            ", ".join(notes(result)),
        ]
        for result in results
    ]
    rows += [[name, *[NOTHING] * (len(columns) - 2), "failed"] for name in failed]
    return Table(columns, rows, spare=("exact", "group", "task", "ties", "candidates"))

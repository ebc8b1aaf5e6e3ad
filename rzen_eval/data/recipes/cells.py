"""Cells of rows, read as what they stand for; one that cannot mean anything is an error that names row and column."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from rzen_eval.data.stored_image import file_in
from rzen_eval.errors import DataError
from rzen_eval.files.bounds import TEXT
from rzen_eval.ranking.metrics import grade_fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import datasets

    from rzen_eval.core import Task
    from rzen_eval.data.repository import Repository


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a configuration."""

    task: Task
    rows: datasets.Dataset
    config: str | None
    labels: Mapping[str, Sequence[str]]
    """Names of the numbers in columns of class labels, or of lists of these."""

    @classmethod
    def of(
        cls,
        task: Task,
        repository: Repository,
        columns: Sequence[str],
        config: str | None = None,
        optional: Sequence[str] = (),
    ) -> Table:
        """Read a configuration; see `Repository.rows`.

        Raises:
            DataError: it, or a column, is missing or damaged.
        """
        rows = repository.rows(config, columns, optional)
        return cls(task, rows, config, {name: names for name, one in rows.features.items() if (names := _names(one))})

    def __len__(self) -> int:
        return len(self.rows)

    def first(self, n: int | None) -> Iterator[Row]:
        """Rows from the start; None: all."""
        chosen = self.rows.select(range(min(n or len(self), len(self))))
        return (Row(self, number, cells) for number, cells in enumerate(chosen))

    def bad(self, row: int, column: str, problem: str) -> DataError:
        """The error of a cell that cannot be used."""
        where = f"{self.task.dataset.repo}{f', {self.config}' if self.config else ''}"
        return DataError(f"{self.task.id}: row {row} of {where}: {column} {problem}")

    def texts(self, column: str) -> list[str]:
        """A whole column of texts.

        Raises:
            DataError: one is missing, empty or something else.
        """
        return [self.text(row, column, cell) for row, cell in enumerate(self.rows[column])]

    def ids(self, column: str, *, unique: bool = False) -> list[str]:
        """A whole column of ids, as texts; integers are spelled as such, however they are stored.

        Raises:
            DataError: one is missing, neither text nor an integer, or occurs again though it must be unique.
        """
        ids = [self.id(row, column, cell) for row, cell in enumerate(self.rows[column])]
        repeated = [name for name, count in Counter(ids).items() if count > 1] if unique else []
        if repeated:
            repo = self.task.dataset.repo
            raise DataError(f"{self.task.id}: {column} {repeated[0]!r} occurs more than once in {repo}")
        return ids

    def shows(self, column: str) -> bool:
        """Whether a column of pictures is there and one of its cells has something in it."""
        import pyarrow.compute as pc

        if column not in self.rows.column_names:
            return False
        cells = self.rows.data.column(column)
        feature: Any = self.rows.features[column]
        keys = ("bytes", "path") if type(feature).__name__ == "Image" or isinstance(feature, dict) else ()
        parts = [pc.struct_field(cells, key) for key in keys if key in cells.type.names] if keys else [cells]
        return any(part.null_count < len(part) for part in parts)

    def pictures(self, column: str, repository: Repository) -> datasets.Dataset:
        """A column of encoded pictures, in the rows or in files that lie in the repository's folder.

        Raises:
            DataError: one is missing, is somewhere else or something else.
        """
        import pyarrow.compute as pc

        feature: Any = self.rows.features[column]
        if type(feature).__name__ != "Image" and not (isinstance(feature, dict) and {"bytes", "path"} <= set(feature)):
            raise self.bad(0, column, f"is of a column of {feature.dtype}; expected a picture")
        pictures = self.rows.select_columns([column])
        sizes = pc.fill_null(pc.binary_length(pc.struct_field(pictures.data.column(column), "bytes")), 0)
        for row in np.flatnonzero(sizes.to_numpy() == 0).tolist():
            path = (pictures[row][column] or {}).get("path")
            if not path:
                raise self.bad(row, column, "is missing; expected a picture")
            if file_in(repository.folder, str(path)) is None:
                expected = "expected a picture, or a file of the repository"
                raise self.bad(row, column, f"is the file {path!r:.60}; {expected}")
        return pictures

    def judgements(self) -> Iterator[tuple[str, str, float]]:
        """Query, page and grade of each row of `query-id`, `corpus-id` and `score`.

        Raises:
            DataError: an id or a grade is missing or cannot be one.
        """
        columns = self.ids("query-id"), self.ids("corpus-id"), self.rows["score"]
        for row, (query_id, page_id, grade) in enumerate(zip(*columns, strict=True)):
            if problem := grade_fault(grade):
                raise self.bad(row, "score", f"of query {query_id!r} and page {page_id!r} {problem}")
            yield query_id, page_id, float(grade)

    def text(self, row: int, column: str, cell: Any) -> str:
        """A cell's text; of a class label its name."""
        said = self.optional(row, column, cell)
        if not said.strip():
            raise self.bad(row, column, f"is {'missing' if cell is None else 'empty'}; expected a text")
        return said

    def optional(self, row: int, column: str, cell: Any) -> str:
        """A cell's text, which may be missing or empty; of a class label its name."""
        if (names := self.labels.get(column)) and isinstance(cell, int):
            if not 0 <= cell < len(names):
                raise self.bad(row, column, f"is label {cell}, of which there are {len(names)} from 0")
            return names[cell]
        if cell is None or isinstance(cell, str):
            if cell and len(cell) > TEXT.most:
                raise self.bad(row, column, f"is too long: {TEXT.exceeded(len(cell))}")
            return cell or ""
        raise self.bad(row, column, f"is {cell!r:.60}, {_kind(cell)}; expected a text")

    def id(self, row: int, column: str, cell: Any) -> str:
        """A cell's id."""
        if column in self.labels:
            return self.text(row, column, cell)
        whole = isinstance(cell, float) and cell.is_integer()
        if isinstance(cell, bool) or not (whole or isinstance(cell, int | str)) or not str(cell).strip():
            raise self.bad(row, column, f"is {_shown(cell)}; expected an id, a text or an integer")
        if whole and abs(cell) >= 2**53:
            raise self.bad(
                row, column, f"is {cell!r}, a float of which the last digits are lost; store ids as integers"
            )
        return str(int(cell) if whole else cell)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table."""

    table: Table
    number: int
    cells: Mapping[str, Any]

    def bad(self, column: str, problem: str) -> DataError:
        """The error of a cell that cannot be used."""
        return self.table.bad(self.number, column, problem)

    def text(self, column: str) -> str:
        """A text; of a class label its name.

        Raises:
            DataError: it is missing, empty or something else.
        """
        return self.table.text(self.number, column, self.cells[column])

    def optional(self, column: str) -> str:
        """A text; empty where there is none.

        Raises:
            DataError: it is something else.
        """
        return self.table.optional(self.number, column, self.cells[column])

    def spelled(self, column: str) -> str:
        """A text, or a number as one.

        Raises:
            DataError: it is missing, empty or something else.
        """
        return self._spelled(column, self.cells[column])

    def first_text(self, column: str) -> str:
        """A text, or the first of a list of texts.

        Raises:
            DataError: there is none, or it is empty or something else.
        """
        cell = self.cells[column]
        return self.table.text(self.number, column, (cell or [None])[0] if isinstance(cell, list) else cell)

    def texts(self, column: str) -> list[str]:
        """A list of texts, some of which may be empty; no list where there is none.

        Raises:
            DataError: it is no list, or one of its texts is missing or something else.
        """
        cells = self._list(column)
        if None in cells:
            raise self.bad(column, f"has no text at place {cells.index(None)} of {len(cells)}")
        return [self.table.optional(self.number, column, cell) for cell in cells]

    def optional_texts(self, column: str) -> list[str]:
        """A list of texts, some of which may be missing or empty; errors as for `texts`."""
        return [self.table.optional(self.number, column, cell) for cell in self._list(column)]

    def spelled_texts(self, column: str) -> list[str]:
        """A list of texts or numbers, these as texts; errors as for `texts`."""
        cells = self._list(column)
        if None in cells:
            raise self.bad(column, f"has no text at place {cells.index(None)} of {len(cells)}")
        return [cell if isinstance(cell, str) else self._spelled(column, cell) for cell in cells]

    def id(self, column: str) -> str:
        """An id; integers are spelled as such, however they are stored.

        Raises:
            DataError: it is missing, or neither text nor an integer.
        """
        return self.table.id(self.number, column, self.cells[column])

    def path(self, column: str) -> str:
        """A path of a file or folder of the media's tree.

        Raises:
            DataError: it is missing, or leads out of the tree.
        """
        return self.inside(column, self.text(column))

    def paths(self, column: str, field: str | None = None) -> list[str]:
        """A list of paths, or of records with a path in `field`; errors as for `path`."""
        cells = self._list(column)
        if field is not None:
            cells = [cell.get(field) if isinstance(cell, dict) else cell for cell in cells]
        return [self.inside(column, self.table.text(self.number, column, cell)) for cell in cells]

    def inside(self, column: str, path: str) -> str:
        """A path, or a name that becomes a part of one.

        Raises:
            DataError: it leads out of the media's tree, is an address or holds a null character.
        """
        if path.startswith("/") or ".." in PurePosixPath(path).parts or "://" in path or "\0" in path:
            raise self.bad(column, f"is {path!r:.60}; expected a path inside the media's folder, without '..'")
        return path

    def need_choice(self, column: str, pool: Sequence[str]) -> None:
        """Refuse a pool in which every model is right, or none can be.

        Raises:
            DataError: the pool holds no candidate, or only one.
        """
        if not pool:
            raise self.bad(column, "lists no candidate")
        if len(set(pool)) < 2:
            raise self.bad(column, f"lists {_shown(pool[0])} and no other candidate, so there is nothing to choose")

    def _list(self, column: str) -> list[Any]:
        if not isinstance(cell := self.cells[column], list | None):
            raise self.bad(column, f"is {_shown(cell)}; expected a list")
        return cell or []

    def _spelled(self, column: str, cell: Any) -> str:
        number = isinstance(cell, int | float) and column not in self.table.labels
        return self.table.text(self.number, column, str(cell) if number else cell)


def _names(feature: Any) -> Sequence[str] | None:
    """Names of the numbers of a class label, or of the class labels in a list."""
    inner = getattr(feature, "feature", feature[0] if isinstance(feature, list) else feature)
    names: Sequence[str] | None = getattr(inner, "names", None)
    return names


def _kind(cell: Any) -> str:
    kinds = {bool: "a truth value", int: "a number", float: "a number", list: "a list", dict: "a record"}
    return kinds.get(type(cell), f"a {type(cell).__name__}")


def _shown(cell: Any) -> str:
    return "missing" if cell is None else f"{cell!r:.60}"

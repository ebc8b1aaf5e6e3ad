"""Judgements of MMEB-V3: files of several forms, read as the official evaluator reads them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rzen_eval.data.tree_rows import fields, name_of
from rzen_eval.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rzen_eval.data.tree_rows import Cells, Rows, TreeRows

QUERY = ("query_id", "query-id", "qid", "q_id", "id")
DOCUMENT = ("corpus_id", "corpus-id", "doc_id", "document_id", "p_id")
GOLD = ("gold_ids", "gold_ids_long")


@dataclass(frozen=True, slots=True)
class Judged:
    """Grades above zero by query and document, in the order in which pairs come first; of a pair the last counts."""

    grades: dict[str, dict[str, float]] = field(default_factory=dict)


def judgements(files: TreeRows, path: str, *, spaced: bool) -> Judged:
    """Judgements of a file: JSON lines, a table, or lines of texts.

    Args:
        files: of the task.
        path: of the judgements.
        spaced: whether lines of texts are read as the memory tasks' are: with white space between where there are no
            tabs, and TREC's with a second field `Q0`; else, as WeMM's copy reads those of other tasks, with tabs alone.

    Raises:
        DataError: it is missing or damaged.
    """
    grades: dict[str, dict[str, float]] = {}
    pairs = _texts(files.file(path), spaced) if path.endswith(".tsv") else _rows(files.rows(path))
    for query, document, grade in pairs:
        if query is not None and document is not None and grade > 0:
            grades.setdefault(query, {})[document] = grade
    return Judged(grades)


def gold(row: Cells, what: str) -> dict[str, float]:
    """Documents that a query names itself, equally good ones; one that is named twice counts once.

    Raises:
        DataError: it names them by something else than a list, or JSON of one.
    """
    listed: Any = next((names for column in GOLD if (names := row.get(column))), [])
    if isinstance(listed, str):
        try:
            listed = json.loads(listed)
        except ValueError:
            return {}
    if not isinstance(listed, list):
        raise DataError(f"{what}: gold ids are {listed!r:.60}; expected a list of ids")
    return {document: 1.0 for document in map(name_of, listed) if document is not None}


def _rows(rows: Rows) -> Iterator[tuple[str | None, str | None, float]]:
    for row in rows:
        said = row["label"] if "label" in row else row.get("score", 1)
        yield name_of(fields(row, QUERY)), name_of(fields(row, DOCUMENT)), grade_of(said)


def _texts(file: Path, spaced: bool) -> Iterator[tuple[str, str, float]]:
    """Lines of query, document and grade."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise DataError(f"{file} cannot be read ({error}); get the file again") from error
    for line in text.split("\n"):
        parts = line.strip().split("\t")
        if spaced and len(parts) < 3:
            parts = line.split()
        if spaced and len(parts) >= 4 and parts[1].upper() == "Q0":
            parts = [parts[0], *parts[2:]]
        if len(parts) >= 3 and (spaced or all(parts[:2])):
            yield parts[0], parts[1], grade_of(parts[2])


def grade_of(said: Any) -> float:
    """A grade; what is no number is a one, as the official evaluator has it."""
    try:
        return float(said)
    except (TypeError, ValueError):
        return 1.0

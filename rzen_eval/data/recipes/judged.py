"""Judgements of MMEB-V3: files of several forms, read as the official evaluator reads them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rzen_eval.data.tree_rows import fields, name_of
from rzen_eval.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rzen_eval.data.tree_rows import Rows, TreeRows

QUERY = ("query_id", "query-id", "qid", "q_id", "id")
DOCUMENT = ("corpus_id", "corpus-id", "doc_id", "document_id", "p_id")
GOLD = ("gold_ids", "gold_ids_long")


@dataclass(frozen=True, slots=True)
class Judged:
    """Grades above zero by query and document, in the order in which pairs come first; of a pair the last counts."""

    grades: dict[str, dict[str, float]] = field(default_factory=dict)


def judgements(files: TreeRows, path: str) -> Judged:
    """Judgements of a file: JSON lines, a table, or texts with tabs or spaces between.

    Raises:
        DataError: it is missing or damaged.
    """
    grades: dict[str, dict[str, float]] = {}
    pairs = _texts(files.file(path)) if path.endswith(".tsv") else _rows(files.rows(path))
    for query, document, grade in pairs:
        if query is not None and document is not None and grade > 0:
            grades.setdefault(query, {})[document] = grade
    return Judged(grades)


def gold(rows: Rows, ids: Sequence[str]) -> dict[str, dict[str, float]]:
    """Documents that queries name themselves, equally good ones; one that is named twice counts once."""
    found = {}
    for row in rows:
        query = name_of(fields(row, ids))
        if query is not None:
            listed: Any = next((names for column in GOLD if (names := row.get(column))), [])
            found[query] = {document: 1.0 for document in map(name_of, _listed(listed)) if document is not None}
    return found


def _listed(names: Any) -> Sequence[Any]:
    if isinstance(names, str):
        try:
            names = json.loads(names)
        except ValueError:
            return []
    return names if isinstance(names, list) else []


def _rows(rows: Rows) -> Iterator[tuple[str | None, str | None, float]]:
    for row in rows:
        said = row["label"] if "label" in row else row.get("score", 1)
        yield name_of(fields(row, QUERY)), name_of(fields(row, DOCUMENT)), grade_of(said)


def _texts(file: Path) -> Iterator[tuple[str | None, str | None, float]]:
    """Lines of query, document and grade, TREC's with a second field `Q0` among them."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise DataError(f"{file} cannot be read ({error}); get the file again") from error
    for line in text.splitlines():
        parts = [part.strip() for part in (line.split("\t") if "\t" in line else line.split())]
        if len(parts) >= 4 and parts[1] == "Q0":
            parts = [parts[0], *parts[2:]]
        if len(parts) >= 3:
            yield name_of(parts[0]), name_of(parts[1]), grade_of(parts[2])


def grade_of(said: Any) -> float:
    """A grade; what is no number is a one, as the official evaluator has it."""
    try:
        return float(said)
    except (TypeError, ValueError):
        return 1.0

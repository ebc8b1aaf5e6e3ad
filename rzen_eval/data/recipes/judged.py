"""Judgements of MMEB-V3: files of several forms, read as the official evaluator reads them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rzen_eval.data.tree_rows import fieldless, fields, name_of
from rzen_eval.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rzen_eval.data.tree_rows import Cells, Rows, TreeRows

QUERY = ("query_id", "query-id", "qid", "q_id", "id")
DOCUMENT = ("corpus_id", "corpus-id", "doc_id", "document_id", "p_id")
GOLD = ("gold_ids", "gold_ids_long")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a row says."""

    query: str | None
    document: str | None
    grade: float
    written: Any
    """The grade as it is written."""


def judgements(files: TreeRows, path: str, *, spaced: bool) -> dict[str, dict[str, float]]:
    """Grades above zero by query and document, of JSON lines, a table, or lines of texts.

    They are in the order in which pairs come first; of a pair the last grade counts. What the official evaluator makes
    of rows that say nothing is done here too, and said in `files.odd`.

    Args:
        files: of the task.
        path: of the judgements.
        spaced: whether lines of texts are read as the memory tasks' are: with white space between where there are no
            tabs, and TREC's with a second field `Q0`; else, as WeMM's copy reads those of other tasks, with tabs alone.

    Raises:
        DataError: the file is missing or damaged, or an id or a grade cannot be one.
    """
    grades: dict[str, dict[str, float]] = {}
    nameless, ungraded = list[int](), list[int]()
    of_texts = path.endswith(".tsv")
    what = f"{files.task.id}: {path}"
    rows = _texts(files.file(path), what, spaced) if of_texts else _rows(files.rows(path), what)
    for number, row in enumerate(rows):
        if row is None or row.query is None or row.document is None:
            nameless.append(number)
            continue
        # A head names columns, and is a judgement of no query.
        if not _is_number(row.written) and not (of_texts and number == 0):
            ungraded.append(number)
        if row.grade > 0:
            grades.setdefault(row.query, {})[row.document] = row.grade
    files.note(path, nameless, "rows name no query or no document and are left out")
    files.note(path, ungraded, "grades are no number and count as 1")
    if nameless and not grades and not of_texts:
        files.odd.append(f"{files.task.id}: {path}: {fieldless(files.rows(path), QUERY, DOCUMENT)}")
    return grades


def gold(row: Cells, place: str) -> dict[str, float]:
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
        raise DataError(f"{place}: gold ids are {listed!r:.60}; expected a list of ids")
    named = (name_of(name, place) for name in listed)
    return {document: 1.0 for document in named if document is not None}


def _rows(rows: Rows, what: str) -> Iterator[Judgement]:
    for number, row in enumerate(rows):
        said = row["label"] if "label" in row else row.get("score", 1)
        yield _judgement(fields(row, QUERY), fields(row, DOCUMENT), said, f"{what}: row {number}")


def _texts(file: Path, what: str, spaced: bool) -> Iterator[Judgement | None]:
    """Lines of query, document and grade; None for one that is shorter."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise DataError(f"{file} cannot be read ({error}); get the file again") from error
    for number, line in enumerate(text.split("\n")):
        parts = line.strip().split("\t")
        if spaced and len(parts) < 3:
            parts = line.split()
        if spaced and len(parts) >= 4 and parts[1].upper() == "Q0":
            parts = [parts[0], *parts[2:]]
        if len(parts) >= 3 and (spaced or all(parts[:2])):
            yield _judgement(parts[0], parts[1], parts[2], f"{what}: row {number}")
        elif any(parts):
            yield None


def _judgement(query: Any, document: Any, written: Any, place: str) -> Judgement:
    grade = grade_of(written)
    if not math.isfinite(grade):
        raise DataError(f"{place}: the grade is {grade}; expected a number")
    return Judgement(name_of(query, place), name_of(document, place), grade, written)


def grade_of(written: Any) -> float:
    """A grade; what is no number is a one, as the official evaluator has it."""
    return float(written) if _is_number(written) else 1.0


def _is_number(written: Any) -> bool:
    try:
        float(written)
    except (TypeError, ValueError, OverflowError):
        return False
    return True

"""Text retrieval with judgements: find the documents that answer a query, in files of MMEB-V3."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from rzen_eval.core import Characters, Frozen, Item, TaskData
from rzen_eval.data.lazy import LazySequence
from rzen_eval.data.recipes import subtasks
from rzen_eval.data.recipes import typical as usual
from rzen_eval.data.recipes.assemble import options
from rzen_eval.data.recipes.judged import gold, judgements
from rzen_eval.data.recipes.official_strings import with_instruction, worded
from rzen_eval.data.recipes.repeated import repeated, unlike
from rzen_eval.data.recipes.typical import Typical
from rzen_eval.data.tree_rows import TreeRows, bounded, fieldless, fields, name_of
from rzen_eval.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rzen_eval.core import Task
    from rzen_eval.data.repository import Repository
    from rzen_eval.data.tree_rows import Cells, Rows

QUERY_ID = ("_id", "id", "qid", "query_id", "query-id")
QUERY_TEXT = ("text", "query", "query_content", "short_query")
DOCUMENT_ID = ("_id", "id", "doc_id", "document_id", "corpus-id")
DOCUMENT_TEXT = ("text", "content")
DOCUMENT = 2000
"""Characters of a document, where nothing is known of it."""


class Options(Frozen):
    """Where the rows are, in the canonical tree, and how queries are worded."""

    queries: str | None = None
    corpus: str | None = None
    judgements: str | None = None
    """None where queries name their documents themselves, in `gold_ids` or else `gold_ids_long`."""
    instruction_column: str | None = None
    """Column of the queries with an instruction of their own; None: the task's holds for all."""
    separator: str = " "
    """Between instruction and query."""
    trimmed: bool = True
    """Whether what both make is trimmed at both ends."""
    folder: str | None = None
    """Folder of a memory task, whose subtasks each have queries and judgements; in place of all files above."""
    pooled: bool = False
    """Whether a memory task's queries are ranked against their own candidates."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Documents by id; the first text of an id counts."""

    rows: Sequence[Rows]
    ids: Mapping[str, tuple[int, int]]
    """File and row of each."""

    def text(self, place: tuple[int, int]) -> str:
        """A document's text, after its title where it has one."""
        file, row = place
        return document(self.rows[file][row], f"row {row}") or ""


def load(task: Task, repository: Repository) -> TaskData:
    """Queries, documents and judgements; every query is ranked against the whole corpus, or against its own pool.

    Rows are read as the official evaluator of MMEB-V3 does (`complex_text_retrieve.py` and
    `memory_retrieval_dateset.py` in `src/data/eval_dataset` of TIGER-AI-Lab/VLM2Vec, August 2026): a row without an id
    or a text is left out, of a repeated document the first counts, judgements without a positive grade are dropped, and
    a query without a relevant document stays and misses.

    Raises:
        DataError: a file is missing or damaged, a text is something else, or no query has a relevant document.
        ConfigError: the task names neither files nor a folder.
    """
    chosen, files = options(task, Options), TreeRows(task, repository)
    if chosen.folder:
        parts = subtasks.find(files, chosen.folder)
    elif chosen.queries and chosen.corpus:
        parts = [subtasks.Part("", chosen.queries, chosen.corpus, chosen.judgements)]
    else:
        raise ConfigError(f"tasks.{task.id}.options: name queries and corpus, or a folder; recipe {task.recipe}")
    corpus = read(files, {part.corpus: part.corpus_prefix for part in parts})
    query_ids, queries, qrels = list[str](), list[Item](), dict[str, dict[str, float]]()
    for part in parts:
        spaced = chosen.folder is not None
        judged = judgements(files, part.judgements, spaced=spaced) if part.judgements else None
        for asked in _queries(files, chosen, part, files.rows(part.queries)):
            grades = gold(asked.row, asked.place) if judged is None else judged.get(asked.id, {})
            name = unlike(f"{part.prefix}{asked.id}", qrels)
            qrels[name] = {f"{part.corpus_prefix}{document}": grade for document, grade in grades.items()}
            query_ids.append(name)
            queries.append(asked.item)
    if not query_ids:
        path = parts[-1].queries
        lacking = fieldless(files.rows(path), QUERY_ID, QUERY_TEXT)
        raise DataError(f"{task.id}: no row of {path} has an id and a text: {lacking}")
    if not any(qrels.values()):
        noted = "; ".join(dict.fromkeys(one.removeprefix(f"{task.id}: ") for one in files.odd[:2]))
        raise DataError(
            f"{task.id}: no query of {len(qrels)} has a relevant document; ids of queries and judgements differ, or a"
            f" file is of another task{f' ({noted})' if noted else ''}"
        )
    pools = subtasks.pools(files, parts, query_ids, corpus.ids) if chosen.pooled else None
    files.odd += repeated(task, query_ids)
    data = TaskData(
        query_ids=query_ids,
        queries=queries,
        candidate_ids=list(corpus.ids),
        candidates=LazySequence(len(corpus.ids), partial(_made, corpus, list(corpus.ids.values()))),
        qrels=qrels,
        pools=pools,
        revision=files.revision(),
    )
    return replace(data, warnings=[*dict.fromkeys(files.odd), *_hopeless(task, data)])


def typical(task: Task) -> Typical:
    """What the items of such a task are like: by the lengths that are declared, else by a rough guess."""
    known = task.characters or Characters(query=usual.QUESTION, candidate=DOCUMENT)
    lengths = (known.candidate,) if isinstance(known.candidate, int) else known.candidate
    first, *others = (Item(text="x" * length) for length in lengths)
    query = Item(text="x" * known.query, instruction=task.instruction.query)
    return Typical(query, first, usual.PAGES, others=others)


def read(files: TreeRows, corpora: Mapping[str, str]) -> Corpus:
    """Documents of some files, whose ids get a prefix."""
    rows = [files.rows(path) for path in corpora]
    ids: dict[str, tuple[int, int]] = {}
    for number, (path, prefix) in enumerate(corpora.items()):
        what, silent, again = f"{files.task.id}: {path}", list[int](), list[int]()
        for place, row in enumerate(rows[number]):
            name = name_of(fields(row, DOCUMENT_ID), f"{what}: row {place}")
            if name is None or not document(row, f"{what}: row {place}"):
                silent.append(place)
            elif ids.setdefault(f"{prefix}{name}", (number, place)) != (number, place):
                again.append(place)
        files.note(path, silent, "documents have no id or no text and are left out")
        files.note(path, again, "documents have the id of an earlier one and are left out")
    if not ids:
        lacking = fieldless(rows[-1], DOCUMENT_ID, DOCUMENT_TEXT)
        raise DataError(f"{files.task.id}: no row of {' and '.join(corpora)} has an id and a text: {lacking}")
    return Corpus(rows, ids)


def document(row: Cells, what: str) -> str | None:
    """A document's text after its title; None where it has no text."""
    text, title = fields(row, DOCUMENT_TEXT), row.get("title")
    for value in (text, title):
        if value and not isinstance(value, str):
            raise DataError(f"{what}: text or title is {value!r:.60}; expected a text")
    if not text:
        return None
    return bounded(f"{title}\n{text}" if title else str(text), what)


def _made(corpus: Corpus, places: Sequence[tuple[int, int]], index: int) -> Item:
    return Item(text=corpus.text(places[index]))


@dataclass(frozen=True, slots=True)
class Asked:
    """A query as its file has it."""

    id: str
    item: Item
    row: Cells
    place: str
    """File and row, for messages."""


def _queries(files: TreeRows, chosen: Options, part: subtasks.Part, rows: Rows) -> list[Asked]:
    """Queries of a file."""
    made, silent, bare, untold, task = list[Asked](), list[int](), list[int](), list[int](), files.task
    what = f"{task.id}: {part.queries}"
    for number, row in enumerate(rows):
        place = f"{what}: row {number}"
        query_id = name_of(fields(row, QUERY_ID), place)
        text = fields(row, QUERY_TEXT) or ""
        told: Any = row.get(chosen.instruction_column) if chosen.instruction_column else task.instruction.query
        told = part.instruction or told or ""
        if not isinstance(text, str) or not isinstance(told, str):
            raise DataError(f"{place}: {text!r:.60} and {told!r:.60}; expected texts of a query and an instruction")
        if query_id is not None and worded(told, text, trimmed=chosen.trimmed):
            item = with_instruction(told, bounded(text, place), chosen.separator, trimmed=chosen.trimmed)
            made.append(Asked(query_id, item, row, place))
            bare += [number] if not text.strip() else []
            untold += [number] if chosen.instruction_column and not told else []
        else:
            silent.append(number)
    files.note(part.queries, silent, "queries have no id or no text and are left out")
    files.note(part.queries, bare, "queries have no text and ask with their instruction alone")
    files.note(part.queries, untold, f"queries have no {chosen.instruction_column} and ask without an instruction")
    return made


def _hopeless(task: Task, data: TaskData) -> list[str]:
    """How many queries cannot be answered, or not in full, by what they are ranked against."""
    corpus = frozenset(data.candidate_ids)
    lost = short = 0
    for query, grades in data.qrels.items():
        among = corpus if data.pools is None else frozenset(data.pools[query])
        found = sum(name in among for name in grades)
        lost += not found
        short += 0 < found < len(grades)
    said = (lost, "have no relevant document and always miss"), (short, "lack some of their relevant documents")
    return [f"{task.id}: {count} of {len(data.qrels)} queries {what}" for count, what in said if count]

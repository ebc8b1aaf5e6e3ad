"""Catalogues: find the tool for a request, or the product for a wish, in files of MMEB-V3."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from rzen_eval.core import Frozen, Item, TaskData
from rzen_eval.data.lazy import LazySequence
from rzen_eval.data.recipes import typical as usual
from rzen_eval.data.recipes.assemble import options
from rzen_eval.data.recipes.catalogue_text import Wording, product, shown, tool
from rzen_eval.data.recipes.official_strings import with_instruction, worded
from rzen_eval.data.recipes.repeated import repeated, unlike
from rzen_eval.data.recipes.typical import Typical
from rzen_eval.data.tree_rows import TreeRows, bounded, fieldless, name_of
from rzen_eval.errors import DataError
from rzen_eval.files import entries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rzen_eval.core import Task
    from rzen_eval.data.repository import Repository
    from rzen_eval.data.tree_rows import Cells, Rows

PICTURE = ("url", "path", "image")
"""Fields of a product's picture that may hold its file's name."""


class Options(Frozen):
    """Where the rows are, in the canonical tree, and how they are worded."""

    queries: str
    candidates: str
    images: str | None = None
    """Folder of the products' pictures; None: the catalogue is one of tools."""
    wording: Wording = "tiger"
    """Whose evaluator words requests and candidates: the benchmark's authors' or WeMM's copy of it."""


def load(task: Task, repository: Repository) -> TaskData:
    """Requests, the whole catalogue and which entries answer; catalogues that several tasks share say so.

    Rows are read as the official evaluator of MMEB-V3 does (`toolde_dataset.py` and `mcmr_dataset.py` in
    `src/data/eval_dataset` of TIGER-AI-Lab/VLM2Vec, August 2026), other than that a list of labels is read as one
    wherever it is a list.

    Raises:
        DataError: a file is missing or damaged, a product has no picture, or no request has an answer.
    """
    chosen, files = options(task, Options), TreeRows(task, repository)
    rows, asked = files.rows(chosen.candidates), files.rows(chosen.queries)
    places = _places(files, chosen, rows)
    pictures = _pictures(files, chosen, rows, places) if chosen.images else {}
    query_ids, queries, qrels = list[str](), list[Item](), dict[str, dict[str, float]]()
    odd = defaultdict[str, list[int]](list)
    for number, row in enumerate(asked):
        query_id = _id(row, "qid" if chosen.images else "id", f"{task.id}: {chosen.queries}: row {number}")
        item = _wish(task, chosen, row) if chosen.images else _request(task, chosen, row, number)
        if said := _without_id(chosen, "queries", row, query_id):
            odd[said].append(number)
        if item is None:
            odd["queries say nothing and are left out"].append(number)
        elif query_id or not chosen.images:
            name = unlike(query_id, qrels)
            query_ids.append(name)
            queries.append(item)
            qrels[name] = dict.fromkeys(_answers(row.get("pos_ids")) if chosen.images else _labels(row), 1.0)
    for said, numbers in odd.items():
        files.note(chosen.queries, numbers, said)
    files.odd += repeated(task, query_ids)
    if not any(qrels.values()):
        raise DataError(f"{task.id}: no query of {chosen.queries} has an answer; get the file again")
    lost = sum(places.keys().isdisjoint(qrels[name]) for name in query_ids)
    hopeless = f"{task.id}: {lost} of {len(query_ids)} queries have no answer in the catalogue and always miss"
    return TaskData(
        query_ids=query_ids,
        queries=queries,
        candidate_ids=list(places),
        candidates=LazySequence(
            len(places), partial(_entry, chosen, rows, list(places.items()), pictures), _same(files, chosen)
        ),
        qrels=qrels,
        revision=files.revision(),
        warnings=[*files.odd, *([hopeless] if lost else [])],
    )


def typical(task: Task) -> Typical:
    """What the items of such a task are like; a category's tools are those of its other tasks too."""
    chosen = options(task, Options)
    query = Item(text="x" * usual.SENTENCE, instruction=task.instruction.query or "x" * usual.INSTRUCTION)
    entry = Item(text="x" * TOOL, images=(usual.IMAGE,) if chosen.images else ())
    count = PRODUCTS if chosen.images else TOOLS.get(PurePosixPath(chosen.candidates).parts[-2], usual.TEXTS)
    return Typical(query, entry, count, corpus=f"{chosen.candidates} {chosen.wording}")


TOOL = 800
"""Characters of a tool's documentation or a product's description, a rough guess."""
TOOLS = {"web": 37_000}
"""Tools of a category, where somebody has said how many."""
PRODUCTS = 123_000


def _same(files: TreeRows, chosen: Options) -> str:
    """The same for catalogues of several tasks, as a model is given them."""
    file = files.files[chosen.candidates]
    stat = file.stat()
    return f"{file} {stat.st_size} {stat.st_mtime_ns} {chosen.wording}"


def _entry(
    chosen: Options, rows: Rows, places: Sequence[tuple[str, int]], pictures: Mapping[str, Path], index: int
) -> Item:
    name, row = places[index]
    if chosen.images:
        text = bounded(product(rows[row], name, chosen.wording), f"row {row}")
        return Item(text=text, images=(pictures[name],))
    return Item(text=bounded(tool(rows[row].get("documentation", ""), chosen.wording), f"row {row}"))


def _places(files: TreeRows, chosen: Options, rows: Rows) -> dict[str, int]:
    """The row of each entry, by its id; of entries with one id the first. What is odd about them is said."""
    field, what = "candidate_id" if chosen.images else "id", f"{files.task.id}: {chosen.candidates}"
    places: dict[str, int] = {}
    odd = defaultdict[str, list[int]](list)
    for number, row in enumerate(rows):
        name = _id(row, field, f"{what}: row {number}")
        if said := _without_id(chosen, "entries", row, name):
            odd[said].append(number)
        if name or not chosen.images:
            if places.setdefault(name, number) != number:
                odd["entries have the id of an earlier one and are left out"].append(number)
            elif not chosen.images and not row.get("documentation"):
                odd["tools have no documentation, and are candidates without it"].append(number)
    if rows and not any(field in row for row in rows):
        raise DataError(f"{what}: {fieldless(rows, [field])}")
    for said, numbers in odd.items():
        files.note(chosen.candidates, numbers, said)
    return places


def _without_id(chosen: Options, what: str, row: Cells, name: str) -> str | None:
    """What becomes of a row without an id, as the official evaluator has it; None where it has one."""
    if name == "None" and None in (row.get(field, "") for field in ("id", "qid", "candidate_id")):
        return f"{what} have no id and are called None"
    if not name:
        return f"{what} have an empty id" + (" and are left out" if chosen.images else "")
    return None


def _id(row: Cells, field: str, place: str) -> str:
    """An id as text; empty where there is none, and a null the text None, as the official evaluator has it."""
    name = name_of(row.get(field, ""), place)
    name = "None" if name is None else name
    return name if field == "id" else name.strip()


def _request(task: Task, chosen: Options, row: Cells, number: int) -> Item | None:
    """What is asked for; None where a row asks for nothing."""
    told, text = row.get("instruction") or "", row.get("query")
    if not isinstance(text, str) or not isinstance(told, str):
        raise DataError(f"{task.id}: {chosen.queries}: row {number}: query is {text!r:.60}; expected a text")
    text = bounded(text, f"{task.id}: {chosen.queries}: row {number}")
    return with_instruction(told, text, _separator(chosen.wording)) if worded(told, text) else None


def _wish(task: Task, chosen: Options, row: Cells) -> Item:
    told, text = task.instruction.query or "", shown(row.get("query"))
    separator = _separator(chosen.wording)
    return Item(text=text or None, instruction=f"{told}{separator}" if text and separator != " " else told)


def _separator(wording: Literal["tiger", "wemm"]) -> str:
    return " " if wording == "tiger" else "\n"


def _labels(row: Cells) -> list[str]:
    """Ids of the tools that answer: a text, JSON of a list or an object, or a list; numbers name none."""
    said: Any = row.get("labels") if row.get("label") is None else row["label"]
    if isinstance(said, str):
        text = said.strip()
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):
            said = text or None
    listed = said if isinstance(said, list) else [said]
    names = [one.get("id") if isinstance(one, dict) else one if isinstance(one, str) else None for one in listed]
    return [str(name) for name in names if name is not None]


def _answers(value: Any) -> list[str]:
    """Ids of the products that fit: a list, JSON of one, or a single id.

    Raises:
        DataError: they are something else, of which the official evaluator makes ids that nobody meant, or none.
    """
    listed = value if isinstance(value, list) else [value] if value else []
    if isinstance(value, str):
        try:
            parsed = json.loads(value)
        except (ValueError, RecursionError):
            parsed = value
        listed = parsed if isinstance(parsed, list) else [value]
        if type(parsed) not in {list, int, float} and parsed != value:
            raise DataError(f"pos_ids is {value!r:.60}; expected ids, JSON of a list of ids, or one id")
    if odd := next((one for one in listed if isinstance(one, (list, dict))), None):
        raise DataError(f"pos_ids holds {odd!r:.60}; expected ids")
    return [str(one) for one in listed if str(one).strip()]


def _pictures(files: TreeRows, chosen: Options, rows: Rows, places: Mapping[str, int]) -> dict[str, Path]:
    """The picture of each product: the first of those it names that is there, else the first that it names."""
    folder = files.file(chosen.candidates).parent / PurePosixPath(chosen.images or "").name
    there = {*entries(folder)}
    found = {}
    for name, row in places.items():
        named = _named(rows[row].get("images"))
        if not named:
            raise DataError(f"{files.task.id}: {chosen.candidates}: row {row}: product {name!r} names no picture")
        found[name] = folder / next((one for one in named if one in there), named[0])
    return found


def _named(images: Any) -> list[str]:
    """Names of the files of a product's pictures."""
    listed = images if isinstance(images, list) else [images]
    said = [next((one[key] for key in PICTURE if one.get(key)), "") if isinstance(one, dict) else one for one in listed]
    names = [PurePosixPath(str(one).strip().partition("?")[0]).name for one in said if one]
    return [name for name in names if name]

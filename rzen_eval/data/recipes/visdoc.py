"""Visual documents: find the page that answers a question, in a BEIR-shaped repository of page images."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rzen_eval.core import Frozen, Item, SavedAsJpeg, TaskData
from rzen_eval.data.documents import page_files
from rzen_eval.data.lazy import LazySequence
from rzen_eval.data.recipes import typical as usual
from rzen_eval.data.recipes.cells import Table
from rzen_eval.data.recipes.official_strings import user_turn
from rzen_eval.data.recipes.typical import Typical
from rzen_eval.data.stored_image import StoredImage
from rzen_eval.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rzen_eval.core import Media, Task
    from rzen_eval.data.repository import Repository

INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")


class Options(Frozen):
    """There are none: the columns of these repositories have the same names everywhere."""


def load(task: Task, repository: Repository) -> TaskData:
    """Queries, pages and judgements of a document task; every query is ranked against the whole corpus.

    Judgements with a grade of zero are dropped and repeated ones keep the highest, both as the official evaluator does
    (`load_qrels_mapping` in `src/data/utils/dataset_utils.py` of VLM2Vec at 6e1e1d4). It drops what is below zero too;
    here that is an error, since no judgement of the benchmark is.

    Raises:
        DataError: an id is missing or repeated, a query has no text or no page, or a judgement names no page or has no
            grade.
    """
    language = ["language"]
    needed, known = (language, []) if task.dataset.language else ([], language)
    asked = Table.of(task, repository, ["query-id", "query", *needed], "queries", known)
    texts, every = asked.texts("query"), asked.ids("query-id", unique=True)
    spoken = list(asked.rows["language"]) if "language" in asked.rows.column_names else []
    rows = [row for row in range(len(asked)) if not task.dataset.language or spoken[row] == task.dataset.language]
    query_ids = [every[row] for row in rows]
    page_ids, picture, odd = _corpus(task, repository)
    judged = Table.of(task, repository, ["query-id", "corpus-id", "score"], "qrels")

    def page(row: int) -> Item:
        shows = task.instruction.candidate
        return Item(images=(picture(row),), instruction=shows, user_turn=user_turn(shows))

    return TaskData(
        query_ids=query_ids,
        queries=[Item(text=texts[row], instruction=task.instruction.query) for row in rows],
        candidate_ids=page_ids,
        candidates=LazySequence(len(page_ids), page),
        qrels=_judgements(judged, query_ids, frozenset(page_ids)),
        integer_ids=all(map(INTEGER.fullmatch, page_ids)),
        languages=[spoken[row] for row in rows] if spoken else None,
        revision=repository.revision,
        warnings=[*odd, *_of_nobody(judged, frozenset(every))],
    )


def _corpus(task: Task, repository: Repository) -> tuple[list[str], Callable[[int], Media], list[str]]:
    """Ids of the pages, what makes the picture of one, and a warning where pictures are not those of the rows."""
    corpus = Table.of(task, repository, ["corpus-id"], "corpus", ["image"])
    page_ids = corpus.ids("corpus-id", unique=True)
    if not corpus.shows("image"):
        files = page_files(task.dataset.repo, page_ids)
        repository.media.settle(files)
        if place := repository.media_source.found_at():
            said = f"the rows carry no pictures, pages are the files in {place['place']}"
            # These files are what the official evaluator has saved, so nothing is saved once more.
            return page_ids, lambda row: repository.media.image(files[row]), [f"{task.id}: {said}"]
    images = Table.of(task, repository, ["image"], "corpus").pictures("image", repository)

    def picture(row: int) -> Media:
        image = StoredImage(images, row, "image", f"page {page_ids[row]}", repository.folder)
        # The official evaluator saves every page under its id first; an id that ends in .jpg costs some detail.
        return SavedAsJpeg(image) if page_ids[row].lower().endswith((".jpg", ".jpeg")) else image

    return page_ids, picture, []


def typical(task: Task) -> Typical:
    """What the items of a document task are like."""
    query = Item(text="x" * usual.SENTENCE, instruction=task.instruction.query)
    return Typical(query, Item(images=(usual.PAGE,), instruction=task.instruction.candidate), usual.PAGES)


def _judgements(table: Table, query_ids: Sequence[str], page_ids: frozenset[str]) -> dict[str, dict[str, float]]:
    task = table.task
    qrels: dict[str, dict[str, float]] = {query_id: {} for query_id in query_ids}
    for query_id, page_id, grade in table.judgements():
        grades = qrels.get(query_id)
        if grades is None or not grade:
            continue
        if page_id not in page_ids:
            problem = f"query {query_id!r} is judged on page {page_id!r}, which the corpus does not hold"
            raise DataError(f"{task.id}: {problem}")
        grades[page_id] = max(grade, grades.get(page_id, 0.0))
    empty = next((query_id for query_id, grades in qrels.items() if not grades), None)
    if empty is not None:
        raise DataError(f"{task.id}: query {empty!r} has no page with a positive score in {task.dataset.repo}")
    return qrels


def _of_nobody(table: Table, query_ids: frozenset[str]) -> list[str]:
    """A warning where judgements are of queries that there are not, in any language."""
    lost = [query_id for query_id in table.ids("query-id") if query_id not in query_ids]
    said = f"{table.task.id}: {len(lost)} judgements are of no query and are left out, the first of {lost[:1]}"
    return [said] if lost else []

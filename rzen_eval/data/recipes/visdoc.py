"""Visual documents: find the page that answers a question, in a BEIR-shaped repository of page images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rzen_eval.core import Item, SavedAsJpeg, TaskData
from rzen_eval.data.lazy import LazySequence
from rzen_eval.data.recipes.assemble import unique
from rzen_eval.data.recipes.official_strings import user_turn
from rzen_eval.data.repository import StoredImage
from rzen_eval.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.core import Task
    from rzen_eval.data.repository import Repository


def load(task: Task, repository: Repository) -> TaskData:
    """Queries, pages and judgements of a document task; every query is ranked against the whole corpus.

    Judgements with a score of zero or less are dropped and repeated ones keep the highest, both as the
    official evaluator does (`load_qrels_mapping` in `src/data/utils/dataset_utils.py` of VLM2Vec at 6e1e1d4).

    Raises:
        DataError: ids are repeated, a judgement names no page, or a query has no page.
    """
    language = ["language"]
    needed, told = (language, []) if task.dataset.language else ([], language)
    queries = repository.rows("queries", ["query-id", "query", *needed], told)
    rows = list(range(len(queries)))
    if task.dataset.language:
        rows = [row for row, spoken in enumerate(queries["language"]) if spoken == task.dataset.language]
    queries = queries.select(rows[: task.limit])
    pages = repository.rows("corpus", ["corpus-id", "image"])
    query_ids = unique(task, "query-id", queries["query-id"])
    page_ids = unique(task, "corpus-id", pages["corpus-id"])
    images = pages.select_columns(["image"])

    def page(row: int) -> Item:
        image = StoredImage(images, row, "image", f"page {page_ids[row]}")
        # The official evaluator saves every page under its id first; an id that ends in .jpg costs some detail.
        lossy = page_ids[row].lower().endswith((".jpg", ".jpeg"))
        told = task.instruction.candidate
        return Item(images=(SavedAsJpeg(image) if lossy else image,), instruction=told, user_turn=user_turn(told))

    silent = next((name for name, text in zip(query_ids, queries["query"], strict=True) if not text), None)
    if silent is not None:
        raise DataError(f"{task.id}: query {silent!r} of {task.dataset.repo} has no text; get the repository again")
    return TaskData(
        query_ids=query_ids,
        queries=[Item(text=text, instruction=task.instruction.query) for text in queries["query"]],
        candidate_ids=page_ids,
        candidates=LazySequence(len(page_ids), page),
        qrels=_judgements(task, repository, query_ids, frozenset(page_ids)),
        integer_ids=pages.features["corpus-id"].dtype.startswith("int"),
        languages=list(queries["language"]) if "language" in queries.column_names else None,
        revision=repository.revision,
    )


def _judgements(
    task: Task, repository: Repository, query_ids: Sequence[str], page_ids: frozenset[str]
) -> dict[str, dict[str, float]]:
    rows = repository.rows("qrels", ["query-id", "corpus-id", "score"])
    qrels: dict[str, dict[str, float]] = {query_id: {} for query_id in query_ids}
    for query, corpus, score in zip(rows["query-id"], rows["corpus-id"], rows["score"], strict=True):
        grades, page_id = qrels.get(str(query)), str(corpus)
        if grades is None or score is None or score <= 0:
            continue
        if page_id not in page_ids:
            raise DataError(f"{task.id}: query {query!r} is judged on page {page_id!r}, which the corpus does not hold")
        grades[page_id] = max(float(score), grades.get(page_id, 0.0))
    empty = next((query_id for query_id, grades in qrels.items() if not grades), None)
    if empty is not None:
        raise DataError(f"{task.id}: query {empty!r} has no page with a positive score in {task.dataset.repo}")
    return qrels

"""ViDoRe V3: find the pages that answer a question asked in one of six languages, in a repository of mteb's format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rzen_eval.core import Frozen, Item, TaskData
from rzen_eval.data.lazy import LazySequence
from rzen_eval.data.recipes.assemble import options, unique
from rzen_eval.data.repository import StoredImage
from rzen_eval.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rzen_eval.core import Task
    from rzen_eval.data.repository import Repository

CORPUS = "english-corpus"
"""Configuration that pages are read from for every language: the six corpora of a repository hold the same ones."""


class Options(Frozen):
    """What a task says beside its dataset."""

    page_text: bool = False
    """Whether the text that was read off a page goes with its image, as in mteb's `.v2` tasks."""


def load(task: Task, repository: Repository) -> TaskData:
    """Questions of one language, pages and judgements; every question is ranked against the whole corpus.

    As mteb loads them (`RetrievalDatasetLoader` and `_filter_queries_without_positives` of embeddings-benchmark/mteb at
    a905523): the judgements of a language are those of its questions, since each configuration of judgements holds all
    six languages; a question that is not judged is left out; of judgements of one page the last counts; and one of zero
    or less makes no page relevant.

    Raises:
        ConfigError: the task names no language, or an option that there is not.
        DataError: ids are repeated, a judgement names no page, or nothing is judged.
    """
    chosen, language = options(task, Options), task.dataset.language
    if language is None:
        raise ConfigError(f"tasks.{task.id}.dataset.language is missing; recipe {task.recipe} reads one language")
    pages = repository.rows(CORPUS, ["id", "image", *["text"] * chosen.page_text])
    page_ids = unique(task, "id", pages["id"])
    judged = _judgements(task, repository, language, frozenset(page_ids))
    queries = repository.rows(f"{language}-queries", ["id", "text"])
    rows = [row for row, query_id in enumerate(queries["id"]) if str(query_id) in judged]
    silent = len(queries) - len(rows)
    queries = queries.select(rows[: task.limit])
    query_ids = unique(task, "id", queries["id"])
    empty = next((name for name, text in zip(query_ids, queries["text"], strict=True) if not text), None)
    if empty is not None:
        raise DataError(f"{task.id}: query {empty!r} of {task.dataset.repo} has no text; get the repository again")
    images = pages.select_columns(["image"])
    texts = pages.select_columns(["text"]) if chosen.page_text else None

    def page(row: int) -> Item:
        text = (texts[row]["text"] or "").strip() if texts is not None else ""
        image = StoredImage(images, row, "image", f"page {page_ids[row]}")
        return Item(text=text or None, images=(image,), instruction=task.instruction.candidate)

    return TaskData(
        query_ids=query_ids,
        queries=[Item(text=text, instruction=task.instruction.query) for text in queries["text"]],
        candidate_ids=page_ids,
        candidates=LazySequence(len(page_ids), page),
        qrels={query_id: judged[query_id] for query_id in query_ids},
        languages=[language] * len(query_ids),
        revision=repository.revision,
        warnings=[*_unjudged(task, silent), *_hopeless(task, query_ids, judged)],
    )


def _judgements(
    task: Task, repository: Repository, language: str, page_ids: frozenset[str]
) -> dict[str, dict[str, float]]:
    """Grades above zero of every judged question, of whatever language."""
    rows = repository.rows(f"{language}-qrels", ["query-id", "corpus-id", "score"])
    judged: dict[str, dict[str, float]] = {}
    for query, corpus, score in zip(rows["query-id"], rows["corpus-id"], rows["score"], strict=True):
        page_id = str(corpus)
        if page_id not in page_ids:
            raise DataError(f"{task.id}: query {query!r} is judged on page {page_id!r}, which the corpus does not hold")
        judged.setdefault(str(query), {})[page_id] = float(score or 0)
    return {
        query: {page_id: grade for page_id, grade in grades.items() if grade > 0} for query, grades in judged.items()
    }


def _unjudged(task: Task, silent: int) -> list[str]:
    return [f"{task.id}: {silent} queries have no judgement and are left out, as mteb does"] if silent else []


def _hopeless(task: Task, query_ids: Sequence[str], judged: Mapping[str, Mapping[str, float]]) -> list[str]:
    lost = sum(not judged[query_id] for query_id in query_ids)
    return [f"{task.id}: {lost} of {len(query_ids)} queries have no page with a grade and always miss"] if lost else []

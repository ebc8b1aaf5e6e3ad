"""ViDoRe V3: find the pages that answer a question asked in one of six languages, in a repository of mteb's format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rzen_eval.core import Frozen, Item, TaskData
from rzen_eval.data.lazy import LazySequence
from rzen_eval.data.recipes import typical as usual
from rzen_eval.data.recipes.assemble import options
from rzen_eval.data.recipes.cells import Table
from rzen_eval.data.recipes.typical import Typical
from rzen_eval.data.stored_image import StoredImage
from rzen_eval.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rzen_eval.core import Task
    from rzen_eval.data.repository import Repository

CORPUS = "english-corpus"
"""Configuration that pages are read from for every language: the six corpora of a repository hold the same ones."""
OTHERS = tuple(f"{language}-corpus" for language in ("french", "spanish", "german", "italian", "portuguese"))
"""Of which the first is read in a mirror that has no English one."""


class Options(Frozen):
    """What a task says beside its dataset."""

    page_text: bool = False
    """Whether the text that was read off a page goes with its image, as in mteb's `.v2` tasks."""


def load(task: Task, repository: Repository) -> TaskData:
    """Questions of one language, pages and judgements; every question is ranked against the whole corpus.

    As mteb loads them (`RetrievalDatasetLoader` and `_filter_queries_without_positives` of embeddings-benchmark/mteb at
    a905523): the judgements of a language are those of its questions, since each configuration of judgements holds all
    six languages; a question that is not judged is left out; of judgements of one page the last counts; and one of zero
    makes no page relevant. One below zero is an error here.

    Raises:
        ConfigError: the task names no language, or an option that there is not.
        DataError: an id is missing or repeated, a question has no text, a judgement names no page or has no grade, or
            nothing is judged.
    """
    chosen, language = options(task, Options), task.dataset.language
    if language is None:
        raise ConfigError(f"tasks.{task.id}.dataset.language is missing; recipe {task.recipe} reads one language")
    corpus = Table.of(task, repository, ["id", "image", *["text"] * chosen.page_text], _corpus(repository))
    page_ids = corpus.ids("id", unique=True)
    judged = _judgements(task, repository, language, frozenset(page_ids))
    asked = Table.of(task, repository, ["id", "text"], f"{language}-queries")
    words, every = asked.texts("text"), asked.ids("id", unique=True)
    rows = [row for row, query_id in enumerate(every) if query_id in judged]
    silent = len(every) - len(rows)
    query_ids = [every[row] for row in rows]
    images = corpus.pictures("image", repository)
    texts = corpus.rows.select_columns(["text"]) if chosen.page_text else None

    def page(row: int) -> Item:
        text = corpus.optional(row, "text", texts[row]["text"]).strip() if texts is not None else ""
        image = StoredImage(images, row, "image", f"page {page_ids[row]}", repository.folder)
        return Item(text=text or None, images=(image,), instruction=task.instruction.candidate)

    return TaskData(
        query_ids=query_ids,
        queries=[Item(text=text, instruction=task.instruction.query) for text in map(words.__getitem__, rows)],
        candidate_ids=page_ids,
        candidates=LazySequence(len(page_ids), page, _same_pages(task, repository)),
        qrels={query_id: judged[query_id] for query_id in query_ids},
        languages=[language] * len(query_ids),
        revision=repository.revision,
        warnings=[*_unjudged(task, silent), *_hopeless(task, query_ids, judged)],
    )


def reads(file: str) -> bool:
    """Whether a file is of what tasks of any language read; of the six corpora they read one."""
    config = file.partition("/")[0]
    return config == CORPUS or not config.endswith("-corpus")


def _corpus(repository: Repository) -> str:
    """The configuration with the pages."""
    for config in (CORPUS, *OTHERS) if repository.folder else ():
        try:
            repository.files(config)
        except DataError:
            continue
        return config
    return CORPUS


def _same_pages(task: Task, repository: Repository) -> str:
    """The same for the pages of every language, as a model is given them."""
    content = f"{repository.source.kind} {task.dataset.repo} {repository.revision} {CORPUS}"
    return f"{content} {options(task, Options)} {task.instruction.candidate}"


def typical(task: Task) -> Typical:
    """What the items of such a task are like; its pages are those of the other languages too."""
    query = Item(text="x" * usual.SENTENCE, instruction=task.instruction.query)
    text = "x" * usual.PAGE_TEXT if options(task, Options).page_text else None
    page = Item(text=text, images=(usual.PAGE,), instruction=task.instruction.candidate)
    return Typical(query, page, usual.PAGES, corpus=f"{task.dataset.repo}@{task.dataset.revision}")


def _judgements(
    task: Task, repository: Repository, language: str, page_ids: frozenset[str]
) -> dict[str, dict[str, float]]:
    """Grades above zero of every judged question, of whatever language."""
    table = Table.of(task, repository, ["query-id", "corpus-id", "score"], f"{language}-qrels")
    judged: dict[str, dict[str, float]] = {}
    for query_id, page_id, grade in table.judgements():
        if page_id not in page_ids:
            problem = f"query {query_id!r} is judged on page {page_id!r}, which the corpus does not hold"
            raise DataError(f"{task.id}: {problem}")
        judged.setdefault(query_id, {})[page_id] = grade
    return {
        query: {page_id: grade for page_id, grade in grades.items() if grade > 0} for query, grades in judged.items()
    }


def _unjudged(task: Task, silent: int) -> list[str]:
    return [f"{task.id}: {silent} queries have no judgement and are left out, as mteb does"] if silent else []


def _hopeless(task: Task, query_ids: Sequence[str], judged: Mapping[str, Mapping[str, float]]) -> list[str]:
    lost = sum(not judged[query_id] for query_id in query_ids)
    return [f"{task.id}: {lost} of {len(query_ids)} queries have no page with a grade and always miss"] if lost else []

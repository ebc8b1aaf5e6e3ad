"""From a declared task to its data, checked."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from rzen_eval.core import Side
from rzen_eval.data import bundled
from rzen_eval.data.media_content import content_of
from rzen_eval.data.query_choice import chosen_of
from rzen_eval.data.recipe import recipe
from rzen_eval.data.repository import Repository
from rzen_eval.data.video import Frame
from rzen_eval.errors import ConfigError, DataError
from rzen_eval.ranking.metrics import check_qrels

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rzen_eval.core import Item, Task, TaskData


@dataclass(frozen=True, slots=True)
class LoadedTask:
    """A task with its data."""

    task: Task
    data: TaskData
    content: str
    """What identifies the content of its rows and media; see `content`."""
    decoders: tuple[str, ...] = ()
    """Libraries that decoded its videos, with their versions; none where there are frames on disk."""


def load(task: Task) -> LoadedTask:
    """As `load_data`, with what identifies the content."""
    data = load_data(task)
    decoders: set[str] = set()
    return LoadedTask(task, data, content(task, data, decoders), tuple(sorted(decoders)))


def load_data(task: Task) -> TaskData:
    """Queries, candidates and judgements of a task, with media still to be decoded.

    Args:
        task: as declared, with the source that its rows come from.

    Returns:
        The data; with a mirror that does not hold what the task declares, a warning in it.

    Raises:
        DataError: the data are missing, damaged, inconsistent, not as many as declared, or such that every model
            would score 0.
        ConfigError: the task names a recipe that does not exist.
    """
    repository = Repository.of(task)
    data: TaskData = recipe(task).load(task, repository)
    for side, ids in (("queries", data.query_ids), ("candidates", data.candidate_ids)):
        if not ids:
            raise DataError(
                f"{task.id}: {task.dataset.repo} has no {side} for this task; expected {task.n_queries or 'some'}"
                " queries"
            )
        _check_spelling(task, side, ids)
    if (data.pools is None) != (task.pool == "corpus"):
        made = "the whole corpus" if data.pools is None else "a pool for each query"
        raise ConfigError(f"tasks.{task.id}.pool: declared {task.pool!r}, but recipe {task.recipe} made {made}")
    try:
        check_qrels(data.qrels)
    except DataError as error:
        raise DataError(f"{task.id}: {error}") from error
    _need_relevant(task, data)
    miscounted = _counted(task, data)
    odd = [f"{task.id}: {warning}" for warning in (*repository.warnings(), *repository.media_source.warnings())]
    warnings = [*data.warnings, *_alone(task, data), *_same_commit(task, data), *miscounted, *odd]
    other_data = data.other_data or bool(miscounted)
    found = repository.media_source.found_at()
    return chosen_of(task, replace(data, warnings=warnings, other_data=other_data, media=found))


def _check_spelling(task: Task, side: str, ids: Sequence[str]) -> None:
    """Refuse ids that a result file could not hold: of a folder with a name that is no UTF-8, say.

    Raises:
        DataError: the first of them is named.
    """
    try:
        "\n".join(ids).encode()
    except UnicodeEncodeError as error:
        name = "\n".join(ids)[: error.start].count("\n")
        raise DataError(
            f"{task.id}: {side} have the id {ids[name]!r:.60}, with half of a character; expected ids, and names of"
            " folders, that UTF-8 can spell"
        ) from error


def _need_relevant(task: Task, data: TaskData) -> None:
    """Refuse data on which every model scores 0.

    Raises:
        DataError: no query has a relevant candidate among those it is ranked against.
    """
    corpus = frozenset(data.candidate_ids) if data.pools is None else frozenset()
    for query in data.query_ids:
        among = corpus if data.pools is None else frozenset(data.pools[query])
        if not among.isdisjoint(data.qrels.get(query, ())):
            return
    relevant = next((name for query in data.query_ids for name in data.qrels.get(query, ())), None)
    found = f"; the first judgement is of {relevant!r}, the first candidate is {data.candidate_ids[0]!r}"
    raise DataError(
        f"{task.id}: no query of {len(data.query_ids)} has a relevant candidate among those it is ranked against, so"
        f" every model would score 0{found if relevant is not None else ''}: ids are spelled differently, or a file is"
        " of another task"
    )


def _alone(task: Task, data: TaskData) -> list[str]:
    """What to say of a corpus of one document."""
    if data.pools is not None or len(data.candidate_ids) > 1:
        return []
    return [f"{task.id}: {data.candidate_ids[0]!r} is the only candidate, so that every model has the same score"]


def _same_commit(task: Task, data: TaskData) -> list[str]:
    """Compare the commit that a mirror notes of its download with the declared one."""
    noted, declared = (data.revision or "").partition("+files:")[0], task.dataset.revision
    if task.source.kind != "mirror" or not declared or len(noted) != len(declared) or noted == declared:
        return []
    problem = f"{task.id}: the mirror holds {task.dataset.repo} at {noted[:12]}, the task declares {declared[:12]}"
    if task.source.strict:
        raise DataError(f"{problem}; get that with `hf download --revision {declared}`, or give data.strict=false")
    return [problem]


def content(task: Task, data: TaskData, decoders: set[str] | None = None) -> str:
    """What identifies everything that a task was made of: its rows' revision, and the content of its media files.

    Pictures inside the rows are covered by the revision, and those of the sample by its version. So it is the same on
    every machine that has the same data; see `media_content` for what is read.

    Args:
        task: as declared.
        data: its items.
        decoders: gets the names of what decodes its videos.

    Raises:
        DataError: an item cannot be made, its folder of frames is missing, say, or a file cannot be read; it is named.
    """
    revision = data.revision or "unknown"
    if task.source.kind == "sample":
        return revision
    files: list[str] = []
    sides = (Side.QUERY, data.query_ids, data.queries), (Side.CANDIDATE, data.candidate_ids, data.candidates)
    for item in chain.from_iterable(_made(task, *side) for side in sides):
        for media in chain(item.images, item.frames):
            path = media.clip.video.path if isinstance(media, Frame) else media
            if isinstance(media, Frame) and decoders is not None:
                decoders.add(media.clip.video.decoder)
            if isinstance(path, (str, os.PathLike)):
                files.append(os.path.abspath(path))  # noqa: PTH100 - a tenth of the time, a hundred thousand times
    return f"{revision}{content_of(task, files)}"


def _made(task: Task, side: Side, ids: Sequence[str], items: Sequence[Item]) -> Iterator[Item]:
    """Items, one after the other; one that cannot be made is named."""
    for place, name in enumerate(ids):
        try:
            item = items[place]
        except DataError as error:
            raise DataError(f"{task.id}: {side} {name!r}: {error}") from error
        yield item


def _counted(task: Task, data: TaskData) -> list[str]:
    """Compare counts with the declared ones."""
    n_queries, n_candidates = task.n_queries, task.n_candidates
    if task.counts == "upstream" and task.source.kind != "sample":
        return []
    if task.source.kind == "sample":
        made = bundled.counts(task.dataset)
        by_language = made.n_queries_by_language or {}
        n_queries, n_candidates = by_language.get(task.dataset.language or "", made.n_queries), made.n_candidates
    if data.whole and data.pools is not None:
        n_candidates = None  # the pools of the other queries were not read
    found = (data.whole.n_queries if data.whole else len(data.query_ids), len(data.candidate_ids))
    if found == (n_queries or found[0], n_candidates or found[1]):
        return []
    problem = (
        f"{task.id}: expected {n_queries or 'any number of'} queries and {n_candidates or 'any number of'} candidates"
        f" in {task.dataset.repo}, found {found[0]} and {found[1]}"
    )
    strict = task.source.strict if task.source.strict is not None else task.source.kind != "mirror"
    if strict:
        raise DataError(f"{problem}; these are not the benchmark's data (data.strict=false scores them all the same)")
    return [f"{problem}: not the benchmark's data"]

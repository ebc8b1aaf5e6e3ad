"""What the browser of queries reads."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from rzen_eval.results.report.pictures import Album
from rzen_eval.results.report.slices import slices
from rzen_eval.results.statistics.bootstrap import interval, resampled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rzen_eval.core import Item, TaskData
    from rzen_eval.results.report.judged_run import Judged

QUERY_TEXT, CANDIDATE_TEXT = 2000, 600
"""Characters of a text that are kept; a longer one ends in an ellipsis."""
RESAMPLES = 1000
"""Of a slice, whose interval is looked at and not printed."""
ANSWERS = 5
"""Right answers of a query that are shown, beside those among the first five."""


@dataclass(frozen=True, slots=True)
class Browse:
    """All queries of a task, ready to be written."""

    payload: Mapping[str, Any]
    """Columns rather than rows, and candidates by number, since that is a third of the size."""
    queries: int
    pictured: int
    """Of the queries, those shown with pictures."""
    notes: Sequence[str]
    """What is missing, and why."""


@dataclass(slots=True)
class _Table:
    """Candidates that are shown somewhere, each once."""

    data: TaskData
    rows: dict[str, int] = field(default_factory=dict)

    def row(self, name: str) -> int:
        return self.rows.setdefault(name, len(self.rows))

    def items(self) -> list[Item]:
        place = {name: row for row, name in enumerate(self.data.candidate_ids)}
        return [self.data.candidates[place[name]] for name in self.rows]


def browse(data: TaskData, judged: Mapping[int, Judged], pictured: int, side: int) -> Browse:
    """Gather a task's queries with what came first.

    Args:
        data: of the task.
        judged: rankings by the number of their model; at least one.
        pictured: queries to show with pictures.
        side: pixels of a picture's longest side.
    """
    table, queries = _Table(data), list(data.queries)
    answers = _answers(data)
    rights = [[table.row(name) for name in names] for names in _shown(answers, list(judged.values()))]
    runs = [_run(model, one, table) for model, one in judged.items()]
    candidates = table.items()
    place = {name: row for row, name in enumerate(data.candidate_ids)}
    first_right = [data.candidates[place[names[0]]] if names else None for names in answers]

    chosen = worth_seeing(list(judged.values()), pictured)
    seen = sorted({row for q in chosen for row in [*rights[q], *(c for run in runs for c in run["top"][q])]})
    album = Album(side)
    shots = dict(zip(chosen, album.add([queries[row] for row in chosen]), strict=True))
    candidate_shots = dict(zip(seen, album.add([candidates[row] for row in seen]), strict=True))

    instructions = list(dict.fromkeys(item.instruction or "" for item in queries))
    columns = _columns(data.query_ids, queries, shots, QUERY_TEXT) | {
        "told": [instructions.index(item.instruction or "") for item in queries] if len(instructions) > 1 else 0,
        "pool": _pools(data),
    }
    payload = {
        "query": columns,
        "instructions": instructions,
        "candidate": _columns(list(table.rows), candidates, candidate_shots, CANDIDATE_TEXT),
        "right": rights,
        "grades": _grades(data, rights, list(table.rows)),
        "n_right": [len(names) for names in answers],
        "runs": runs,
        "slices": _slices(data, first_right, list(judged.values())),
        "pictures": album.pictures,
    }
    return Browse(payload, len(queries), len(chosen) if album.shots else 0, album.notes())


def _answers(data: TaskData) -> list[list[str]]:
    """Right answers of each query that are among the candidates."""
    there = frozenset(data.candidate_ids)
    return [
        [name for name, grade in data.qrels[query].items() if grade > 0 and name in there] for query in data.query_ids
    ]


def _shown(answers: Sequence[Sequence[str]], judged: Sequence[Judged]) -> list[list[str]]:
    """Right answers to show: those that a model ranks high, and the first of the others."""
    found = []
    for query, names in enumerate(answers):
        top = {name for one in judged for name in one.top[query]}
        high, others = [name for name in names if name in top], [name for name in names if name not in top]
        found.append([*high, *others[: max(0, ANSWERS - len(high))]])
    return found


def _run(model: int, judged: Judged, table: _Table) -> dict[str, Any]:
    return {
        "model": model,
        "rank": judged.ranks,
        "margin": [None if margin is None else round(margin, 5) for margin in judged.margins],
        "tied": [int(tied) for tied in judged.tied],
        "top": [[table.row(name) for name in names] for names in judged.top],
        "scores": judged.scores,
    }


def _columns(
    ids: Sequence[str], items: Sequence[Item], shots: Mapping[int, int | None], length: int
) -> dict[str, Sequence[Any] | None]:
    there = any(shot is not None for shot in shots.values())
    return {
        "id": list(ids),
        "text": [_cut(item.text or "", length) for item in items],
        "picture": [shots.get(row) for row in range(len(items))] if there else None,
        "media": [_media(item) for item in items],
    }


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _media(item: Item) -> str:
    """What of an item is not text, in a word or two."""
    counts = (("image", len(item.images)), ("frame", len(item.frames)))
    return " and ".join(f"{count} {word}{'s' * (count > 1)}" for word, count in counts if count)


def _pools(data: TaskData) -> int | list[int]:
    if data.pools is None:
        return len(data.candidate_ids)
    sizes = [len(data.pools[query]) for query in data.query_ids]
    return sizes[0] if len(set(sizes)) == 1 else sizes


def _grades(data: TaskData, rights: Sequence[Sequence[int]], names: Sequence[str]) -> list[list[float]] | None:
    """Grades of the right answers that are shown; None where all are alike."""
    grades = [[data.qrels[q][names[row]] for row in rows] for q, rows in zip(data.query_ids, rights, strict=True)]
    return grades if len({grade for line in grades for grade in line}) > 1 else None


def _slices(data: TaskData, right: Sequence[Item | None], judged: Sequence[Judged]) -> list[dict[str, Any]]:
    return [
        {
            "name": cut.name,
            "parts": [
                {"label": part.label, "n": len(part.queries), "means": [_percents(one, part.queries) for one in judged]}
                for part in cut.parts
            ],
        }
        for cut in slices(data, right)
    ]


def _percents(judged: Judged, queries: Sequence[int]) -> list[float]:
    values = judged.values[np.asarray(queries)]
    found = interval(resampled(values, "slice", resamples=RESAMPLES))
    return [round(100 * value, 2) for value in (float(values.mean()), found.low, found.high)]


def worth_seeing(judged: Sequence[Judged], number: int) -> list[int]:
    """Queries to show with pictures: by turns the worst, the nearest misses, ties, and some spread over all.

    Args:
        judged: of each model.
        number: how many.
    """
    everything = range(len(judged[0].ranks))
    if number >= len(everything):
        return list(everything)

    def margin(row: int) -> float:
        known = [one.margins[row] for one in judged]
        return sum(-math.inf if value is None else value for value in known)

    step = max(1, len(everything) // max(1, number))
    lists: list[Iterable[int]] = [
        sorted((row for row in everything if any(one.missed(row) for one in judged)), key=margin),
        sorted((row for row in everything if any(one.near(row) for one in judged)), key=margin, reverse=True),
        (row for row in everything if any(one.tied[row] for one in judged)),
        [*everything[::step], *everything],
    ]
    return _by_turns(lists, number)


def _by_turns(lists: Sequence[Iterable[int]], number: int) -> list[int]:
    chosen: dict[int, None] = {}
    iterators = [iter(one) for one in lists]
    while iterators and len(chosen) < number:
        for iterator in list(iterators):
            new = next((row for row in iterator if row not in chosen), None)
            if new is None:
                iterators.remove(iterator)
            elif len(chosen) < number:
                chosen[new] = None
    return list(chosen)

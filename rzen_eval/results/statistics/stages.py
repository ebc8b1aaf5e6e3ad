"""Where a second stage helped, and where it hurt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rzen_eval.results import per_query, store
from rzen_eval.results.tables.document import Part, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.core import Result
    from rzen_eval.results.store import ModelResults


@dataclass(frozen=True, slots=True)
class Change:
    """A task's score before and after, in the textbook reading, 0 to 1, and its queries."""

    task: str
    metric: str
    before: float
    after: float
    helped: int | None
    """Queries that score higher after; None, here and below: their scores were not kept."""
    hurt: int | None
    same: int | None
    n_ties: int
    """Queries with equal scores among the first ten places."""

    @property
    def record(self) -> dict[str, Any]:
        """In numbers, in percent."""
        return {
            "task": self.task,
            "metric": self.metric,
            "first_stage": round(100 * self.before, 4),
            "second_stage": round(100 * self.after, 4),
            "difference": round(100 * (self.after - self.before), 4),
            "helped": self.helped,
            "hurt": self.hurt,
            "same": self.same,
            "tied": self.n_ties,
        }


def changes(first: ModelResults, second: ModelResults) -> list[Change]:
    """Task by task, of those that both stages have, over the queries of the second.

    A task is left out whose first stage has been scored anew since, so that these rankings are not those that the
    second stage was given.
    """
    return [
        _change(first, first.results[name], second, result)
        for name, result in second.results.items()
        if name in first.results and _follows(first.results[name], result)
    ]


def _follows(before: Result, after: Result) -> bool:
    """Whether a second stage was made of the rankings that lie beside a result."""
    told = (after.provenance.get("second_stage") or {}).get("first_stage") or {}
    rankings = [told.get("runs"), (before.provenance.get("files") or {}).get("runs")]
    return None in rankings or rankings[0] == rankings[1]


def _change(first: ModelResults, before: Result, second: ModelResults, after: Result) -> Change:
    one, other = per_query.read_queries(first.folder, before), per_query.read_queries(second.folder, after)
    if one is None or other is None or not {*one.query_ids}.issuperset(other.query_ids):
        return Change(after.task, after.metric, before.exact, after.exact, None, None, None, after.n_ties)
    place = {query: number for number, query in enumerate(one.query_ids)}
    old = one.exact[[place[query] for query in other.query_ids]]
    difference = other.exact - old
    return Change(
        after.task,
        after.metric,
        float(np.mean(old)),
        after.exact,
        int((difference > 0).sum()),
        int((difference < 0).sum()),
        int((difference == 0).sum()),
        after.n_ties,
    )


def section(models: Sequence[ModelResults]) -> list[Part]:
    """Of second stages among some models, a table each of where they helped and hurt.

    The first stage is another of the models, or lies in the folder beside.

    Raises:
        ResultError: a file beside a result is damaged.
    """
    found = []
    for model in models:
        name = _first_of(model)
        others = [other for other in models if other is not model and other.folder.resolve().name == name]
        beside = model.folder.resolve().parent / name if name else None
        if name and not others and beside and beside.is_dir():
            others = [store.read_model(beside, set(model.results))]
        if others and (lines := changes(others[0], model)):
            title = f"{model.name} after {others[0].name}"
            paragraphs = [
                "A second stage: textbook scores before and after in percent, and how many queries it helped and hurt."
            ]
            found.append(Part(title, paragraphs, [table(lines)]))
    return found


def _first_of(model: ModelResults) -> str:
    """The name of the model that a second stage follows; nothing for a model that is no second stage."""
    for result in model.results.values():
        if said := result.provenance.get("second_stage"):
            return str((said.get("first_stage") or {}).get("name") or "")
    return ""


def table(lines: Sequence[Change], title: str = "") -> Table:
    """A row a task."""
    return Table.of(
        [
            {
                "task": line.task,
                "metric": line.metric,
                "first stage": f"{100 * line.before:.2f}",
                "second stage": f"{100 * line.after:.2f}",
                "difference": f"{100 * (line.after - line.before):+.2f}",
                "helped": _count(line.helped),
                "hurt": _count(line.hurt),
                "same": _count(line.same),
                "tied": str(line.n_ties),
            }
            for line in lines
        ],
        title,
    )


def _count(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"

"""Scores of a model on several tasks, for a notebook, a tracker or a training loop."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.results.tables.averages import average
from rzen_eval.results.tables.document import Document, Part, Table, markdown, table_html
from rzen_eval.results.tables.escape import for_html
from rzen_eval.results.tables.rows import half, notes

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from rzen_eval.core import Result


@dataclass(frozen=True, slots=True, repr=False)
class SuiteResult:
    """Results by task, and the averages that may be formed of them, all from 0 to 1.

    An average is over all of its tasks or it is not there: one that failed takes its group's and the overall with it.
    """

    suite: str
    """What was asked for."""
    tasks: Mapping[str, Result]
    """By id, in the order of the suite."""
    groups_of: Mapping[str, str]
    """The group of every task that was asked for, by id."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """Why a task has no score, by id."""
    seconds: float = 0.0
    """From the first task's data to the last score."""

    @property
    def overall(self) -> float | None:
        """Mean over the tasks, formed as the tables form it: each score rounded to two decimals of a percent.

        None where a task failed, or where the tasks are of more than one benchmark, or of two versions of its data,
        which are never averaged.
        """
        versions = manifest().averaged_in(result.versions for result in self.tasks.values())
        if self.failed or not self.tasks or len(versions) > 1:
            return None
        return _mean(list(self.tasks.values()))

    @property
    def margin(self) -> float | None:
        """Half the 95 % interval of the overall, where it is an estimate from random samples of queries, else None."""
        half_points = None if self.overall is None else half(list(self.tasks.values()))
        return None if half_points is None else half_points / 100

    @property
    def groups(self) -> dict[str, float]:
        """Mean over the tasks of each group that has all of them."""
        members: dict[str, list[str]] = {}
        for task, group in self.groups_of.items():
            members.setdefault(group, []).append(task)
        return {
            group: _mean([self.tasks[task] for task in names])
            for group, names in members.items()
            if all(task in self.tasks for task in names)
        }

    def to_dict(self, prefix: str = "") -> dict[str, float]:
        """Numbers by flat names, as trackers like them: `overall`, `groups/ViDoRe-V1`, `tasks/vidore_arxivqa`, ...

        Args:
            prefix: put before every name, such as `eval/`.
        """
        spent = [result.provenance.get("embedding", {}) for result in self.tasks.values()]
        whole = {"overall": self.overall, "margin": self.margin}
        numbers = {name: value for name, value in whole.items() if value is not None}
        numbers |= {f"groups/{group}": value for group, value in self.groups.items()}
        numbers |= {f"tasks/{task}": result.score for task, result in self.tasks.items()}
        numbers |= {
            "cost/seconds": round(self.seconds, 3),
            "cost/items": float(sum(one.get("computed", 0) for one in spent)),
            "cost/tokens": float(sum(one.get("tokens", 0) for one in spent)),
            "failed": float(len(self.failed)),
        }
        return {f"{prefix}{name}": value for name, value in numbers.items()}

    def __repr__(self) -> str:
        said = "no overall" if self.overall is None else self._whole()
        failed = f", {len(self.failed)} failed" if self.failed else ""
        remarks = "".join(f", {remark}" for remark in self._remarks())
        over = f"{len(self.tasks)} task{'s' * (len(self.tasks) != 1)}"
        return f"<SuiteResult {self.suite}: {said} over {over}{failed}{remarks}>"

    def __str__(self) -> str:
        return markdown(Document([Part(paragraphs=self._remarks(), tables=[self._table()], points=self._failures())]))

    def _repr_html_(self) -> str:
        remarks = "".join(f"<p>{for_html(text)}</p>" for text in [*self._remarks(), *self._failures()])
        return remarks + table_html(self._table(), f"Scores on {self.suite}, per cent")

    def _whole(self) -> str:
        """The overall in percent; of an estimate with its interval."""
        value = 100 * (self.overall or 0.0)
        return f"{value:.2f}" if self.margin is None else f"≈ {value:.1f} ± {100 * self.margin:.1f}"

    def _table(self) -> Table:
        rows = [] if self.overall is None else [["all tasks", self._whole(), "", ""]]
        about = "≈ " if any(result.sampled for result in self.tasks.values()) else ""
        rows += [[group, f"{about}{100 * value:.2f}", "", ""] for group, value in self.groups.items()]
        rows += [
            [task, f"{about}{100 * result.score:.2f}", result.metric, str(result.n_queries)]
            for task, result in self.tasks.items()
        ]
        return Table([self.suite, "score", "metric", "queries"], rows)

    def _remarks(self) -> list[str]:
        """What a reader must know, each once."""
        sample = ["made-up sample, not the benchmark"] if _any_source(self.tasks.values(), "sample") else []
        return [*sample, *dict.fromkeys(text for result in self.tasks.values() for text in notes(result))]

    def _failures(self) -> list[str]:
        return [f"failed: {message}" for message in self.failed.values()]


def _mean(results: Sequence[Result]) -> float:
    return round(average([result.score for result in results]) / 100, 4)


def _any_source(results: Collection[Result], source: str) -> bool:
    return any(result.source == source for result in results)

"""What the report holds of one task."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rzen_eval.data.load import content, load_data
from rzen_eval.errors import RzenEvalError, reason
from rzen_eval.results.per_query import read_queries, read_run
from rzen_eval.results.report.judged_run import judge
from rzen_eval.results.report.query_browser import browse
from rzen_eval.results.statistics.bootstrap import resampled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.core import Result, Run, Task, TaskData
    from rzen_eval.results.report.judged_run import Judged
    from rzen_eval.results.report.query_browser import Browse
    from rzen_eval.results.statistics.bootstrap import Floats
    from rzen_eval.results.store import ModelResults


@dataclass(frozen=True, slots=True)
class Options:
    """How much to show."""

    pictured: int
    """Queries of each task that are shown with pictures."""
    side: int
    """Longest side of a picture, in pixels."""
    trust: bool = False
    """Show pictures of files whose sizes or times are not those that were scored."""


@dataclass(frozen=True, slots=True)
class TaskPage:
    """One task, of one or two models."""

    results: Sequence[Result | None]
    """A model each; None where it has not done the task."""
    notes: Sequence[str]
    """What is missing, and why."""
    means: Sequence[Floats | None]
    """Score of each model with its queries resampled, see `bootstrap`; None where scores of queries are not known."""
    browse: Browse | None = None
    """None where there is nothing to browse."""

    @property
    def first(self) -> Result:
        """A result, for what all have in common."""
        return next(result for result in self.results if result)


def page(models: Sequence[ModelResults], task: Task | str, task_id: str, options: Options) -> TaskPage:
    """Everything on one task.

    Args:
        models: one or two.
        task: where its data are, or why that is not known.
        task_id: of the task; one of the models has a result of it.
        options: how much to show.

    Raises:
        ResultError: a file of rankings is damaged.
    """
    results = [model.results.get(task_id) for model in models]
    means = [_means(model, result) for model, result in zip(models, results, strict=True)]
    runs = [read_run(model.folder, task_id) if task_id in model.results else None for model in models]
    if not any(runs):
        return TaskPage(results, ["No queries are shown: there are no rankings beside the result."], means)
    try:
        if isinstance(task, str):
            return TaskPage(results, [task], means)
        data = _data(task, next(result for result in results if result))
        made_of = content(task, data)
    except (RzenEvalError, OSError) as error:
        return TaskPage(results, [f"No queries are shown: {reason(error, 1000)}"], means)
    checked = _Checked()
    checked.take(models, results, runs, data)
    same = options.trust or checked.same(results, made_of)
    shown = browse(data, checked.judged, options.pictured if same else 0, options.side) if checked.judged else None
    for place, one in checked.judged.items():
        if means[place] is None:
            means[place] = resampled(one.values, task_id)
    return TaskPage(results, [*checked.notes, *(shown.notes if shown else ())], means, shown)


def _means(model: ModelResults, result: Result | None) -> Floats | None:
    """Of the scores of single queries that were kept with a result, so that intervals are those of other verbs."""
    queries = read_queries(model.folder, result) if result else None
    return resampled(queries.score, result.id) if result and queries else None


def _data(task: Task, result: Result) -> TaskData:
    """The data as the result was made of them, as far as it says."""
    # What does not fit the result is found below; what does not fit the declaration did not when it was scored.
    source = task.source.model_copy(update={"strict": False})
    frames = result.provenance.get("frames", task.frames)
    return load_data(task.model_copy(update={"limit": result.limit, "frames": frames, "source": source}))


@dataclass(slots=True)
class _Checked:
    """Which models' rankings are of the data that are there."""

    judged: dict[int, Judged] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def take(
        self,
        models: Sequence[ModelResults],
        results: Sequence[Result | None],
        runs: Sequence[Run | None],
        data: TaskData,
    ) -> None:
        """Judge every run there is."""
        for place, (model, result, run) in enumerate(zip(models, results, runs, strict=True)):
            if result is None:
                continue
            first = next(one for one in results if one)
            if result.limit != first.limit:
                self.notes.append(
                    f"{model.name}: no queries are shown, since its score is of {_extent(result)} and that of"
                    f" {models[0].name} is of {_extent(first)}; score both alike."
                )
                continue
            if run is None:
                self.notes.append(f"{model.name}: no queries are shown, since there are no rankings beside the result.")
                continue
            judged = judge(result, run, data)
            if isinstance(judged, str):
                self.notes.append(f"{model.name}: no queries are shown, since the data that were found have {judged}.")
            else:
                self.judged[place] = judged

    def same(self, results: Sequence[Result | None], made_of: str) -> bool:
        """Whether pictures are those that were scored, as far as can be told; a note where they are not."""
        scored = {result.provenance.get("dataset", {}).get("content") for result in results if result}
        if self.judged and scored != {made_of}:
            self.notes.append(
                "Pictures are left out: names, sizes or times of the files are not those that were scored, and what"
                " they show may not be either; --trust-files shows them all the same."
            )
        return scored == {made_of}


def _extent(result: Result) -> str:
    return "all queries" if result.limit is None else result.limit.words

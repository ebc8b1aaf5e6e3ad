"""What becomes of the tasks of a run while it goes on: each is scored or fails by itself."""

from __future__ import annotations

import contextlib
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rzen_eval.engine.job import Step
from rzen_eval.engine.waiting import watched
from rzen_eval.errors import RzenEvalError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rzen_eval.core import Result
    from rzen_eval.engine.job import Done
    from rzen_eval.engine.plan import Plan
    from rzen_eval.evaluation.progress import Progress


@dataclass
class Attempts:
    """Results and errors of tasks, told as they come."""

    progress: Progress
    results: dict[str, Result] = field(default_factory=dict, kw_only=True)
    failed: dict[str, str] = field(default_factory=dict, kw_only=True)

    @contextlib.contextmanager
    def attempt(self, task: str) -> Iterator[None]:
        """One task's work; whatever goes wrong with it is its own affair."""
        try:
            yield
        except RzenEvalError as error:
            self.refused(task, error)
        except Exception as error:  # noqa: BLE001 - a mistake of ours in one task must not cost the others
            self.progress.say(traceback.format_exc())
            self.fail(task, f"internal error, please report it with the lines above: {type(error).__name__}: {error}")

    def refused(self, task: str, error: RzenEvalError) -> None:
        """A task ends with an error that was raised on purpose."""
        self.fail(task, str(error))

    def fail(self, task: str, message: str) -> None:
        """A task ends with an error; only its first counts."""
        if task not in self.failed:
            self.failed[task] = message if message.startswith(task) else f"{task}: {message}"
            self.progress.failed(task, self.failed[task])

    def complete(self, plan: Plan, news: Iterable[Step | Done], titles: Mapping[str, str]) -> Iterator[str]:
        """Ids of tasks as the last of their windows is done; those with nothing left to do come first.

        Args:
            plan: of the run.
            news: what an engine tells of it.
            titles: names of the planned tasks by id, for progress.
        """
        if plan.n_items:
            self.progress.begin(plan.n_items)
        yield from [task for task in titles if not plan.open[task]]
        for one in watched(news, self.progress.say, plan.awaited):
            task = plan.task(one)
            if isinstance(one, Step):
                self.progress.step(titles[task], one.items, one.tokens)
                continue
            plan.note(one)
            if task in plan.failed:
                self.fail(task, str(plan.failed[task]))
            elif not plan.open[task]:
                yield task
        self.progress.end()

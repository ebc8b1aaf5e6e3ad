"""Commands that messages about data tell people to run."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from rzen_eval.benchmark.manifest import manifest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.core import Task

FEW = 5
"""Tasks that a command names one by one; of more it names the suites."""


def word(task: Task) -> str:
    """What `task=` calls a task; of one that is not shipped its id does, wherever its file lies."""
    entry = manifest().entries.get(task.id)
    return entry.path if entry else task.id


def _suites(task: Task) -> Sequence[str]:
    """A modality of MMEB-V2, or all of another benchmark."""
    entry = manifest().entries.get(task.id)
    first = next(iter(manifest().benchmarks))
    if entry is None or entry.benchmark == first or not entry.versions:
        return [str(task.modality)]
    return manifest().versions[entry.versions[0]].suites


def command(action: str, tasks: Sequence[Task], *options: str) -> str:
    """`rzen-eval data ACTION` for some tasks.

    Args:
        action: what to do.
        tasks: of one source.
        options: of the action.
    """
    source = tasks[0].source
    where = f"data.root={shlex.quote(str(source.root))}" if source.root else f"data={source.kind}"
    names = [word(task) for task in tasks]
    chosen = names if len(names) <= FEW else sorted({suite for task in tasks for suite in _suites(task)})
    listed = f"[{','.join(chosen)}]" if len(chosen) > 1 else chosen[0]
    return " ".join(["rzen-eval data", action, f"task={listed}", where, *options])

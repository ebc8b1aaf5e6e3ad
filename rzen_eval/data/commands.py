"""Commands that messages about data tell people to run."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.core import Task

FEW = 5
"""Tasks that a command names one by one; of more it names the modalities."""


def command(action: str, tasks: Sequence[Task], *options: str) -> str:
    """`rzen-eval data ACTION` for some tasks.

    Args:
        action: what to do.
        tasks: of one source.
        options: of the action.
    """
    source = tasks[0].source
    where = f"data.root={shlex.quote(str(source.root))}" if source.root else f"data={source.kind}"
    names = [f"{task.modality}/{task.id}" for task in tasks]
    chosen = names if len(names) <= FEW else sorted({str(task.modality) for task in tasks})
    listed = f"[{','.join(chosen)}]" if len(chosen) > 1 else chosen[0]
    return " ".join(["rzen-eval data", action, f"task={listed}", where, *options])

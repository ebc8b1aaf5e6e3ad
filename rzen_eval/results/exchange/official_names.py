"""Which task the official evaluator means by the name of a file, or of an entry of its report."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from rzen_eval.benchmark.manifest import manifest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

WITH_FOLDERS = frozenset({"text", "tool", "memory"})
"""Parts of MMEB-V3 whose tasks have folders in their names, which its report leaves out."""


def of_file(file: Path, ending: str) -> str:
    """The name of the task that a file is of: with as many of its folders as a task's name has, else without any.

    A file in a folder of a part of MMEB-V3 may lack the folders between: `text/pony_score.json`.

    Args:
        file: of scores or rankings.
        ending: of its name, `score.json` say; the task's name stands before it, or is that of its folder.
    """
    place = file.resolve()
    place = place.parent if file.name == ending else place.with_name(file.name.removesuffix(f"_{ending}"))
    longer = ("/".join(place.parts[-depth:]) for depth in range(len(place.parts), 1, -1))
    found = next((name for name in longer if name in manifest().names), None)
    return found or in_part(place.parent.name, place.name)


def in_part(part: str, name: str) -> str:
    """The name of a task that a report has under a part of the benchmark: `pony` under `text` is `text/BRIGHT/pony`."""
    return _short_names().get((part, name), name)


@cache
def _short_names() -> Mapping[tuple[str, str], str]:
    tasks = (task for task in manifest().entries.values() if task.modality in WITH_FOLDERS)
    return {(task.modality, task.name.rpartition("/")[2]): task.name for task in tasks}

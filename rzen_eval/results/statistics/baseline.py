"""What a model scored once, small and stable enough to be committed beside the code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ConfigDict, Field

from rzen_eval.core import Frozen
from rzen_eval.errors import ConfigError, ResultError
from rzen_eval.files import write_out
from rzen_eval.results import per_query, protocol
from rzen_eval.results.json_file import read_as

if TYPE_CHECKING:
    from pathlib import Path

    from rzen_eval.results.store import ModelResults

TOLERANCE = 1.0
"""Points that a task or an average may drop, unless the baseline or the user says otherwise."""
DIGITS = 4
"""Digits after the point of a query's score in the file."""
SCORE_DIGITS = 6
"""Digits after the point of a task's score, 0 to 1, in the file."""


class Recorded(Frozen):
    """A task as it was scored."""

    model_config = ConfigDict(populate_by_name=True)

    task: str
    """The leaderboard's name."""
    group: str
    score: float
    """0 to 1, official reading."""
    asked: dict[str, Any]
    """See `protocol.asked`."""
    presented: dict[str, Any] = Field(alias="told")
    """See `protocol.presented`."""
    queries: list[float] | None
    """Score of every query, in the order of their ids; None where they were not kept."""


class Baseline(Frozen):
    """The content of a baseline file."""

    model: str
    tolerance: float = Field(ge=0)
    """Points that a task or an average may drop."""
    settings: dict[str, Any]
    """How the model was used, see `protocol.settings`."""
    made_with: dict[str, Any]
    """Weights and versions, which may change; see `protocol.made_with`."""
    tasks: dict[str, Recorded]
    """By task id."""


def record(model: ModelResults, tolerance: float) -> Baseline:
    """Make a baseline of results."""
    first = model.first
    tasks = {}
    for name, result in sorted(model.results.items()):
        queries = per_query.read_queries(model.folder, result)
        tasks[name] = Recorded(
            task=result.task,
            group=result.group,
            score=round(result.score, SCORE_DIGITS),
            asked=protocol.asked(result),
            presented=protocol.presented(result),
            queries=None if queries is None else np.round(queries.score, DIGITS).tolist(),
        )
    return Baseline(
        model=model.name,
        tolerance=tolerance,
        settings=protocol.settings(first),
        made_with=protocol.made_with(first),
        tasks=tasks,
    )


def write(file: Path, baseline: Baseline) -> None:
    """Write a baseline: a line a fact, and all queries of a task on one, so that a diff shows what has changed.

    Raises:
        ResultError: the file cannot be written.
    """
    content = baseline.model_dump(mode="json", by_alias=True)
    tasks = content.pop("tasks")
    head = json.dumps(content, indent=2, ensure_ascii=False, sort_keys=False).removesuffix("\n}")
    entries = ",\n".join(f"    {json.dumps(name)}: {_entry(fields)}" for name, fields in tasks.items())
    text = f'{head},\n  "tasks": {{\n{entries}\n  }}\n}}\n'
    try:
        write_out(file, text.encode())
    except OSError as error:
        raise ResultError(f"{file} cannot be written ({error})") from error


def _entry(fields: dict[str, Any]) -> str:
    if fields["queries"] is not None:
        fields["queries"] = [int(value) if value == int(value) else value for value in fields["queries"]]
    lines = [f"      {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in fields.items()]
    return "{\n" + ",\n".join(lines) + "\n    }"


def read(file: Path) -> Baseline:
    """Read a baseline.

    Raises:
        ConfigError: there is none.
        ResultError: it is damaged.
    """
    if not file.exists():
        raise ConfigError(f"check: no baseline at {file}; --update writes one")
    return read_as(file, Baseline, "it is no baseline, --update writes one")

"""Published rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import yaml
from pydantic import Field, ValidationError, field_validator

from rzen_eval.core import Frozen
from rzen_eval.errors import ConfigError, first_fault, nearest, reason

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

COLUMNS = (
    "Overall",
    *("Image", "I-CLS", "I-QA", "I-RET", "I-VG"),
    *("Video", "V-CLS", "V-QA", "V-RET", "V-MRET"),
    *("Visdoc", "ViDoRe-V1", "ViDoRe-V2", "VisRAG", "VisDoc-OOD"),
)
"""Averages of the published tables, in their order."""
DataVersion = Literal["2.1", "2.0.1", "2.0"]
DATA_VERSIONS: tuple[str, ...] = get_args(DataVersion)
"""Newest first. 2.1: page labels corrected in November 2025, 1602 MomentSeeker queries; 2.0.1: the same queries, labels
not corrected; 2.0: labels not corrected, 1800 MomentSeeker queries."""


class Reference(Frozen):
    """A row of a published table (Hydra group `reference`)."""

    model: str
    data_version: DataVersion
    size_b: float | None = None
    """Billions of parameters; None: not published."""
    source: str
    """Where the figures were printed."""
    url: str | None = None
    tasks_source: str | None = None
    """Where the scores of single tasks come from; None: from the same place as everything else."""
    frames: int | None = Field(default=None, gt=0)
    """Frames of a video that the model saw; None: not known."""
    prompt: str | None = None
    """How instructions were given, in a few words; None: not known."""
    decimals: int = Field(default=2, ge=0)
    """Digits after the point that the source prints."""
    note: str | None = None
    unranked: str | None = None
    """Why the row is not to be compared with others of its data version; None: it is."""
    scores: dict[str, float] = Field(default={})
    """Percent as printed, by column."""
    tasks: dict[str, float] = Field(default={})
    """Percent by task, under the leaderboard's names."""

    @field_validator("scores")
    @classmethod
    def _of_known_columns(cls, scores: dict[str, float]) -> dict[str, float]:
        _check(scores, COLUMNS, "column")
        return scores

    @field_validator("tasks")
    @classmethod
    def _in_percent(cls, tasks: dict[str, float]) -> dict[str, float]:
        _check(tasks, tasks, "task")
        return tasks


def _check(scores: Mapping[str, float], known: Collection[str], what: str) -> None:
    for name, score in scores.items():
        if name not in known:
            raise ValueError(f"unknown {what} {name!r}{nearest(name, known)}")
        if not 0 <= score <= 100:
            raise ValueError(f"{name}: expected percent, 0 to 100, found {score}")


def load(folders: Sequence[Path], tasks: Collection[str]) -> dict[str, Reference]:
    """Read every published row.

    Args:
        folders: folders of YAML, each with a group `reference`.
        tasks: the leaderboard's names of tasks and their variants.

    Returns:
        Rows by what `reference=` calls them.

    Raises:
        ConfigError: a file is no YAML, does not fit the schema or names a task that does not exist.
    """
    found = {}
    for folder in folders:
        for file in sorted((folder / "reference").rglob("*.yaml")):
            reference = _read(file, tasks)
            if reference:
                found[file.relative_to(folder / "reference").with_suffix("").as_posix()] = reference
    return found


def _read(file: Path, tasks: Collection[str]) -> Reference | None:
    try:
        raw = yaml.safe_load(file.read_text())
        if raw is None:
            return None
        reference = Reference.model_validate(raw)
        _check(reference.tasks, tasks, "task")
    except ValidationError as error:
        where, what = first_fault(error)
        raise ConfigError(f"{file}: {where}: {what}") from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"{file}: {reason(error, 1000)}") from error
    return reference

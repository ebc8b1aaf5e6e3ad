"""Published rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from rzen_eval.benchmark import declared
from rzen_eval.benchmark.manifest import manifest
from rzen_eval.core import Frozen
from rzen_eval.errors import ConfigError, first_fault, nearest, reason

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path


class Reference(Frozen):
    """A row of a published table (Hydra group `reference`)."""

    model: str
    data_version: str
    size_b: float | None = None
    """Billions of parameters, counted as in the declaration of the model where there is one; None: not known."""
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

    @field_validator("data_version")
    @classmethod
    def _known(cls, version: str) -> str:
        if version not in manifest().versions:
            raise ValueError(f"expected one of {', '.join(manifest().versions)}, found {version!r}")
        return version

    @field_validator("scores")
    @classmethod
    def _of_known_columns(cls, scores: dict[str, float], checked: ValidationInfo) -> dict[str, float]:
        if "data_version" in checked.data:
            _check(scores, manifest().columns(checked.data["data_version"]), "column")
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
        raw = declared.content(file)
        if not raw:
            return None
        reference = Reference.model_validate(raw)
        _check(reference.tasks, tasks, "task")
    except ValidationError as error:
        where, what = first_fault(error)
        raise ConfigError(f"{file}: {where}: {what}") from error
    except ValueError as error:
        raise ConfigError(f"{file}: {reason(error, 1000)}") from error
    return reference

"""The leaderboard's submission file."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, Field, ValidationError, field_validator

from rzen_eval.core import Frozen, Mark
from rzen_eval.errors import ConfigError, ResultError, first_fault, some

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rzen_eval.core import Result

SAMPLE = "made-up sample, not MMEB-V2"


class Metadata(Frozen):
    """What the leaderboard asks about a model, under its own names."""

    model_config = ConfigDict(protected_namespaces=())

    model_name: str = Field(min_length=1)
    model_backbone: str = Field(min_length=1)
    model_size: float = Field(gt=0)
    """Billions of parameters."""
    embedding_dimension: int = Field(gt=0)
    max_length_tokens: int = Field(gt=0)
    model_release_date: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    url: str = Field(pattern=r"^https?://\S+$")
    data_source: str = Field(default="Self-Reported", min_length=1)

    @field_validator("model_name")
    @classmethod
    def _names_a_file(cls, name: str) -> str:
        if "/" in name:
            raise ValueError(f"expected a name without '/', since it names the file, found {name!r}")
        return name


def metadata(given: Mapping[str, str], results: Sequence[Result]) -> Metadata:
    """What is given, and for the rest what the results say about their model.

    Raises:
        ConfigError: something is missing or cannot be right; names all that is missing, and how to give it.
    """
    told: Mapping[str, Any] = next((result.provenance.get("model", {}) for result in results), {})
    known = {"model_size": "parameters_b", "embedding_dimension": "dim", "max_length_tokens": "max_length"}
    found = {name: told[key] for name, key in known.items() if told.get(key) is not None} | dict(given)
    missing = [name for name, field in Metadata.model_fields.items() if field.is_required() and name not in found]
    if missing:
        raise ConfigError(
            f"export: the leaderboard asks for {', '.join(missing)}; give {' '.join(f'{name}=...' for name in missing)}"
        )
    try:
        return Metadata.model_validate(found)
    except ValidationError as error:
        name, what = first_fault(error)
        raise ConfigError(f"export: {name}={found.get(name)}: {what}") from error


def submission(
    results: Sequence[Result],
    about: Metadata,
    benchmark: Mapping[str, Mapping[str, Sequence[str]]],
    version: str,
    date: str,
) -> dict[str, Any]:
    """The content of the file.

    Args:
        results: of one model, of one version of the data.
        about: the model.
        benchmark: leaderboard names of the tasks by modality and group.
        version: of the data.
        date: when the file is made, as the leaderboard wants to know.

    Raises:
        ResultError: a task is missing, was scored in part, or on other data than the benchmark's.
    """
    whole = {result.task: result for result in results if result.limit is None}
    names = {modality: [name for group in groups.values() for name in group] for modality, groups in benchmark.items()}
    everything = [name for members in names.values() for name in members]
    missing = [name for name in everything if name not in whole]
    if missing:
        raise ResultError(
            f"export: {len(missing)} of {len(everything)} tasks of data version {version} have no full result:"
            f" {some(missing)}; score them, or name another version with --data-version"
        )
    chosen = [whole[name] for name in everything]
    for result in chosen:
        _check(result)
    sample = any(result.source == "sample" for result in chosen)
    said = about.model_dump() | ({"data_source": SAMPLE} if sample else {}) | {"report_generated_date": date}
    return {
        "metadata": said,
        "metrics": {modality: {name: _metrics(whole[name]) for name in members} for modality, members in names.items()},
    }


def _check(result: Result) -> None:
    if Mark.OTHER_DATA in result.marks:
        raise ResultError(
            f"export: {result.task} was scored on other data than the benchmark's; score it on all of them"
        )
    if result.imported_from == "mteb":
        raise ResultError(f"export: {result.task} was imported from mteb, which has another protocol; score it here")
    values = _metrics(result)
    wrong = [f"{name} {value}" for name, value in values.items() if not math.isfinite(value)]
    wrong += [f"{name} {value}" for name, value in values.items() if "@" in name and not 0 <= value <= 1]
    if wrong or result.metric not in values:
        raise ResultError(
            f"export: {result.task}: {wrong[0] if wrong else f'no {result.metric}'}; score the task again"
        )


def _metrics(result: Result) -> dict[str, float]:
    """Every metric in the official reading, and the counts that the evaluator adds."""
    return {**result.metrics, **result.official, "num_pred": result.n_queries, "num_data": result.n_queries}


def text(content: Mapping[str, Any]) -> str:
    """The file's text."""
    return json.dumps(content, indent=4, ensure_ascii=False) + "\n"

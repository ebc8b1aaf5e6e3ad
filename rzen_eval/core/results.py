"""What comes out: rankings and scores."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator
from typing_extensions import TypedDict

from rzen_eval.core.limit import Limit
from rzen_eval.core.tasks import FileName, Frozen, Modality

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray


class Mark(StrEnum):
    """What keeps a score from being compared with others."""

    OTHER_DATA = "other_data"
    """Counts tell that it was made of other data than the benchmark's."""
    COLLAPSED = "collapsed"
    """All queries, or all candidates, had practically the same vector."""


@dataclass(frozen=True, slots=True, repr=False)
class Run:
    """Rankings of a task: candidate ids with scores, best first."""

    ranking: Mapping[str, Sequence[str]]
    scores: Mapping[str, Sequence[float]]
    tied: Sequence[str] = ()
    """Queries with equal scores of different candidates among, or at the edge of, the first ten places."""

    def __repr__(self) -> str:
        deepest = max(map(len, self.ranking.values()), default=0)
        return f"<Run: {len(self.ranking)} queries, up to {deepest} candidates each, {len(self.tied)} tied>"


@dataclass(frozen=True, slots=True)
class QueryScores:
    """A task's metric query by query, in both readings; fractions, not per cent."""

    query_ids: Sequence[str]
    score: NDArray[np.float64]
    """Official reading, shape (queries,); its mean is the result's `score`."""
    exact: NDArray[np.float64]
    """Textbook reading, shape (queries,); its mean is the result's `exact`."""


Fraction = Annotated[float, Field(ge=0, le=1 + 1e-9, allow_inf_nan=False)]
"""A score; means of ones may be above one by a last bit."""
Count = Annotated[int, Field(ge=0)]


class _Loose(BaseModel):
    """What is looked at of a part of a file; keys beside that may hold anything."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)


class _Model(_Loose):
    name: str | None = None
    weights: str | None = None
    parameters_b: float | None = None
    prompt: dict[str, Any] | None = None


class _Media(_Loose):
    place: str | None = None
    canonical: str | None = None


class _Dataset(_Loose):
    source: str | None = None
    root: str | None = None
    repo: str | None = None
    revision: str | None = None
    content: str | None = None
    judgements: str | None = None
    media: _Media | None = None


class _FirstStage(_Loose):
    name: str | None = None
    runs: str | None = None


class _SecondStage(_Loose):
    top_k: Count | None = None
    reranker: dict[str, Any] = {}
    first_stage: _FirstStage = _FirstStage()


_Imported = TypedDict("_Imported", {"from": str, "own_protocol": bool}, total=False)


class _Provenance(_Loose):
    """What commands read of where a result comes from."""

    fingerprint: str | None = None
    model: _Model = _Model()
    dataset: _Dataset = _Dataset()
    versions: list[str] | None = None
    frames: Count | None = None
    instruction: dict[str, str | None] | None = None
    options: dict[str, Any] | None = None
    prompts: dict[str, str | None] | None = None
    software: dict[str, str | None] = {}
    machine: dict[str, Any] = {}
    imported: _Imported = {}
    second_stage: _SecondStage | None = None
    files: dict[str, str] = {}


class Sampled(Frozen):
    """A whole task, as a random sample of its queries shows it."""

    n_queries: int
    """Of the whole task."""
    error: float
    """Standard error of `score`, as a fraction; 0 where the sample is the whole."""
    judgements: str | None
    """Hash of what is asked in the whole task, see `TaskData.whole`."""


class Result(Frozen):
    """Scores of a model on a task, with what is needed to trust them; the content of `<id>.json`."""

    id: FileName
    task: str
    modality: Modality
    group: str
    metric: str
    score: Fraction
    """Main metric in the official evaluator's reading, 0 to 1."""
    exact: Fraction
    """Main metric in the textbook reading, 0 to 1."""
    metrics: dict[str, Fraction]
    """Every metric at 1, 5 and 10 in the textbook reading."""
    official: dict[str, Fraction]
    """Those metrics whose official reading differs."""
    n_queries: Count
    n_candidates: Count
    n_ties: Count
    limit: Limit | None
    """Which of the task's queries were scored; None: all."""
    sampled: Sampled | None = None
    """What the score of a random sample tells of the whole task; None of all queries, or of the first ones."""
    marks: tuple[Mark, ...] = ()
    """What keeps the score from being compared with others."""
    warnings: list[str]
    provenance: dict[str, Any]

    @field_validator("provenance")
    @classmethod
    def _as_it_is_read(cls, provenance: dict[str, Any]) -> dict[str, Any]:
        _Provenance.model_validate(provenance)
        return provenance

    def __repr__(self) -> str:
        """The score and what it is of; everything else has a name of its own."""
        where = " on the made-up sample, not the benchmark" * (self.source == "sample")
        marks = "".join(f", {mark}" for mark in self.marks)
        asked = f"{self.n_queries} queries" if self.limit is None else self.limit.words
        return (
            f"<Result {self.id}: {self.metric} {100 * self.score:.2f}{where}, {asked}, {self.n_candidates}"
            f" candidates{marks}>"
        )

    def __str__(self) -> str:
        return repr(self)

    @field_validator("limit", mode="before")
    @classmethod
    def _once_the_first(cls, value: Any) -> Any:
        """A number alone was written when a limit was always of the first queries."""
        return f"first:{value}" if isinstance(value, int) else value

    @property
    def source(self) -> str | None:
        """Where its data came from: `sample`, `hub`, `mirror` or `imported`; None where the result does not say."""
        return self._dataset.get("source")

    @property
    def versions(self) -> tuple[str, ...] | None:
        """Versions of the data whose averages include it, none for a variant; None where the result does not say."""
        versions = self.provenance.get("versions")
        return None if versions is None else tuple(versions)

    @property
    def imported_from(self) -> str | None:
        """The evaluator that it was imported from; None where it was scored here."""
        imported: Mapping[str, str] = self.provenance.get("imported", {})
        return imported.get("from")

    @property
    def other_protocol(self) -> bool:
        """Whether it was imported from an evaluator that has another protocol for this task than the benchmark's."""
        imported: Mapping[str, Any] = self.provenance.get("imported", {})
        return imported.get("from") == "mteb" and not imported.get("own_protocol", False)

    @property
    def _dataset(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.provenance.get("dataset", {})
        return found

    def counts_in(self, version: str) -> bool:
        """Whether averages of a version of the data include it; one that does not say which counts in all."""
        return self.versions is None or version in self.versions

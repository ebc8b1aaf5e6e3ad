"""The nouns of the benchmark."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, Union, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PIL.Image import Image

Vectors = NDArray[np.float32]
"""Rows are items, columns dimensions."""


@dataclass(frozen=True, slots=True)
class MultiVectors:
    """Several vectors an item, such as one a token; a model that compares items vector by vector returns these."""

    rows: Vectors
    """The vectors of all items, item after item: (total, dimensions)."""
    offsets: NDArray[np.int64]
    """Where each item's rows begin, and where the last one's end: (items + 1,)."""

    def __post_init__(self) -> None:
        starts = self.offsets
        fits = self.rows.ndim == 2 and starts.ndim == 1 and len(starts) > 0
        if not fits or starts[0] != 0 or starts[-1] != len(self.rows) or (np.diff(starts) < 0).any():
            raise ValueError(
                "MultiVectors takes rows of shape (total, dimensions) and ascending offsets from 0 to total, found"
                f" rows of shape {self.rows.shape} and offsets {starts.tolist()[:3]} ... {starts.tolist()[-1:]}"
            )

    @classmethod
    def of(cls, items: Sequence[NDArray[Any]]) -> Self:
        """From one array of shape (vectors, dimensions) for each item."""
        rows = np.concatenate(items) if items else np.zeros((0, 0))
        return cls(rows.astype(np.float32, copy=False), np.cumsum([0, *map(len, items)], dtype=np.int64))

    def __len__(self) -> int:
        """Items."""
        return len(self.offsets) - 1

    def __getitem__(self, item: int) -> Vectors:
        """The vectors of one item, shape (vectors, dimensions)."""
        return self.rows[self.offsets[item] : self.offsets[item + 1]]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Vectors of each item: (items,)."""
        return np.diff(self.offsets)


class Frozen(BaseModel):
    """A value read from YAML or JSON: unknown keys are refused and nothing changes afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Side(StrEnum):
    """Which half of a retrieval task an item belongs to."""

    QUERY = "query"
    CANDIDATE = "candidate"


class Mark(StrEnum):
    """What keeps a score from being compared with others."""

    OTHER_DATA = "other_data"
    """Counts tell that it was made of other data than the benchmark's."""
    COLLAPSED = "collapsed"
    """All queries, or all candidates, had practically the same vector."""


class Modality(StrEnum):
    """The three parts of MMEB-V2."""

    IMAGE = "image"
    VIDEO = "video"
    VISDOC = "visdoc"


@runtime_checkable
class Encoded(Protocol):
    """An image that is still encoded and not in memory, such as a row of a memory-mapped table."""

    def read(self) -> bytes:
        """The encoded bytes (PNG, JPEG, ...)."""


@dataclass(frozen=True, slots=True)
class SavedAsJpeg:
    """A picture as the official evaluator stores it before use: saved by Pillow as a JPEG of default quality."""

    media: str | os.PathLike[str] | bytes | Encoded


Kind = Literal["label", "answer", "caption"]
"""What the text of a candidate stands for."""

Media = Union[str, os.PathLike[str], bytes, Encoded, SavedAsJpeg, "Image"]
"""A path, encoded bytes, a lazy reference to encoded bytes, one of these once more compressed, or a PIL image."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to embed. What the benchmark says, before any model adds its template."""

    text: str | None = None
    images: Sequence[Media] = ()
    """Still images, in order."""
    frames: Sequence[Media] = ()
    """Frames of one video, in order; apart from `images` since models give frames another pixel budget."""
    instruction: str | None = None
    """What the model is told to do; where it goes in the prompt is the model's affair."""
    verbatim: str | None = None
    """The one string that the official evaluator makes of all this for Qwen2-VL, media tokens and white space
    included; read by models that were published with these strings, and by no other."""
    user_turn: str | None = None
    """What the official evaluator puts into the user turn of models with a chat template, GME and LamRA, white space
    included; None: instruction and text joined by a space."""
    kind: Kind | None = None
    """What a candidate that is a text stands for; None: nothing in particular."""

    def __post_init__(self) -> None:
        for name, media in (("images", self.images), ("frames", self.frames)):
            if isinstance(media, (str, bytes)):
                raise TypeError(f"Item({name}=...) takes a list, found {type(media).__name__}; write {name}=[...]")


class Dataset(Frozen):
    """Where the rows of a task come from."""

    repo: str
    config: str | None = None
    """Configuration that holds the rows; None where the repository has one only, or the recipe knows which."""
    revision: str | None = None
    """A commit of the repository; None where no commit is known to be the benchmark's, then the newest is read."""
    split: str
    language: str | None = None
    """Keep only queries of this language (BEIR-shaped repositories with a `language` column)."""


class Instruction(Frozen):
    """What a model is told about each side of a task, word for word as the official evaluator has it."""

    query: str | None = None
    """None where the rows bring their own, or the kind of query decides."""
    candidate: str | None = None
    """None where the benchmark embeds candidates without an instruction, or the rows bring their own."""


class Source(Frozen):
    """Where repositories are read from (Hydra group `data`)."""

    kind: Literal["sample", "hub", "mirror"]
    root: Path | None = None
    """Folder of a mirror; unused otherwise."""
    media: Path | None = None
    """Folder of the media, where they are in none of the places that are known."""
    media_revision: str | None = None
    """Commit or branch of the media repository to fetch; None: the commit that others pin."""
    strict: bool | None = None
    """Counts that differ from the declared ones are an error (True) or a warning (False); None: an error on the hub."""

    @model_validator(mode="after")
    def _placed(self) -> Self:
        if self.kind == "mirror" and self.root is None:
            raise ValueError("a mirror needs data.root=FOLDER, the folder that holds <org>/<name>/")
        return self


class Task(Frozen):
    """A task as declared in `conf/task`. Nothing is loaded."""

    id: str
    """File name of the declaration: names result files, tells versions of a task apart."""
    name: str
    """The leaderboard's name; two versions of a task share it."""
    modality: Modality
    group: str
    recipe: str
    """Module of `rzen_eval.data.recipes` that turns rows into queries, candidates and judgements."""
    metric: str
    evaluator: Literal["mmeb", "mteb"] = "mmeb"
    """Whose evaluator `score` follows, oddities included: MMEB's or mteb's."""
    pool: Literal["query", "corpus"]
    """Whether each query is ranked against its own candidates or against all of the task's."""
    dataset: Dataset
    instruction: Instruction = Instruction()
    options: dict[str, Any] = {}
    """What the recipe needs to know beside this: columns, folders, labels; each recipe has a schema for its own."""
    n_queries: int = Field(gt=0)
    n_candidates: int | None = Field(default=None, gt=0)
    """None where the count is not public."""
    versions: tuple[str, ...] = ()
    """Versions of a benchmark's data whose averages include this task; empty for variants and tasks of your own."""
    source: Source
    media: Path | None = None
    """Folder of this task's own media; None: in one of the places that are known."""
    limit: int | None = Field(default=None, gt=0)
    """Score the first `limit` queries only."""
    frames: int = Field(default=8, gt=0)
    """Frames to take of every video, evenly spread; the benchmark's tables are made with eight."""
    cache_dir: Path

    @model_validator(mode="after")
    def _ranked_whole(self) -> Self:
        if self.evaluator == "mteb" and self.pool != "corpus":
            raise ValueError(f"evaluator: mteb ranks the whole corpus, found pool: {self.pool}")
        return self


@dataclass(frozen=True, slots=True, repr=False)
class TaskData:
    """A task's queries, candidates and judgements, checked and ready to embed."""

    query_ids: Sequence[str]
    queries: Sequence[Item]
    candidate_ids: Sequence[str]
    candidates: Sequence[Item]
    qrels: Mapping[str, Mapping[str, float]]
    """Grade of every relevant candidate by query, in the order of the benchmark's judgements."""
    pools: Mapping[str, Sequence[str]] | None = None
    """Candidates each query may be ranked against; None means the whole corpus."""
    integer_ids: bool = False
    """Whether all candidate ids are integers, however the repository stores them; the official reading of graded NDCG
    depends on it."""
    languages: Sequence[str] | None = None
    """Language of each query; None where the repository does not say."""
    revision: str | None = None
    """Commit of the repository, or a signature of the files where there is none."""
    other_data: bool = False
    """Whether counts tell that these are other data than the benchmark's."""
    warnings: Sequence[str] = ()
    media: Mapping[str, Any] | None = None
    """Where the media were found, and of which commit they are; None where a task has none of its own."""

    def __repr__(self) -> str:
        pooled = "in one corpus" if self.pools is None else "in pools"
        return f"<TaskData: {len(self.query_ids)} queries, {len(self.candidate_ids)} candidates {pooled}>"


@runtime_checkable
class Embedder(Protocol):
    """A map from items to vectors. It never learns which task it is embedding.

    One whose vectors are meant to be compared by dot product, whatever their length, says so in an attribute
    `similarity = "dot"`; without it, or with `"cosine"`, they are made unit length.
    """

    def embed(self, items: Sequence[Item], side: Side) -> Vectors | MultiVectors | Sequence[Vectors]:
        """One vector an item, or several, in the order of the items.

        Args:
            items: n items.
            side: the half of the task they belong to; prompts may differ by side.

        Returns:
            float32 array of shape (n, dimensions), ranked by dot product; or for each item an array of shape
            (vectors, dimensions), or all of these as `MultiVectors`, ranked by MaxSim.
        """


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


class Result(Frozen):
    """Scores of a model on a task, with what is needed to trust them; the content of `<id>.json`."""

    id: str
    task: str
    modality: Modality
    group: str
    metric: str
    score: float
    """Main metric in the official evaluator's reading, 0 to 1."""
    exact: float
    """Main metric in the textbook reading, 0 to 1."""
    metrics: dict[str, float]
    """Every metric at 1, 5 and 10 in the textbook reading."""
    official: dict[str, float]
    """Those metrics whose official reading differs."""
    n_queries: int
    n_candidates: int
    n_ties: int
    limit: int | None
    marks: tuple[Mark, ...] = ()
    """What keeps the score from being compared with others."""
    warnings: list[str]
    provenance: dict[str, Any]

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

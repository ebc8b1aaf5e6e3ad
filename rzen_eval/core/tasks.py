"""What is asked: tasks as declared, and their data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from rzen_eval.core.limit import Limit
from rzen_eval.files import usable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rzen_eval.core.items import Item


class Frozen(BaseModel):
    """A value read from YAML or JSON: unknown keys are refused and nothing changes afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Modality(StrEnum):
    """Parts of benchmarks: the three of MMEB-V2, and those that MMEB-V3 has beside them."""

    IMAGE = "image"
    VIDEO = "video"
    VISDOC = "visdoc"
    TEXT = "text"
    TOOL = "tool"
    MEMORY = "memory"


def _checked_place(path: Path) -> Path:
    usable(path)
    return path


Place = Annotated[Path, AfterValidator(_checked_place)]
"""A path that there could be."""
FileName = Annotated[str, Field(pattern=r"^[^./\x00][^/\x00]*$", max_length=150)]
"""A name that files are called after: it leads nowhere else."""


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
    root: Place | None = None
    """Folder of a mirror; unused otherwise."""
    media: Place | None = None
    """Folder of the media, where they are in none of the places that are known."""
    media_revision: str | None = None
    """Commit or branch of the media repository to fetch; None: the commit that others pin."""
    strict: bool | None = None
    """Counts that differ from the declared ones are an error (True) or a warning (False); None: an error on the hub."""
    trust_files: bool = False
    """Media files are known by size and time alone, and not read to tell whether a result can be kept."""

    @model_validator(mode="after")
    def _placed(self) -> Self:
        if self.kind == "mirror" and self.root is None:
            raise ValueError("a mirror needs data.root=FOLDER, the folder that holds <org>/<name>/")
        return self


class Characters(Frozen):
    """Mean lengths of texts, for estimates of tasks whose data are not there."""

    query: int = Field(gt=0)
    """With its instruction, where each query has one of its own."""
    candidate: int | tuple[int, ...]
    """Several where lengths differ much: each of an equal share of the candidates."""


class Task(Frozen):
    """A task as declared in `conf/task`. Nothing is loaded."""

    id: FileName
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
    n_queries: int | None = Field(gt=0)
    n_candidates: int | None = Field(default=None, gt=0)
    """None where the count is not public, as for queries."""
    counts: Literal["declared", "upstream"] = "declared"
    """Whose counts these are: of the benchmark's own data, or of the public data sets that it was made from, since its
    own are not known; the latter are for estimates, and rows that differ are no fault."""
    characters: Characters | None = None
    """Of texts, in the public data sets that a benchmark was made from; None where nobody has said."""
    versions: tuple[str, ...] = ()
    """Versions of a benchmark's data whose averages include this task; empty for variants and tasks of your own."""
    source: Source
    media: Place | None = None
    """Folder of this task's own media; None: in one of the places that are known."""
    limit: Limit | None = None
    """Which of the queries are scored; None: all."""
    frames: int = Field(default=8, gt=0)
    """Frames to take of every video, evenly spread; the benchmark's tables are made with eight."""
    cache_dir: Path

    def __repr__(self) -> str:
        """What it is and where its data are; everything else has a name of its own."""
        sample = " (made-up, not the benchmark)" * (self.source.kind == "sample")
        limit = "" if self.limit is None else f", {self.limit.words}"
        return f"<Task {self.id}: {self.group}, {self.metric}, data={self.source.kind}{sample}{limit}>"

    def __str__(self) -> str:
        return repr(self)

    @model_validator(mode="after")
    def _ranked_whole(self) -> Self:
        if self.evaluator == "mteb" and self.pool != "corpus":
            raise ValueError(f"evaluator: mteb ranks the whole corpus, found pool: {self.pool}")
        return self


@dataclass(frozen=True, slots=True)
class Whole:
    """A task of which some queries were chosen."""

    n_queries: int
    judgements: str | None
    """Hash of what is asked in all of them; None where not all were read."""


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
    whole: Whole | None = None
    """The task that these queries were chosen from; None: these are all."""
    media: Mapping[str, Any] | None = None
    """Where the media were found, and of which commit they are; None where a task has none of its own."""

    def __repr__(self) -> str:
        pooled = "in one corpus" if self.pools is None else "in pools"
        return f"<TaskData: {len(self.query_ids)} queries, {len(self.candidate_ids)} candidates {pooled}>"

"""What a benchmark says of itself, of the versions of its data and of each of its tasks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rzen_eval.benchmark.wider_averages import Wider

OVERALL = "Overall"
"""The column over all tasks of a benchmark that calls it nothing else."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a benchmark's data; scores of two versions are never averaged or compared."""

    name: str
    """Tells it from all other versions, those of other benchmarks included."""
    data: str
    """What tells its data from those of others, for people."""
    suites: Sequence[str]
    """What `task=` is given for all of its tasks."""
    members: Sequence[str]
    """Ids of its tasks, in the order of its tables."""
    wider: Mapping[str, Wider] = field(default_factory=dict)
    """Averages over more than its own tasks, by title."""

    @property
    def word(self) -> str:
        """The word of the command line that chooses all of its tasks."""
        return f"task={self.suites[0]}" if len(self.suites) == 1 else f"task=[{','.join(self.suites)}]"


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A set of tasks with tables of its own, as `conf/benchmark` declares it."""

    id: str
    name: str
    parts: Mapping[str, str]
    """Titles of the modalities that it has, by modality, in the order of its tables."""
    versions: Sequence[Version]
    """The newest first."""
    frames: int
    """Frames of a video that its tables are made with."""
    graded: frozenset[str]
    """Names of tasks whose score differs between the official and the textbook reading."""
    overall: str = OVERALL
    """Title of the column over all of its tasks."""
    by_language: bool = False
    """Whether each language of its queries has a column too, in a table of their own."""
    digits: int = 2
    """Digits after the point of a score in percent that its averages are formed of."""
    private: frozenset[str] = frozenset()
    """Names of tasks that have published scores and no public data; no average includes them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A shipped task, as far as tables, lists and other programs' files need to know it."""

    id: str
    path: str
    """What `task=` calls it."""
    name: str
    """The leaderboard's name; two versions of a task share it."""
    benchmark: str
    """Id of the benchmark that it belongs to; empty: of none."""
    modality: str
    group: str
    versions: tuple[str, ...]
    """Versions of the data whose averages include it; empty for variants."""
    metric: str
    pool: str
    n_queries: int | None
    n_candidates: int | None
    repo: str
    config: str | None
    revision: str | None
    counts: str = "declared"
    """Whose counts these are; `upstream`: of the data sets that it was made from, and of no use to check rows with."""
    language: str | None = None
    """Of its queries, where it is one of several that ask about the same candidates in other languages."""
    evaluator: str = "mmeb"
    """Whose evaluator its score follows: MMEB's or mteb's."""
    instruction: Mapping[str, str | None] = field(default_factory=dict)
    """What a model is asked with, by side."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What its recipe makes of rows."""


def id_of(path: str) -> str:
    """The id of a task, by what `task=` calls it."""
    return path.rpartition("/")[2]


def entry(path: str, raw: Mapping[str, Any], benchmark: str = "") -> Entry:
    """A task as tables and lists know it.

    Args:
        path: what `task=` calls it.
        raw: what its YAML says, with what it builds on.
        benchmark: id of the benchmark that it belongs to; none for tasks of your own.
    """
    dataset = raw["dataset"]
    return Entry(
        id=id_of(path),
        path=path,
        name=raw["name"],
        benchmark=benchmark,
        modality=raw["modality"],
        group=raw["group"],
        versions=tuple(raw.get("versions", ())),
        metric=raw["metric"],
        pool=raw["pool"],
        n_queries=raw.get("n_queries"),
        n_candidates=raw.get("n_candidates"),
        repo=dataset["repo"],
        config=dataset.get("config"),
        revision=dataset.get("revision"),
        counts=raw.get("counts", "declared"),
        language=dataset.get("language"),
        evaluator=raw.get("evaluator", "mmeb"),
        instruction=raw.get("instruction") or {},
        options=raw.get("options") or {},
    )

"""What the benchmarks are made of: tasks, groups, versions of the data, columns of their tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rzen_eval.benchmark import declared
from rzen_eval.benchmark.places import choices, config_dir

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

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
    """Titles of the modalities that it has, in the order of its tables."""
    versions: Sequence[Version]
    """The newest first."""
    frames: int
    """Frames of a video that its tables are made with."""
    variants: Sequence[str]
    """What `task=` is given for the tasks that are in no average."""
    graded: frozenset[str]
    """Names of tasks whose score differs between the official and the textbook reading."""
    overall: str
    """Title of the column over all of its tasks."""
    by_language: bool
    """Whether each language of its queries has a column too."""
    digits: int
    """Digits after the point of a score in percent that its averages are formed of."""
    private: frozenset[str]
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
    """Id of the benchmark that it belongs to."""
    modality: str
    group: str
    versions: tuple[str, ...]
    """Versions of the data whose averages include it; empty for variants."""
    metric: str
    pool: str
    n_queries: int
    n_candidates: int | None
    repo: str
    config: str | None
    revision: str | None
    language: str | None
    """Of its queries, where it is one of several that ask about the same candidates in other languages."""


@dataclass(frozen=True)
class Manifest:
    """Every shipped task, and how tables group them."""

    benchmarks: Mapping[str, Benchmark]
    """By id; the first is the one that is meant where none is named."""
    entries: Mapping[str, Entry]
    """By id: each benchmark's newest version, then what older ones have beside it, then variants."""

    @cached_property
    def names(self) -> frozenset[str]:
        """The leaderboard's names, those of variants and of tasks without public data included."""
        private = (one.private for one in self.benchmarks.values())
        return frozenset(entry.name for entry in self.entries.values()).union(*private)

    @cached_property
    def versions(self) -> Mapping[str, Version]:
        """Versions of the data by name: benchmark by benchmark, the newest first."""
        return {version.name: version for one in self.benchmarks.values() for version in one.versions}

    @property
    def newest(self) -> str:
        """The version that is meant where none is named."""
        return next(iter(self.versions))

    @cached_property
    def graded(self) -> frozenset[str]:
        """Names of tasks whose score differs between the official and the textbook reading."""
        return frozenset().union(*(one.graded for one in self.benchmarks.values()))

    def benchmark(self, version: str | None = None) -> Benchmark:
        """The benchmark that a version of the data belongs to."""
        wanted = version or self.newest
        return next(one for one in self.benchmarks.values() if wanted in {found.name for found in one.versions})

    def members(self, version: str | None = None) -> list[Entry]:
        """Tasks of a version of the data, in the order of its tables."""
        paths = [
            path for suite in self.versions[version or self.newest].suites for path in declared.tasks(suite, _shipped())
        ]
        by_path = {entry.path: entry for entry in self.entries.values()}
        return [by_path[path] for path in paths]

    def groups(self, version: str | None = None) -> dict[str, dict[str, list[str]]]:
        """The leaderboard's names of a version's tasks by modality and group, in the order of its tables."""
        made_of: dict[str, dict[str, list[str]]] = {part: {} for part in self.benchmark(version).parts}
        for entry in self.members(version):
            made_of[entry.modality].setdefault(entry.group, []).append(entry.name)
        return made_of

    def columns(self, version: str | None = None) -> dict[str, list[str]]:
        """Tasks of every column of a version's tables: the whole, each modality and its groups, each language."""
        benchmark, groups = self.benchmark(version), self.groups(version)
        titles = benchmark.parts
        parts = {part: [name for names in made_of.values() for name in names] for part, made_of in groups.items()}
        columns = {benchmark.overall: [name for names in parts.values() for name in names]}
        for part, made_of in groups.items():
            columns |= {titles[part]: parts[part]} if len(parts) > 1 else {}
            columns |= made_of
        return columns | (self.languages(version) if benchmark.by_language else {})

    def languages(self, version: str | None = None) -> dict[str, list[str]]:
        """The leaderboard's names of a version's tasks by the language of their queries, in the order of its tables."""
        found: dict[str, list[str]] = {}
        for entry in self.members(version):
            if entry.language is not None:
                found.setdefault(entry.language.capitalize(), []).append(entry.name)
        return found


@cache
def _shipped() -> tuple[Path, ...]:
    return (config_dir(),)


@cache
def benchmarks() -> Mapping[str, Benchmark]:
    """The shipped benchmarks by id, in the order of the tables."""
    raw = {name: declared.declaration("benchmark", name, _shipped()) for name in choices("benchmark", _shipped())}
    names = sorted(raw, key=lambda name: (raw[name]["order"], name))
    return MappingProxyType({name: _benchmark(name, raw[name]) for name in names})


def _benchmark(name: str, raw: Mapping[str, Any]) -> Benchmark:
    return Benchmark(
        id=name,
        name=raw["name"],
        parts=raw["parts"],
        versions=tuple(Version(one, said["data"], tuple(said["tasks"])) for one, said in raw["versions"].items()),
        frames=raw["frames"],
        variants=tuple(raw.get("variants", ())),
        graded=frozenset(raw.get("graded", ())),
        overall=raw.get("overall", OVERALL),
        by_language=raw.get("by_language", False),
        digits=raw.get("digits", 2),
        private=frozenset(raw.get("private", ())),
    )


@cache
def manifest() -> Manifest:
    """The shipped tasks, read once a process."""
    entries: dict[str, Entry] = {}
    for benchmark in benchmarks().values():
        newest, *older = benchmark.versions
        # Among the older ones the oldest comes first: one in between is made of tasks of both.
        suites = [suite for version in (newest, *reversed(older)) for suite in version.suites]
        for suite in [*suites, *benchmark.variants]:
            for path in declared.tasks(suite, _shipped()):
                entry = _entry(path, benchmark.id)
                entries.setdefault(entry.id, entry)
    return Manifest(benchmarks(), MappingProxyType(entries))


def _entry(path: str, benchmark: str) -> Entry:
    raw = declared.declaration("task", path, _shipped())
    dataset = raw["dataset"]
    return Entry(
        id=path.rpartition("/")[2],
        path=path,
        name=raw["name"],
        benchmark=benchmark,
        modality=raw["modality"],
        group=raw["group"],
        versions=tuple(raw.get("versions", ())),
        metric=raw["metric"],
        pool=raw["pool"],
        n_queries=raw["n_queries"],
        n_candidates=raw.get("n_candidates"),
        repo=dataset["repo"],
        config=dataset.get("config"),
        revision=dataset.get("revision"),
        language=dataset.get("language"),
    )

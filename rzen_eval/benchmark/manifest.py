"""What the benchmarks are made of: tasks, groups, versions of the data, columns of their tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from rzen_eval.benchmark import declared
from rzen_eval.benchmark.entries import OVERALL, Benchmark, Entry, Version, entry, id_of
from rzen_eval.benchmark.places import choices, config_dir
from rzen_eval.benchmark.wider_averages import wider_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path


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

    @cached_property
    def named_versions(self) -> list[str]:
        """Versions that tasks themselves name; others are made of tasks of several."""
        named = {version for entry in self.entries.values() for version in entry.versions}
        return [version for version in self.versions if version in named]

    def benchmark(self, version: str | None = None) -> Benchmark:
        """The benchmark that a version of the data belongs to."""
        wanted = version or self.newest
        return next(one for one in self.benchmarks.values() if wanted in {found.name for found in one.versions})

    def averaged_in(self, versions: Iterable[Collection[str] | None]) -> list[str]:
        """Versions of the data that results are averaged in.

        Args:
            versions: of each result, those whose averages include it; None: it does not say.

        Returns:
            Of each benchmark that a result belongs to, the versions that a result is of alone; where there are none,
            since all of them are the same in every version, the newest.
        """
        found = [None if one is None else frozenset(one) for one in versions]
        told = []
        for benchmark in self.benchmarks.values():
            names = [version.name for version in benchmark.versions]
            alone = [name for name in names if frozenset({name}) in found]
            first = benchmark.id == next(iter(self.benchmarks))
            belongs = any(one & set(names) if one is not None else first for one in found)
            told += alone or names[: 1 if belongs else 0]
        return told

    def groups(self, version: str | None = None) -> dict[str, dict[str, list[str]]]:
        """The leaderboard's names of a version's tasks by modality and group, in the order of its tables."""
        made_of: dict[str, dict[str, list[str]]] = {part: {} for part in self.benchmark(version).parts}
        for member in self.versions[version or self.newest].members:
            entry = self.entries[member]
            made_of[entry.modality].setdefault(entry.group, []).append(entry.name)
        return {part: groups for part, groups in made_of.items() if groups}

    def parts(self, version: str | None = None) -> dict[str, list[str]]:
        """The leaderboard's names of a version's tasks by title of their modality."""
        titles = self.benchmark(version).parts
        return {
            titles[part]: [name for names in groups.values() for name in names]
            for part, groups in self.groups(version).items()
        }

    def columns(self, version: str | None = None) -> dict[str, list[str]]:
        """The leaderboard's names of the tasks of every column of a version's tables, in their order.

        Returns:
            The whole; each modality, where there are several, with its groups; each language, where these are averaged.
        """
        titles, parts, groups = self.benchmark(version).parts, self.parts(version), self.groups(version)
        columns = {self.overall(version): [name for names in parts.values() for name in names]}
        for part, made_of in groups.items():
            columns |= {titles[part]: parts[titles[part]]} if len(parts) > 1 else {}
            columns |= made_of
        return columns | self.languages(version)

    def languages(self, version: str | None = None) -> dict[str, list[str]]:
        """The leaderboard's names of a version's tasks by language, where its benchmark averages languages."""
        found: dict[str, list[str]] = {}
        for member in self.versions[version or self.newest].members if self.benchmark(version).by_language else ():
            entry = self.entries[member]
            found.setdefault((entry.language or "").capitalize(), []).append(entry.name)
        return found

    def overall(self, version: str | None = None) -> str:
        """Title of the column over all tasks of a version."""
        return self.benchmark(version).overall

    def kind(self, column: str, version: str | None = None) -> Literal["overall", "modality", "group"]:
        """What a column averages."""
        return (
            "overall" if column == self.overall(version) else "modality" if column in self.parts(version) else "group"
        )

    def tables(self, version: str | None = None) -> dict[str, list[str]]:
        """Columns of each table of a version, by its title: the whole, then each modality."""
        benchmark, parts, groups = self.benchmark(version), self.parts(version), self.groups(version)
        overall, languages = self.overall(version), self.languages(version)
        if len(parts) == 1:
            tables = {benchmark.name: [overall, *next(iter(groups.values()))]}
            return tables | ({f"{benchmark.name} by language": [overall, *languages]} if languages else {})
        tables = {benchmark.name: [overall, *parts]}
        return tables | {benchmark.parts[part]: [benchmark.parts[part], *made_of] for part, made_of in groups.items()}

    def frames(self, versions: Collection[str] | None) -> int:
        """Frames of a video that the tables are made with.

        Args:
            versions: of the data whose averages include a task; None or empty: it belongs to no benchmark.
        """
        known = next((version for version in versions or () if version in self.versions), None)
        return self.benchmark(known).frames


@cache
def _shipped() -> tuple[Path, ...]:
    return (config_dir(),)


@cache
def manifest() -> Manifest:
    """The shipped tasks, read once a process."""
    raw = {name: declared.declaration("benchmark", name, _shipped()) for name in choices("benchmark", _shipped())}
    names = sorted(raw, key=lambda name: (raw[name]["order"], name))
    benchmarks = {name: _benchmark(name, raw[name]) for name in names}
    entries: dict[str, Entry] = {}
    for benchmark in benchmarks.values():
        newest, *older = benchmark.versions
        # The oldest before those between it and the newest, which are made of tasks of both.
        suites = [suite for version in (newest, *reversed(older)) for suite in version.suites]
        for path in _paths([*suites, *raw[benchmark.id].get("variants", ())]):
            made = entry(path, declared.declaration("task", path, _shipped()), benchmark.id)
            entries.setdefault(made.id, made)
    return Manifest(MappingProxyType(benchmarks), MappingProxyType(entries))


def _benchmark(name: str, raw: Mapping[str, Any]) -> Benchmark:
    versions = [
        Version(one, said["data"], tuple(said["tasks"]), tuple(map(id_of, _paths(said["tasks"]))), wider_of(said))
        for one, said in raw["versions"].items()
    ]
    return Benchmark(
        id=name,
        name=raw["name"],
        parts=raw["parts"],
        versions=tuple(versions),
        frames=raw["frames"],
        graded=frozenset(raw.get("graded", ())),
        overall=raw.get("overall", OVERALL),
        by_language=raw.get("by_language", False),
        digits=raw.get("digits", 2),
        private=frozenset(raw.get("private", ())),
    )


def _paths(suites: Sequence[str]) -> list[str]:
    return [path for suite in suites for path in declared.tasks(suite, _shipped())]

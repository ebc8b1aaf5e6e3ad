"""How a result was made, as far as it decides what it may be compared with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rzen_eval.errors import some

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rzen_eval.benchmark.manifest import Manifest
    from rzen_eval.core import Limit, Result

NO_SETTING = frozenset(
    {
        *("name", "license", "parameters_b", "architecture", "reproduces"),
        *("checkpoint", "revision", "base", "weights", "device", "attention"),
    }
)
"""What provenance says of a model that is no setting of how it is used; the rest is."""
PLACES = frozenset({"frames", "video"})
"""Options of recipes that say where media lie: they may lie elsewhere and be the same."""
WIDTH = 60
"""Longest value that is printed whole."""

Facts = dict[str, Any]


def asked(result: Result) -> Facts:
    """What was asked of the model: two results that differ in any of this are scores of different tasks.

    A fact that a result does not hold, such as the judgements of an imported one, is not there.
    """
    dataset = result.provenance.get("dataset", {})
    facts = {
        "metric": result.metric,
        "data versions": None if result.versions is None else list(result.versions),
        "data": "sample" if result.source == "sample" else "benchmark",
        "limit": str(result.limit or "none"),
        "queries": result.n_queries,
        "candidates": result.n_candidates or None,
        "judgements": dataset.get("judgements"),
        "revision": commit(dataset.get("revision")),
    }
    return {name: value for name, value in facts.items() if value is not None}


def asked_in_all(result: Result) -> Facts:
    """As `asked`, of the whole task that the queries of a result were chosen from."""
    sampled = result.sampled
    if sampled is None:
        return asked(result)
    chosen = {"limit": "none", "queries": sampled.n_queries, "judgements": sampled.judgements}
    # Pools of other queries may hold other candidates; of a corpus the judgements tell.
    facts = {name: value for name, value in asked(result).items() if name != "candidates"} | chosen
    return {name: value for name, value in facts.items() if value is not None}


def commit(revision: str | None) -> str | None:
    """The commit of a repository, where a revision tells one; signatures of files differ between machines."""
    found = (revision or "").partition("+files:")[0]
    return found if len(found) == 40 and set(found) <= set("0123456789abcdef") else None


def settings(result: Result) -> Facts:
    """How the model was used: prompt, budgets, positions and all else, under the names of its declaration.

    Of a second stage also what came after the model: how many candidates, and how the reranker was used.
    """
    second = result.provenance.get("second_stage") or {}
    told = {"top_k": second.get("top_k"), "reranker": _settings(second.get("reranker", {}))} if second else {}
    return {**_settings(result.provenance.get("model", {})), **told}


def _settings(described: Mapping[str, Any]) -> Facts:
    return {key: value for key, value in described.items() if key not in NO_SETTING}


def presented(result: Result) -> Facts:
    """How the task was put to the model: frames of a video, what its recipe makes of rows, and the words."""
    provenance = result.provenance
    facts = {
        "frames": provenance.get("frames") if result.modality == "video" else None,
        "options": recipe_options(provenance.get("options")),
        **{f"instruction of a {side}": text for side, text in (provenance.get("instruction") or {}).items()},
        **{f"first prompt of a {side}": text for side, text in (provenance.get("prompts") or {}).items()},
    }
    return {name: value for name, value in facts.items() if value is not None}


def recipe_options(options: Mapping[str, Any] | None) -> str | None:
    """What a recipe was told, as one value: an option that one side lacks is a difference; where media lie is none."""
    if options is None:
        return None
    return "; ".join(f"{name}={value}" for name, value in sorted(options.items()) if name not in PLACES)


def made_with(result: Result) -> Facts:
    """What can move a score a little: weights, device, attention and versions of libraries."""
    provenance = result.provenance
    model = {
        key: value for key, value in provenance.get("model", {}).items() if key in {"weights", "device", "attention"}
    }
    software = {key: value for key, value in provenance.get("software", {}).items() if key != "code"}
    return {**model, **software}


def identity(described: Mapping[str, Any]) -> Facts:
    """What makes a model the one that it is, by what it says of itself: its weights, and how it is used."""
    weights = described.get("weights")
    return _settings(described) | ({} if weights is None else {"weights": weights})


def standing_apart(limit: Limit | None) -> Limit | None:
    """What keeps results from those of whole tasks: to be of the first queries; a random sample tells of all."""
    return limit if limit is not None and limit.how == "first" else None


def identity_of(provenance: Mapping[str, Any]) -> Facts:
    """What makes the model, and the reranker after it, that a result is of; `second_stage` is None where there is none.

    Args:
        provenance: of a result.
    """
    second = provenance.get("second_stage")
    after = {"top_k": second.get("top_k"), **identity(second.get("reranker", {}))} if second else None
    return {**identity(provenance.get("model", {})), "second_stage": after}


def mixture(results: Iterable[Result]) -> str | None:
    """What tells that results which stand under one name are of two models, in one line; None: nothing does.

    Results of the first queries are held against each other alone, since no table joins them with the others. A fact
    that a result does not hold, such as the weights of an imported one, tells nothing.
    """
    known: dict[Limit | None, Facts] = {}
    holder: dict[tuple[Limit | None, str], str] = {}
    for result in results:
        joined = standing_apart(result.limit)
        facts, before = identity_of(result.provenance), known.setdefault(joined, {})
        if differing := changes(before, facts):
            first = holder[joined, differing[0].name.partition(".")[0]]
            return "; ".join(listed({"": differing[:3]}, (first, result.id)))
        for name, value in facts.items():
            if name not in before:
                before[name], holder[joined, name] = value, result.id
    return None


@dataclass(frozen=True, slots=True)
class Change:
    """A fact that differs."""

    name: str
    """Names of nested facts are joined by dots."""
    first: Any
    second: Any


def changes(first: Mapping[str, Any], second: Mapping[str, Any], prefix: str = "") -> list[Change]:
    """Facts that both sides hold and that differ, in the order of the first."""
    found = []
    for key, one in first.items():
        other = second.get(key, one)
        if isinstance(one, dict) and isinstance(other, dict):
            found += changes(one, other, f"{prefix}{key}.")
        elif one != other:
            found.append(Change(f"{prefix}{key}", one, other))
    return found


def listed(by_task: Mapping[str, Sequence[Change]], names: tuple[str, str]) -> list[str]:
    """Lines that say what differs: each fact once, with the tasks that it differs in unless these are all.

    Args:
        by_task: changes by task id; tasks without any included.
        names: what the sides are called.
    """
    tasks: dict[str, dict[tuple[str, str], list[str]]] = {}
    for task, several in by_task.items():
        for change in several:
            tasks.setdefault(change.name, {}).setdefault(shown(change.first, change.second), []).append(task)
    lines = []
    for name, pairs in tasks.items():
        (one, other), *more = pairs
        where = [task for several in pairs.values() for task in several]
        of = "" if len(where) == len(by_task) and not more else f" ({_tasks(where, len(by_task))})"
        lines.append(f"{name}: {one} in {names[0]}, {other} in {names[1]}{', and alike' if more else ''}{of}")
    return lines


def _tasks(where: Sequence[str], n_tasks: int) -> str:
    return some(where, 1) + (f" of {n_tasks} tasks" if len(where) > 1 else "")


def shown(first: Any, second: Any) -> tuple[str, str]:
    """Two values as text, long ones cut to where they begin to differ."""
    one, other = (
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in (first, second)
    )
    start = next(
        (i for i, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), min(map(len, (one, other)))
    )
    return _cut(one, start), _cut(other, start)


def _cut(text: str, start: int) -> str:
    if len(text) <= WIDTH:
        return json.dumps(text, ensure_ascii=False) if " " in text or not text else text
    first = max(0, min(start - WIDTH // 3, len(text) - WIDTH))
    part = text[first : first + WIDTH]
    return json.dumps(f"{'…' * (first > 0)}{part}{'…' * (first + WIDTH < len(text))}", ensure_ascii=False)


def version(results: Iterable[Result], manifest: Manifest) -> str:
    """The newest version of the data that a task tells, or the newest of all where none does."""
    return next(iter(manifest.averaged_in(result.versions for result in results)), manifest.newest)


def versions(results: Sequence[Result], manifest: Manifest) -> list[str]:
    """Of each benchmark that results are of, the newest version that a task tells; see `version`."""
    by_benchmark: dict[str, str] = {}
    for found in manifest.averaged_in(result.versions for result in results):
        by_benchmark.setdefault(manifest.benchmark(found).id, found)
    return list(by_benchmark.values())

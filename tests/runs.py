"""Results with known scores of single queries, as a run leaves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rzen_eval.benchmark.declared import declaration
from rzen_eval.benchmark.entries import Benchmark, Entry, Version
from rzen_eval.benchmark.manifest import Manifest, manifest
from rzen_eval.benchmark.places import config_dir
from rzen_eval.core import Instruction, QueryScores, Result, Run
from rzen_eval.results import store

MODEL = {"name": "m", "prompt": {"system": "You are.", "instruction": {"query": "user"}}, "dtype": "float32"}


def manifest_of(groups: Mapping[str, Mapping[str, Sequence[str]]], *versions: str) -> Manifest:
    """A benchmark of these tasks by modality and group, the same in all versions of its data."""
    names = versions or tuple(manifest().versions)
    entries = {
        name: Entry(name, name, name, "toy", modality, group, names, "hit@1", "query", 10, 10, "toys/toy", None, None)
        for modality, made_of in groups.items()
        for group, tasks in made_of.items()
        for name in tasks
    }
    of = [
        replace(manifest().versions.get(name, Version(name, "toys", (), ())), members=(*entries,), wider={})
        for name in names
    ]
    parts = {modality: modality.capitalize() for modality in groups}
    return Manifest({"toy": Benchmark("toy", "MMEB-V2", parts, of, 8, frozenset())}, entries)


def together(*manifests: Manifest) -> Manifest:
    """Benchmarks beside each other, under the ids `0`, `1` and so on."""
    one_by_one = {str(place): next(iter(one.benchmarks.values())) for place, one in enumerate(manifests)}
    benchmarks = {name: replace(one, id=name, name=f"Toy {name}") for name, one in one_by_one.items()}
    return Manifest(benchmarks, {name: entry for one in manifests for name, entry in one.entries.items()})


def write(folder: Path, task: str, values: Sequence[float], *, kept: bool = True, **fields: Any) -> Result:
    """Write a result of a shipped task whose queries score `values`; further fields of the result, or of
    its provenance with `provenance=`, replace what a run would write."""
    entry = manifest().entries[task]
    raw = declaration("task", entry.path, [config_dir()])
    exact = fields.pop("exact_values", values)
    provenance = {
        "fingerprint": "f",
        "model": MODEL | {"name": folder.name},
        "dataset": {"source": "hub", "judgements": f"of {task} {len(values)}"},
        "versions": list(entry.versions),
        "frames": 8,
        "instruction": Instruction.model_validate(raw.get("instruction", {})).model_dump(),
        "prompts": {"query": "Find: a", "candidate": "Read."},
        "software": {"torch": "2.13.0"},
    }
    score, textbook = float(np.mean(values)), float(np.mean(exact))
    result = Result.model_validate(
        {
            "id": task, "task": entry.name, "modality": entry.modality, "group": entry.group,
            "metric": entry.metric, "score": score, "exact": textbook, "metrics": {entry.metric: textbook},
            "official": {}, "n_queries": len(values), "n_candidates": 10, "n_ties": 0, "limit": None, "warnings": [],
        }
        | fields
        | {"provenance": provenance | fields.get("provenance", {})}
    )  # fmt: skip
    ids = [f"q{number:04}" for number in range(len(values))]
    run = Run({query: ["c"] for query in ids}, {query: [0.5] for query in ids})
    queries = QueryScores(ids, np.array(values, dtype=np.float64), np.array(exact, dtype=np.float64))
    store.write(folder, result, run, queries if kept else None)
    return result


def hits(right: int, total: int) -> list[float]:
    """Queries of which the first are right."""
    return [1.0] * right + [0.0] * (total - right)

"""mteb's own result files of the suites that it defines: read, and written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rzen_eval._version import __version__
from rzen_eval.benchmark.manifest import manifest
from rzen_eval.errors import ResultError, some
from rzen_eval.ranking.metrics import CUTOFFS
from rzen_eval.results.exchange.imported import imported

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rzen_eval.benchmark.entries import Entry
    from rzen_eval.core import Result
    from rzen_eval.results.exchange.imported import Claim

SCRIPTS = {
    "french": "fra-Latn",
    "spanish": "spa-Latn",
    "english": "eng-Latn",
    "german": "deu-Latn",
    "italian": "ita-Latn",
    "portuguese": "por-Latn",
}
"""What mteb calls each language beside its own name, in the order of its files."""
METRICS = {
    f"{theirs}_at_{k}": f"{ours}@{k}"
    for theirs, ours in (
        ("ndcg", "ndcg_linear"),
        ("map", "map"),
        ("recall", "recall"),
        ("precision", "precision"),
        ("mrr", "mrr"),
        ("hit_rate", "hit"),
    )
    for k in CUTOFFS
}
"""Our names of mteb's metrics, in its order."""
LARGEST = 1e12
"""JSON has no bound; what is beyond is no score."""
DIGITS = {"mrr": 6}
"""That mteb's files have of a metric; five of any other."""


def defines(name: str) -> bool:
    """Whether a task of mteb's is one of the suites whose scores are mteb's own."""
    return bool(_parts(name)) or any(private.startswith(f"{name}/") for private in manifest().names)


def _parts(name: str) -> dict[str, Entry]:
    """Our tasks of one of mteb's, by subset."""
    own = (entry for entry in manifest().entries.values() if entry.evaluator == "mteb")
    return {entry.name.removeprefix(f"{name}/"): entry for entry in own if entry.name.startswith(f"{name}/")}


def results(claim: Claim, model: str) -> list[Result]:
    """Ordinary results of one of mteb's files, one for each of its subsets.

    Args:
        claim: what the file says.
        model: what the model is called.

    Raises:
        ResultError: the task's data are private, or what the file says cannot be its scores.
    """
    parts = _parts(claim.name)
    if not parts:
        raise ResultError(f"{claim.name}: its data are not public, so there is no such task here")
    splits = claim.values.get("scores")
    subsets = splits.get("test") if isinstance(splits, dict) else None
    if not isinstance(subsets, list) or not subsets:
        raise ResultError(f"{claim.name}: expected scores of the split test, found {splits and list(splits)}")
    named = [str(subset.get("hf_subset")) for subset in subsets]
    strange = [name for name in named if name not in parts]
    if strange or len(set(named)) < len(named):
        raise ResultError(f"{claim.name}: expected subsets {some(list(parts), 6)}, each once, found {some(named, 6)}")
    return [_result(claim, parts[name], subset, model) for name, subset in zip(named, subsets, strict=True)]


def _result(claim: Claim, entry: Entry, subset: Mapping[str, Any], model: str) -> Result:
    """One subset of a file as a result, its main score checked against the metric that the task declares."""
    metrics = {ours: float(subset[theirs]) for theirs, ours in METRICS.items() if is_number(subset.get(theirs))}
    score = metrics.get(entry.metric)
    if score is None or score != subset.get("main_score"):
        raise ResultError(
            f"{entry.name}: expected {entry.metric} as the main score, found {subset.get('main_score')!r} and {score!r}"
        )
    revision = claim.values.get("dataset_revision")
    warnings = [
        f"{entry.id}: imported from mteb, which counts neither candidates nor ties; `exact` repeats its reading"
    ]
    if revision != entry.revision:
        warnings.append(f"{entry.id}: scored at revision {revision}, not {entry.revision}: not the benchmark's data")
    version = subset.get("mteb_version", claim.values.get("mteb_version"))
    about = {"own_protocol": True, "mteb_version": version, "dataset_revision": revision}
    return imported(
        entry,
        metrics,
        official=metrics,
        count=entry.n_queries or 0,
        other_data=revision != entry.revision,
        warnings=warnings,
        provenance=claim.provenance("mteb", model, entry, about),
    )


def is_number(value: Any) -> bool:
    """Whether a value of a file of JSON can be a score or a count."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -LARGEST < value < LARGEST


def files(scored: Sequence[Result]) -> dict[str, str]:
    """Results in the form of mteb's files, with the figures rounded as there.

    Args:
        scored: of one model; those of tasks that are not mteb's own are left out.

    Returns:
        Texts by the name of the file, one for each of mteb's tasks.

    Raises:
        ResultError: a score is of part of the queries.
    """
    by_task: dict[str, dict[str, Result]] = {}
    for result in scored:
        name, _, subset = result.task.rpartition("/")
        if subset in _parts(name):
            if result.limit is not None:
                raise ResultError(f"{result.id}: scored on {result.n_queries} queries alone (limit={result.limit})")
            by_task.setdefault(name, {})[subset] = result
    return {f"{name}.json": _text(name, subsets) for name, subsets in by_task.items()}


def model_meta(scored: Sequence[Result], folder: Path) -> str:
    """The file `model_meta.json` beside them, which mteb reads a folder `<org>__<model>/<revision>` by.

    Args:
        scored: of one model.
        folder: where the files go; names the model and its revision, as mteb has it.
    """
    told: Mapping[str, Any] = scored[0].provenance.get("model", {})
    size, length = told.get("parameters_b"), told.get("max_length")
    late = bool(told.get("late_interaction"))
    said = {
        "name": folder.parent.name.replace("__", "/", 1),
        "revision": folder.name,
        "release_date": None,
        "languages": None,
        "loader": None,
        "n_parameters": int(size * 1e9) if size else None,
        "memory_usage_mb": None,
        "max_tokens": length,
        "embed_dim": told.get("dim"),
        "license": None,
        "open_weights": None,
        "public_training_code": None,
        "public_training_data": None,
        "framework": [],
        "similarity_fn_name": "MaxSim" if late else "cosine",
        "use_instructions": None,
        "training_datasets": None,
        "reference": None,
        "modalities": ["image", "text"],
    }
    return json.dumps(said, indent=2) + "\n"


def _text(name: str, subsets: Mapping[str, Result]) -> str:
    first = next(iter(subsets.values()))
    content = {
        "dataset_revision": manifest().entries[first.id].revision,
        "task_name": name,
        # Of no mteb: these scores were made by its rules and not by its code.
        "mteb_version": None,
        "scores": {"test": [_scores(subset, subsets[subset]) for subset in SCRIPTS if subset in subsets]},
        "evaluation_time": None,
        "kg_co2_emissions": None,
        "rzen_eval_version": __version__,
    }
    return json.dumps(content, indent=2) + "\n"


def _scores(subset: str, result: Result) -> dict[str, Any]:
    values = result.metrics | result.official
    scores = {
        theirs: round(values[ours], DIGITS.get(ours.partition("@")[0], 5))
        for theirs, ours in METRICS.items()
        if ours in values
    }
    return {
        **scores,
        "main_score": round(result.score, 5),
        "hf_subset": subset,
        "languages": [SCRIPTS[subset]],
    }

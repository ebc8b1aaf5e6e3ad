"""Results in the forms of the Hugging Face hub: evaluation results of a model's repository, and its card's index.

Source: the hub's specification of `.eval_results/*.yaml` (huggingface/hub-docs), and `EvalResult` of huggingface_hub.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from rzen_eval._version import __version__
from rzen_eval.benchmark.manifest import manifest
from rzen_eval.core import Mark
from rzen_eval.errors import ConfigError, ResultError, some
from rzen_eval.results.protocol import commit
from rzen_eval.results.tables.rows import scored

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rzen_eval.core import Result

OF_ALL = {"mmeb_v2": "TIGER-Lab/MMEB-V2"}
"""Repository of a benchmark as a whole, by its id: what its averages are of."""
HEAD = re.compile(r"\ufeff?---[ \t]*\n(?P<head>.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
"""Of a model card."""
SAMPLE = "made-up sample, not the benchmark"


def eval_results(results: Sequence[Result], date: str, url: str | None) -> dict[str, str]:
    """Files of `.eval_results/`, in percent with two decimals, averages over whole parts first.

    Args:
        results: of one model.
        date: of the evaluation, ISO 8601.
        url: where to read about it; None: no source is named.

    Returns:
        Texts by the name of the file, one for each benchmark and version of its data.

    Raises:
        ConfigError: no result is of a whole task.
        ResultError: one was scored on other data than the benchmark's.
    """
    files = {}
    for version, members in _by_version(results).items():
        source = {"source": {"url": url, "name": f"rzen_eval {__version__}"}} if url else {}
        lines = [*_averages(members, version), *map(_line, members)]
        entries = [{**line, "date": date, **source, "notes": line.pop("notes")} for line in lines]
        name = f"{manifest().benchmark(version).id}-{version}.yaml"
        files[name] = yaml.safe_dump(entries, sort_keys=False, allow_unicode=True, width=120)
    return files


def _by_version(results: Sequence[Result]) -> dict[str, list[Result]]:
    """Whole results that belong to a version of the data, by version."""
    found: dict[str, list[Result]] = {}
    for result in results:
        for version in _first(result):
            if result.limit is not None:
                continue
            if Mark.OTHER_DATA in result.marks:
                raise ResultError(f"export: {result.id} was scored on other data than the benchmark's; leave it out")
            found.setdefault(version, []).append(result)
    if not found:
        raise ConfigError("export: no result of all queries of a task of a benchmark; score one without limit=")
    return found


def _first(result: Result) -> list[str]:
    """The newest version of the data that a result is of."""
    versions = result.versions or ()
    return [version for version in manifest().versions if version in versions][:1]


def _line(result: Result) -> dict[str, Any]:
    """A result under the names of the hub."""
    entry = manifest().entries.get(result.id)
    repo = entry.repo if entry else result.provenance.get("dataset", {}).get("repo")
    if not repo:
        raise ResultError(f"export: {result.id} is of no task that is known here and names no dataset; leave it out")
    dataset = {"id": repo, "task_id": result.task}
    revision = commit(result.provenance.get("dataset", {}).get("revision")) or (entry.revision if entry else None)
    if revision:
        dataset["revision"] = revision
    return {"dataset": dataset, "value": round(100 * result.score, 2), "notes": _notes(result)}


def _averages(results: Sequence[Result], version: str) -> list[dict[str, Any]]:
    """Averages that are whole, of a benchmark that has a repository as a whole."""
    repo = OF_ALL.get(manifest().benchmark(version).id)
    rows = scored("", results, "", manifest(), version) if repo else []
    about = f"{_protocol(results[0])}, data {version}"
    return [
        {
            "dataset": {"id": repo, "task_id": column},
            "value": cell.number(),
            "notes": f"percent, mean over {cell.n_tasks} tasks, {about}",
        }
        for row in rows
        for column, cell in row.cells.items()
        if not cell.part
    ]


def _notes(result: Result) -> str:
    """How a score was made, in a line."""
    frames = result.provenance.get("frames")
    said = [
        f"percent, {result.metric} of {result.n_queries} queries",
        *([f"{frames} frames"] if result.modality == "video" and frames else []),
        _protocol(result),
    ]
    return ", ".join(said)


def _protocol(result: Result) -> str:
    model: Mapping[str, Any] = result.provenance.get("model", {})
    software: Mapping[str, Any] = result.provenance.get("software", {})
    said = [
        f"rzen_eval {software.get('rzen_eval', __version__)}",
        *([f"transformers {software['transformers']}"] if "transformers" in software else []),
        *(f"{name} {model[name]}" for name in ("dtype", "weights") if model.get(name)),
        *([f"imported from {result.imported_from}"] if result.imported_from else []),
        *([SAMPLE] if result.source == "sample" else []),
    ]
    return ", ".join(said)


def model_index(results: Sequence[Result], name: str, url: str | None) -> list[dict[str, Any]]:
    """The field `model-index` of a model card, made by huggingface_hub.

    Args:
        results: of one model.
        name: of the model on its card.
        url: where to read about the scores; None: no source is named.

    Raises:
        ConfigError: see `eval_results`, here and below.
        ResultError: of other data.
    """
    from huggingface_hub import EvalResult
    from huggingface_hub.repocard_data import eval_results_to_model_index

    members = list({result.id: result for part in _by_version(results).values() for result in part}.values())
    entries = []
    for result in members:
        dataset = _line(result)["dataset"]
        entries.append(
            EvalResult(
                task_type="retrieval",
                dataset_type=dataset["id"],
                dataset_name=result.task + (f" ({SAMPLE})" if result.source == "sample" else ""),
                dataset_revision=dataset.get("revision"),
                metric_type=result.metric,
                metric_value=round(100 * result.score, 2),
                metric_name=f"{result.metric}, percent",
                source_name=f"rzen_eval {__version__}" if url else None,
                source_url=url,
            )
        )
    index: list[dict[str, Any]] = eval_results_to_model_index(name, entries)
    return index


def into_card(text: str, index: Sequence[Mapping[str, Any]]) -> str:
    """A model card with another `model-index`; everything else of it stays.

    Args:
        text: of the card; empty: there is none yet.
        index: see `model_index`.

    Raises:
        ConfigError: what stands at its top is no YAML.
    """
    found = HEAD.match(text)
    head, body = (found["head"], text[found.end() :]) if found else ("", text)
    try:
        fields = yaml.safe_load(head) or {}
    except yaml.YAMLError as error:
        raise ConfigError(f"export: the head of the card is no YAML ({some(str(error).splitlines(), 1)})") from error
    if not isinstance(fields, dict):
        raise ConfigError(f"export: the head of the card holds {type(fields).__name__}; expected fields with names")
    fields["model-index"] = list(index)
    dumped = yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=120)
    return f"---\n{dumped}---\n{body}"

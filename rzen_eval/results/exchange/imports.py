"""Results of other evaluators, as ordinary results."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - a schema's field
from statistics import fmean
from typing import TYPE_CHECKING, Any

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.errors import ConfigError, ResultError, some
from rzen_eval.ranking.metrics import FAMILIES
from rzen_eval.results.exchange import mteb as own
from rzen_eval.results.exchange import predictions
from rzen_eval.results.exchange.imported import Claim, imported
from rzen_eval.results.exchange.official_names import in_part, of_file
from rzen_eval.results.exchange.predictions import ENDING
from rzen_eval.results.json_file import Part, checked, read_as

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from rzen_eval.benchmark.entries import Entry
    from rzen_eval.core import Result

FIXED = "-page-fixed"
"""Ends the name of a task with corrected page labels in some files."""
MTEB = {
    "VidoreArxivQARetrieval": "ViDoRe_arxivqa",
    "VidoreDocVQARetrieval": "ViDoRe_docvqa",
    "VidoreInfoVQARetrieval": "ViDoRe_infovqa",
    "VidoreTabfquadRetrieval": "ViDoRe_tabfquad",
    "VidoreTatdqaRetrieval": "ViDoRe_tatdqa",
    "VidoreShiftProjectRetrieval": "ViDoRe_shiftproject",
    "VidoreSyntheticDocQAAIRetrieval": "ViDoRe_syntheticDocQA_artificial_intelligence",
    "VidoreSyntheticDocQAEnergyRetrieval": "ViDoRe_syntheticDocQA_energy",
    "VidoreSyntheticDocQAGovernmentReportsRetrieval": "ViDoRe_syntheticDocQA_government_reports",
    "VidoreSyntheticDocQAHealthcareIndustryRetrieval": "ViDoRe_syntheticDocQA_healthcare_industry",
    "Vidore2ESGReportsHLRetrieval": "ViDoRe_esg_reports_human_labeled_v2",
    "Vidore2BioMedicalLecturesRetrieval": "ViDoRe_biomedical_lectures_v2_multilingual",
    "Vidore2EconomicsReportsRetrieval": "ViDoRe_economics_reports_v2_multilingual",
    "Vidore2ESGReportsRetrieval": "ViDoRe_esg_reports_v2_multilingual",
    "VisRAGRetArxivQA": "VisRAG_ArxivQA",
    "VisRAGRetChartQA": "VisRAG_ChartQA",
    "VisRAGRetMPDocVQA": "VisRAG_MP-DocVQA",
    "VisRAGRetSlideVQA": "VisRAG_SlideVQA",
    "VisRAGRetInfoVQA": "VisRAG_InfoVQA",
    "VisRAGRetPlotQA": "VisRAG_PlotQA",
}
"""The leaderboard's names of tasks that mteb has too: the same pages, queries and judgements, with mteb's prompts."""
LANGUAGES = frozenset({"english", "french", "german", "spanish"})
"""Subsets of mteb's multilingual tasks, of as many queries each, so that their mean is that over all queries."""


EXPECTED = "it is no result of the evaluator that was named"


class Report(Part):
    """What the official evaluator says of all tasks in one file."""

    metrics: dict[str, dict[str, Any]]
    """By modality and task."""

    @property
    def by_task(self) -> dict[str, dict[str, Any] | None]:
        """What it says of each task; None where it has a word in place of scores, such as `FILE_N/A`."""
        return {
            in_part(part, name): values if isinstance(values, dict) else None
            for part, tasks in self.metrics.items()
            for name, values in tasks.items()
        }


class Subset(Part):
    """What mteb says of a subset."""

    hf_subset: str = "default"
    mteb_version: str | None = None


class OfMteb(Part):
    """A result file of mteb's."""

    task_name: str | None = None
    scores: Mapping[str, list[Subset]] = {}
    dataset_revision: str | None = None
    mteb_version: str | None = None


def official(place: Path) -> Iterator[Claim | ResultError]:
    """What the official evaluator wrote: `<task>_score.json`, `<task>/score.json`, or one report of all tasks.

    Of a task without a file of scores the rankings do, `<task>_pred.jsonl`, which are scored as it scores them. A task
    whose name has folders, `text/BRIGHT/pony`, lies in these. Of a file that cannot be read comes its error, and the
    others all the same.

    Raises:
        ConfigError: there is nothing of the kind.
    """
    found = [place] if place.is_file() else sorted([*place.rglob("*score.json"), *place.rglob(f"*{ENDING}")])
    files = [file for file in found if not file.name.endswith(ENDING)]
    scored = {(file.parent, file.name.removesuffix("score.json")) for file in files}
    rankings = [file for file in found if file.name.endswith(ENDING)]
    rankings = [file for file in rankings if (file.parent, file.name.removesuffix(ENDING)) not in scored]
    if not files and not rankings:
        raise ConfigError(
            f"import: no *_score.json or *_{ENDING} under {place}; expected what the official evaluator writes"
        )
    for file in rankings:
        yield from _each(_ranked, file)
    for file in files:
        yield from _each(_scored, file)


def _each(read: Callable[[Path], Iterator[Claim | ResultError]], file: Path) -> Iterator[Claim | ResultError]:
    """What a file says, or what is wrong with it."""
    try:
        yield from list(read(file))
    except ResultError as error:
        yield error


def _ranked(file: Path) -> Iterator[Claim]:
    yield Claim(file, of_file(file, ENDING), predictions.scores(file))


def _scored(file: Path) -> Iterator[Claim | ResultError]:
    content = read_as(file, dict[str, Any], EXPECTED)
    if isinstance(content.get("metrics"), dict):
        by_task = checked(file, Report, content, EXPECTED).by_task
        for name, values in by_task.items():
            if values is not None:
                yield Claim(file, name, values)
        if lacking := [name for name, values in by_task.items() if values is None]:
            yield ResultError(f"{some(lacking)}: no scores in {file.name}")
    else:
        yield Claim(file, of_file(file, "score.json"), content)


def mteb(place: Path) -> Iterator[Claim | ResultError]:
    """What mteb wrote: a JSON file for each task, `model_meta.json` aside; of one that cannot be read its error.

    Raises:
        ConfigError: there is nothing of the kind.
    """
    files = [place] if place.is_file() else sorted(place.rglob("*.json"))
    files = [file for file in files if file.name != "model_meta.json"]
    if not files:
        raise ConfigError(f"import: no JSON under {place}; expected the folder of a model's results")
    for file in files:
        yield from _each(_of_mteb, file)


def _of_mteb(file: Path) -> Iterator[Claim]:
    content = read_as(file, dict[str, Any], EXPECTED)
    said = checked(file, OfMteb, content, EXPECTED)
    yield Claim(file, said.task_name or file.stem, content)


def from_official(claim: Claim, model: str, tasks: Sequence[Entry], version: str | None) -> list[Result]:
    """The ordinary result of an official score file.

    Args:
        claim: what the file says.
        model: what the model is called.
        tasks: every task, in every version of its data.
        version: of the data, where neither the name of a task nor its count of queries tells.

    Raises:
        ResultError: there is no such task, or what the file says of it cannot be its score.
    """
    values = _numbers(claim.values)
    if not values:
        raise ResultError(f"{claim.name}: no scores in {claim.file.name}")
    count = values.get("num_data")
    if count is None or count != values.get("num_pred"):
        raise ResultError(f"{claim.name}: num_pred {values.get('num_pred')} of num_data {count}, expected all of them")
    n_ties = values.get("n_ties", 0)
    if count < 1 or not (float(count).is_integer() and float(n_ties).is_integer() and 0 <= n_ties <= count):
        raise ResultError(f"{claim.name}: num_data {count} and n_ties {n_ties}, expected whole numbers of queries")
    task = _task(claim.name, tasks, int(count), version)
    metrics = {name: value for name, value in values.items() if name.partition("@")[0] in FAMILIES}
    differing = {name for name in metrics if name.startswith("ndcg")} if _graded(metrics) else set()
    warnings = [f"{task.id}: imported from the official evaluator, which counts neither candidates nor ties"]
    if differing:
        warnings.append(f"{task.id}: `exact` repeats the official reading, the only one that is known")
    other_data = task.counts == "declared" and count != task.n_queries
    if other_data:
        warnings.append(f"{task.id}: expected {task.n_queries} queries, found {int(count)}: not the benchmark's data")
    if n_ties:
        warnings.append(
            f"{task.id}: {int(n_ties)} queries have equal scores in their first ten places, in the order in which the"
            " evaluator lists candidates, the right one first in image pools"
        )
    result = imported(
        task,
        metrics,
        official=differing,
        count=int(count),
        other_data=other_data,
        warnings=warnings,
        provenance=claim.provenance("the official evaluator", model, task, _about(claim)),
    )
    return [result.model_copy(update={"n_ties": int(n_ties)})]


def from_mteb(claim: Claim, model: str, tasks: Sequence[Entry], version: str | None) -> list[Result]:
    """Ordinary results of one of mteb's files; arguments and errors as for `from_official`.

    A file of a suite that is mteb's own gives one for each language, any other a single one.
    """
    if own.defines(claim.name):
        return own.results(claim, model)
    splits = claim.values.get("scores")
    if not isinstance(splits, dict) or len(splits) != 1:
        raise ResultError(f"{claim.name}: expected scores of one split, found {splits and list(splits)}")
    (subsets,) = splits.values()
    name = MTEB.get(claim.name, claim.name)
    task = _task(name, tasks, None, version)
    languages = {subset.get("hf_subset", "default") for subset in subsets}
    expected = LANGUAGES if name.endswith("_multilingual") else {"default"}
    if languages != expected or len(subsets) != len(expected):
        raise ResultError(f"{claim.name}: expected subsets {', '.join(sorted(expected))}, found {', '.join(languages)}")
    each = [
        _numbers({spelled: value for key, value in subset.items() if (spelled := _spelled(key))}) for subset in subsets
    ]
    metrics = {
        name: fmean(values[name] for values in each) for name in each[0] if all(name in values for values in each)
    }
    warnings = [f"{task.id}: imported from mteb, which has its own prompts, and counts neither candidates nor ties"]
    if task.name in manifest().graded:
        warnings.append(f"{task.id}: `score` repeats the textbook reading, the only one that is known")
    revision = claim.values.get("dataset_revision")
    if revision != task.revision:
        warnings.append(f"{task.id}: scored at revision {revision} of mteb's data, the benchmark's is another")
    result = imported(
        task,
        metrics,
        official=(),
        count=task.n_queries or 0,
        other_data=False,
        warnings=warnings,
        provenance=claim.provenance("mteb", model, task, _about(claim)),
    )
    return [result]


def _about(claim: Claim) -> dict[str, Any]:
    return {name: claim.values[name] for name in ("mteb_version", "dataset_revision") if name in claim.values}


def _spelled(key: str) -> str | None:
    """A metric of mteb under our name; None for those that may be defined otherwise."""
    name, _, place = key.rpartition("_at_")
    ours = {"ndcg": "ndcg_linear", "hit_rate": "hit", "cv_recall": "hit"}.get(name, name)
    return (
        f"{ours}@{place}"
        if ours in {"ndcg_linear", "hit", "recall", "precision"} and place in {"1", "5", "10"}
        else None
    )


def _task(name: str, tasks: Sequence[Entry], count: int | None, version: str | None) -> Entry:
    """The task of a name: in the version that the name, its count of queries or the user tells."""
    version = "2.1" if name.endswith(FIXED) else version
    named = [task for task in tasks if task.name == name.replace(FIXED, "-page")]
    if not named:
        raise ResultError(f"{name}: no benchmark here has such a task")
    counted = [task for task in named if task.n_queries == count] or named
    told = [task for task in counted if version in task.versions] or (counted if len(counted) == 1 else [])
    if len(told) != 1:
        known = list(dict.fromkeys(one for task in named for one in task.versions))
        known = sorted(known, key=list(manifest().versions).index)
        found = f", found {version}" if version else ""
        raise ResultError(f"{name}: give --data-version, one of {', '.join(known)}{found}")
    return told[0]


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Those values that are scores or counts: as JSON has no bound, what is beyond any of these is none."""
    return {name: value for name, value in values.items() if own.is_number(value)}


def _graded(metrics: Mapping[str, float]) -> bool:
    pairs = ((metrics.get(f"ndcg_linear@{k}"), metrics.get(f"ndcg_exponential@{k}")) for k in (1, 5, 10))
    return any(linear != exponential for linear, exponential in pairs if None not in {linear, exponential})

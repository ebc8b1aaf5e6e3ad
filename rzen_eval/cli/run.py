"""A run: score tasks and print the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.config import compose
from rzen_eval.core import Mark
from rzen_eval.engine.ranks import Rank
from rzen_eval.evaluation.progress import Progress
from rzen_eval.evaluation.session import Outcome
from rzen_eval.evaluation.session import run as score_all
from rzen_eval.results.tables import averages

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rzen_eval.config.schema import RunConfig


def run(words: Sequence[str], extra_dirs: Sequence[Path]) -> int:
    """Score the chosen tasks.

    Args:
        words: settings.
        extra_dirs: folders with further YAML.

    Returns:
        The exit code: 0 only if every task has a result.
    """
    chosen = compose.load(words, extra_dirs)
    given = {word.split("=")[0] for word in words}
    defaults = [f"{kind} {name}" for kind, name in (("model", "mini"), ("data", "sample")) if kind not in given]
    said = f" (by default: {', '.join(defaults)})" if defaults and "experiment" not in given else ""
    source = chosen.data.kind + (f" {chosen.data.root}" if chosen.data.kind == "mirror" else "")
    first = Rank.of_environment().rank == 0
    progress = Progress(chosen.runtime.progress if first else "quiet")
    progress.say(
        f"model {chosen.model.name}, data {source}, {len(chosen.tasks)} tasks{said};"
        f" results in {chosen.results_dir / chosen.model.name}"
    )
    outcome = score_all(chosen, progress)
    if not first:
        # The first rank meets the same failures and reports them; torchrun would end it at another's exit code.
        return 0
    _report(chosen, outcome)
    return 0 if outcome.results.keys() == chosen.tasks.keys() else 1


def _report(chosen: RunConfig, outcome: Outcome) -> None:
    results = list(outcome.results.values())
    print(f"\n{averages.markdown(averages.task_table(results, outcome.failed))}")
    if chosen.limit is None:
        _print_tables(chosen, outcome)
    else:
        print(f"\nlimit={chosen.limit}: scores of the first {chosen.limit} queries only, left out of the tables")
    if outcome.failed:
        print("\nFailed:")
        print("\n".join(f"- {error}" for error in outcome.failed.values()))
    if chosen.data.kind == "sample":
        print(
            "\nThis is the bundled sample: made-up data that show the harness, not the benchmark."
            " The real one: rzen-eval task=mmeb_v2 model=rzenembed_v2_7b data=mirror data.root=DIR,"
            " after rzen-eval data fetch and data unpack with the same task and root"
        )


def _print_tables(chosen: RunConfig, outcome: Outcome) -> None:
    results = list(outcome.results.values())
    rows = averages.by_version(chosen.model.name, results)
    benchmark = manifest().groups()
    modalities = {task.modality for task in chosen.tasks.values()}
    if len(modalities) > 1:
        print(f"\n{averages.markdown(averages.overall_table(rows, benchmark, chosen.reference))}")
    for modality, groups in benchmark.items():
        if modality in modalities:
            print(f"\n{averages.markdown(averages.modality_table(rows, modality, groups, chosen.reference))}")
    if any(Mark.OTHER_DATA in result.marks for result in results):
        print(f"\n{averages.OTHER} not the benchmark's data: counts differ from the declared ones")

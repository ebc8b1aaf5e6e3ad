"""A run: score tasks and print the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rzen_eval.benchmark.manifest import manifest

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence
    from pathlib import Path

    from rzen_eval.cli.options import Options
    from rzen_eval.config.schema import RunConfig
    from rzen_eval.evaluation.session import Outcome


def options(parser: Options) -> None:
    """What the command takes."""
    parser.description = (
        "Score a model on tasks and print the tables. With nothing chosen the bundled model on the bundled sample. A"
        " task whose result is there is kept, and a run that was killed goes on from its vectors."
    )
    parser.examples = [
        "rzen-eval task=visdoc model=rzenembed_v2_7b data=hub",
        "rzen-eval task=[vidore_v2,visrag] data=mirror data.root=/data limit=10",
    ]


def run(chosen: Namespace, settings: Sequence[str], places: Sequence[Path]) -> int:
    """Score the chosen tasks.

    Returns:
        The exit code: 0 only if every task has a result.
    """
    from rzen_eval.config import compose
    from rzen_eval.engine.ranks import Rank
    from rzen_eval.evaluation import session
    from rzen_eval.evaluation.progress import Progress

    del chosen
    config = compose.load(settings, places)
    given = {word.split("=")[0] for word in settings}
    defaults = [f"{kind} {name}" for kind, name in (("model", "mini"), ("data", "sample")) if kind not in given]
    said = f" (by default: {', '.join(defaults)})" if defaults and "experiment" not in given else ""
    source = config.data.kind + (f" {config.data.root}" if config.data.kind == "mirror" else "")
    first = Rank.of_environment().rank == 0
    progress = Progress(config.runtime.progress if first else "quiet")
    progress.say(
        f"model {config.model.name}, data {source}, {len(config.tasks)} tasks{said};"
        f" results in {config.results_dir / config.model.name}"
    )
    outcome = session.run(config, progress)
    if not first:
        # The first rank meets the same failures and reports them; torchrun would end it at another's exit code.
        return 0
    _report(config, outcome)
    return 0 if outcome.results.keys() == config.tasks.keys() else 1


def _report(config: RunConfig, outcome: Outcome) -> None:
    from rzen_eval.results.tables import averages

    results = list(outcome.results.values())
    print(f"\n{averages.markdown(averages.task_table(results, outcome.failed))}")
    if config.limit is None:
        _print_tables(config, outcome)
    else:
        print(f"\nlimit={config.limit}: scores of the first {config.limit} queries only, left out of the tables")
    if outcome.failed:
        print("\nFailed:")
        print("\n".join(f"- {error}" for error in outcome.failed.values()))
    if config.data.kind == "sample":
        print(
            "\nThis is the bundled sample: made-up data that show the harness, not the benchmark."
            " The real one: rzen-eval task=mmeb_v2 model=rzenembed_v2_7b data=mirror data.root=DIR,"
            " after rzen-eval data fetch and data unpack with the same task and root"
        )


def _print_tables(config: RunConfig, outcome: Outcome) -> None:
    from rzen_eval.core import Mark
    from rzen_eval.results.tables import averages

    results = list(outcome.results.values())
    rows = averages.by_version(config.model.name, results)
    benchmark = manifest().groups()
    modalities = {task.modality for task in config.tasks.values()}
    if len(modalities) > 1:
        print(f"\n{averages.markdown(averages.overall_table(rows, benchmark, config.reference))}")
    for modality, groups in benchmark.items():
        if modality in modalities:
            print(f"\n{averages.markdown(averages.modality_table(rows, modality, groups, config.reference))}")
    if any(Mark.OTHER_DATA in result.marks for result in results):
        print(f"\n{averages.OTHER} not the benchmark's data: counts differ from the declared ones")

"""`rzen-eval run`, whose word may be left out: score tasks and print the tables."""

from __future__ import annotations

import os
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.cli.terminal import show
from rzen_eval.errors import ConfigError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from rzen_eval.cli.options import Options
    from rzen_eval.config.schema import RunConfig
    from rzen_eval.evaluation.session import Outcome
    from rzen_eval.results.tables.document import Document

FEW = 20
"""Tasks that have a line each on a terminal; of more there are the averages."""


def options(parser: Options) -> None:
    """What the command takes."""
    parser.description = (
        "Score a model on tasks and print the tables. With nothing chosen the bundled model on the bundled sample. A"
        " task whose result is there is kept, and a run that was killed goes on from its vectors."
    )
    parser.add_argument("--per-task", action="store_true", help=f"a line a task, though there are more than {FEW}")
    parser.add_argument("--traceback", action="store_true", help="errors of a class of your own in full")
    parser.examples = [
        "rzen-eval task=visdoc model=rzenembed_v2_7b data=hub",
        "rzen-eval task=[vidore_v2,visrag] data=mirror data.root=/data limit=100",
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
    from rzen_eval.evaluation.suite_result import SuiteResult
    from rzen_eval.evaluation.tracking import track
    from rzen_eval.models.external.foreign_code import TRACEBACK
    from rzen_eval.results.exchange.trackers import need

    if chosen.traceback:
        os.environ[TRACEBACK] = "1"
    config, began = compose.load(settings, places), time.perf_counter()
    if config.reranker is not None:
        raise ConfigError(
            f"run: reranker={config.reranker.name} is a second stage, for results that are there: rzen-eval rerank"
            f" {config.results_dir / config.model.name} reranker={config.reranker.name} ..."
        )
    if config.track is not None:
        need(config.track)
    first = Rank.of_environment().rank == 0
    progress = Progress(config.runtime.progress if first else "quiet")
    progress.say(_first_line(config, settings))
    outcome = session.run(config, progress)
    if not first:
        # The first rank meets the same failures and reports them; torchrun would end it at another's exit code.
        return 0
    # Without the averages, as with limit=first:N, the tasks are all there is to show.
    few = len(config.tasks) <= FEW or (config.limit is not None and config.limit.how == "first")
    show(document(config, outcome, every=few or chosen.per_task or not sys.stdout.isatty()))
    words = next((word.removeprefix("task=") for word in settings if word.startswith("task=")), "mmeb_v2")
    groups = {task.id: task.group for task in config.tasks.values()}
    found = SuiteResult(words, outcome.results, groups, outcome.failed, time.perf_counter() - began)
    track(config, found, config.model.name, config.results_dir / config.model.name)
    return 0 if outcome.results.keys() == config.tasks.keys() else 1


def _first_line(config: RunConfig, settings: Sequence[str]) -> str:
    """What is run, on what data, and where results go; what nobody chose is named as such."""
    given = {word.split("=")[0] for word in settings}
    defaults = [f"{kind} {name}" for kind, name in (("model", "mini"), ("data", "sample")) if kind not in given]
    said = f" (by default: {', '.join(defaults)})" if defaults and "experiment" not in given else ""
    tasks = "1 task" if len(config.tasks) == 1 else f"{len(config.tasks)} tasks"
    source = config.data.kind + (f" {config.data.root}" if config.data.kind == "mirror" else "")
    folder = config.results_dir / config.model.name
    return f"model {config.model.name}, data {source}, {tasks}{said}; results in {folder}"


def document(config: RunConfig, outcome: Outcome, *, every: bool) -> Document:
    """The tables of a run, then what failed and what a reader must know.

    Args:
        config: of the run.
        outcome: what became of its tasks.
        every: whether every task has a line of its own; else only the averages are shown.
    """
    from rzen_eval.evaluation.session import absent_line
    from rzen_eval.results.tables import leaderboard, rows
    from rzen_eval.results.tables.document import Document, Part

    folder, results = config.results_dir / config.model.name, list(outcome.results.values())
    own = rows.scored(config.model.name, results, f"results in {folder}", manifest())
    beside = [rows.published(config.reference, manifest())] if own and config.reference else []
    at = str(folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder)
    look = " and ".join(shlex.join(["rzen-eval", word, at]) for word in ("failures", "report"))
    remarks = [f"What it got wrong: {look}"] if results else []
    remarks += [] if every else [f"Every task: --per-task, or rzen-eval table {shlex.quote(at)} --per-task"]
    if config.limit is not None:
        n = config.limit.n
        remarks.append(
            f"limit={config.limit}: scores of at most {n} queries a task, left out of the tables"
            if config.limit.how == "first"
            else f"limit={config.limit}: of each task {n} random queries, the same for every model; ≈ is an estimate of"
            " what all queries would give, and ± its 95 % interval"
        )
    if config.data.kind == "sample":
        remarks.append(
            "This is the bundled sample: made-up data that show the harness, not the benchmark."
            " The real one: rzen-eval task=mmeb_v2 model=rzenembed_v2_7b data=mirror data.root=DIR,"
            " after rzen-eval data fetch and data unpack with the same task and root"
        )
    failed = {name: why for name, why in outcome.failed.items() if name not in outcome.absent}
    absent = [absent_line([config.tasks[name] for name in outcome.absent])] if outcome.absent else []
    parts = [
        *([Part(tables=[leaderboard.task_table(results, failed)])] if every and (results or failed) else []),
        *leaderboard.sections([*own, *beside], manifest()),
        *([Part("Failed", points=[*failed.values(), *absent])] if outcome.failed else []),
        Part(paragraphs=remarks),
    ]
    return Document(parts)

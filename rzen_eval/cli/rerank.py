"""`rzen-eval rerank`: a second stage on the rankings that an embedding run has kept."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.cli.run import FEW
from rzen_eval.cli.terminal import show
from rzen_eval.cli.values import whole
from rzen_eval.errors import ConfigError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence
    from pathlib import Path

    from rzen_eval.cli.options import Options
    from rzen_eval.evaluation.session import Outcome
    from rzen_eval.results.store import ModelResults
    from rzen_eval.results.tables.document import Document

TOP_K = 100
"""Candidates a query, as Qwen's evaluator has it, and as many as a run keeps."""


def options(parser: Options) -> None:
    """What the command takes."""
    parser.description = (
        "Score the first candidates of each query again, together with the query, by a reranker, and print both stages"
        " side by side. Reads the rankings that an embedding run has kept and, with its settings, the items again;"
        " results go to MODEL+RERANKER. A pair is scored once, and a run that was killed goes on."
    )
    parser.add_argument("model", metavar="RESULTS/MODEL", help="a model with results, or their folder")
    parser.add_argument(
        "--top-k", type=whole(1, 1000), default=TOP_K, metavar="N", help=f"candidates a query, {TOP_K} by default"
    )
    parser.add_argument("--per-task", action="store_true", help=f"a line a task, though there are more than {FEW}")
    parser.examples = [
        "rzen-eval rerank results/qwen3_vl_embedding_2b reranker=qwen3_vl_reranker_2b task=retrieval_44 data=hub",
        "rzen-eval rerank mini reranker=mini_judge --top-k 10",
    ]


def run(chosen: Namespace, settings: Sequence[str], places: Sequence[Path]) -> int:
    """Score the chosen tasks again.

    Returns:
        The exit code: 0 only if every task has a result.

    Raises:
        ConfigError: no reranker is chosen, or there are no results of the model.
    """
    from rzen_eval.config import compose
    from rzen_eval.engine.ranks import Rank
    from rzen_eval.evaluation.progress import Progress
    from rzen_eval.evaluation.rerank import Stages, rerank
    from rzen_eval.results import store

    asked = compose.load(settings, places, need_tasks=False)
    if asked.reranker is None:
        raise ConfigError("rerank: no reranker is chosen; give reranker=NAME, one of conf/reranker")
    model = store.one_model(chosen.model, asked.results_dir)
    if not asked.tasks:
        settings = [*settings, f"task=[{','.join(model.results)}]"]
    config = compose.load(settings, places)
    stages = Stages(model.folder, model.name, chosen.top_k, asked.reranker)
    first = Rank.of_environment().rank == 0
    progress = Progress(config.runtime.progress if first else "quiet")
    progress.say(
        f"{stages.name}: the first {stages.top_k} of {model.folder}, data {config.data.kind},"
        f" {len(config.tasks)} tasks; results in {config.results_dir / stages.name}"
    )
    outcome = rerank(config, stages, progress)
    if not first:
        return 0
    few = len(config.tasks) <= FEW or config.limit is not None
    every = few or chosen.per_task or not sys.stdout.isatty()
    show(
        document(model, store.read_model(config.results_dir / stages.name, set(outcome.results)), outcome, every=every)
    )
    return 0 if outcome.results.keys() == config.tasks.keys() else 1


def document(first: ModelResults, second: ModelResults, outcome: Outcome, *, every: bool) -> Document:
    """The tables of both stages, where the second helped and where it hurt, and what failed.

    Args:
        first: results of the first stage.
        second: results of this run.
        outcome: what became of its tasks.
        every: whether every task has a line of its own.
    """
    from rzen_eval.results.statistics.stages import changes, table
    from rzen_eval.results.tables import leaderboard, rows
    from rzen_eval.results.tables.document import Document, Part

    lines = changes(first, second)
    results = list(second.results.values())
    before = [first.results[result.id] for result in results if result.id in first.results]
    both = [
        *rows.scored(first.name, before, f"first stage, results in {first.folder}", manifest()),
        *rows.scored(second.name, results, f"results in {second.folder}", manifest()),
    ]
    warnings = [warning for result in results for warning in result.warnings]
    parts = [
        *([Part("Task by task", tables=[table(lines)])] if every and lines else []),
        *leaderboard.sections(both, manifest()),
        *([Part("To know", points=warnings)] if warnings else []),
        *([Part("Failed", points=list(outcome.failed.values()))] if outcome.failed else []),
    ]
    return Document(parts, [line.record for line in lines])

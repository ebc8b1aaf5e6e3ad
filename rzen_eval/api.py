"""The package as seen from Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rzen_eval.config import compose
from rzen_eval.core import Item, Side
from rzen_eval.data.load import load_data
from rzen_eval.errors import ConfigError
from rzen_eval.evaluation.score import evaluate
from rzen_eval.models import open_model, open_reranker
from rzen_eval.ranking.metrics import score_run

if TYPE_CHECKING:
    from rzen_eval.core import Reranker, Task
    from rzen_eval.models.interface import Model

__all__ = ["Item", "Side", "evaluate", "load_data", "load_model", "load_reranker", "load_task", "score_run"]


def load_model(name: str, *overrides: str) -> Model:
    """Load a declared model.

    Args:
        name: file name in `conf/model`, such as `rzenembed_v2_7b`.
        overrides: settings of the declaration, such as `checkpoint=/models/rzen`, `dtype=bf16`, `device=cpu`.

    Returns:
        The model, with `embed(items, side)`.

    Raises:
        ConfigError: no such model or setting.
        ModelError: the checkpoint cannot be found or loaded, or not all of its weights are used.
    """
    settings = [text if text.startswith(("model.", "cache_dir=")) else f"model.{text}" for text in overrides]
    chosen = compose.load([f"model={name}", *settings], need_tasks=False)
    model = open_model(chosen.model, chosen.cache_dir)
    model.load()
    return model


def load_reranker(name: str, *overrides: str) -> Reranker:
    """Load a declared reranker.

    Args:
        name: file name in `conf/reranker`, such as `qwen3_vl_reranker_2b`.
        overrides: settings of the declaration, such as `checkpoint=/models/reranker`, `dtype=bf16`, `device=cpu`.

    Returns:
        The reranker, with `score(query, candidates)`.

    Raises:
        ConfigError: no such reranker or setting.
        ModelError: the checkpoint cannot be found or loaded, or not all of its weights are used.
    """
    settings = [text if text.startswith(("reranker.", "cache_dir=")) else f"reranker.{text}" for text in overrides]
    chosen = compose.load([f"reranker={name}", *settings], need_tasks=False)
    if chosen.reranker is None:
        raise ConfigError(f"reranker={name} is no reranker; expected one of conf/reranker")
    reranker = open_reranker(chosen.reranker, chosen.cache_dir)
    reranker.load()
    return reranker


def load_task(name: str, *overrides: str) -> Task:
    """A declared task.

    Args:
        name: path in `conf/task`, such as `visdoc/vidore_arxivqa`; the id or the leaderboard's name alone do.
        overrides: as on the command line, such as `data=mirror`, `data.root=/data`, `limit=10`.

    Returns:
        The task, which knows where its data are; nothing is loaded.

    Raises:
        ConfigError: no such task or setting, or the name is a suite's.
    """
    tasks = compose.load([f"task={name}", *overrides]).tasks
    if len(tasks) != 1:
        raise ConfigError(
            f"{name!r} is a suite of {len(tasks)} tasks; load_task takes one, such as {next(iter(tasks))!r}"
        )
    return next(iter(tasks.values()))

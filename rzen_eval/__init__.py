"""The evaluation harness for MMEB-V2: 78 image, video and visual-document retrieval tasks."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rzen_eval._version import __version__

if TYPE_CHECKING:
    from rzen_eval.api import (
        SuiteResult,
        evaluate,
        evaluate_suite,
        load_data,
        load_model,
        load_reranker,
        load_task,
        model_from,
        score_run,
    )
    from rzen_eval.core import Embedder, Item, MultiVectors, Reranker, Result, Side, Task, TaskData, Vectors
    from rzen_eval.engine.settings import Runtime
    from rzen_eval.errors import ConfigError, DataError, ModelError, ResultError, RzenEvalError
    from rzen_eval.rzenembed import RzenEmbed

__all__ = [
    "ConfigError",
    "DataError",
    "Embedder",
    "Item",
    "ModelError",
    "MultiVectors",
    "Reranker",
    "Result",
    "ResultError",
    "Runtime",
    "RzenEmbed",
    "RzenEvalError",
    "Side",
    "SuiteResult",
    "Task",
    "TaskData",
    "Vectors",
    "__version__",
    "evaluate",
    "evaluate_suite",
    "load_data",
    "load_model",
    "load_reranker",
    "load_task",
    "model_from",
    "score_run",
]

_ELSEWHERE = {
    "core": ("Embedder", "Item", "MultiVectors", "Reranker", "Result", "Side", "Task", "TaskData", "Vectors"),
    "engine.settings": ("Runtime",),
    "errors": ("ConfigError", "DataError", "ModelError", "ResultError", "RzenEvalError"),
    "rzenembed": ("RzenEmbed",),
}
"""Where names are that `api` does not have."""


def __getattr__(name: str) -> Any:
    """Import what is behind a name when it is first used, so that `rzen-eval --help` answers at once."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    place = next((place for place, names in _ELSEWHERE.items() if name in names), "api")
    return getattr(import_module(f"rzen_eval.{place}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)

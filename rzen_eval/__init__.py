"""The evaluation harness for MMEB-V2: 78 image, video and visual-document retrieval tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rzen_eval._version import __version__

if TYPE_CHECKING:
    from rzen_eval.api import Item, Side, evaluate, load_data, load_model, load_task, score_run
    from rzen_eval.rzenembed import RzenEmbed

__all__ = ["Item", "RzenEmbed", "Side", "__version__", "evaluate", "load_data", "load_model", "load_task", "score_run"]


def __getattr__(name: str) -> Any:
    """Import the heavy parts when they are first used, so that `rzen-eval --help` answers at once."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module("rzen_eval.rzenembed" if name == "RzenEmbed" else "rzen_eval.api"), name)

"""Models: declarations, and one class an architecture that reads them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from rzen_eval.models.base import Model
    from rzen_eval.models.spec import Declared

CLASSES = {
    "qwen2_vl": "rzen_eval.models.qwen2_vl:Qwen2VL",
    "qwen2_5_vl": "rzen_eval.models.qwen2_5_vl:Qwen25VL",
    "colpali": "rzen_eval.models.colpali:ColPali",
    "colqwen2": "rzen_eval.models.colqwen2:ColQwen2",
    "llava_onevision": "rzen_eval.models.llava_onevision:LlavaOnevision",
    "qwen3_vl": "rzen_eval.models.qwen3_vl:Qwen3VL",
    "python": "rzen_eval.models.python:Python",
    "sentence_transformers": "rzen_eval.models.sentence:SentenceTransformers",
    "api": "rzen_eval.models.api:Api",
}
"""Module and class that load a family, imported when one is opened."""


def class_of(family: str) -> Any:
    """The class that loads a family."""
    module, _, name = CLASSES[family].partition(":")
    return getattr(import_module(module), name)


def open_model(spec: Declared, cache_dir: Path) -> Model:
    """A declared model with its files found and its settings resolved; weights load with the first batch.

    Raises:
        ModelError: the checkpoint is not there or is not what the declaration says.
    """
    opened: Model = class_of(spec.family)(spec, cache_dir)
    return opened

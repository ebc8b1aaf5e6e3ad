"""Models: declarations, and one class an architecture that reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from rzen_eval.models.qwen2_vl import Qwen2VL
    from rzen_eval.models.spec import ModelSpec


def open_model(spec: ModelSpec, cache_dir: Path) -> Qwen2VL:
    """A declared model with its files found and its settings resolved; weights load with the first batch.

    Raises:
        ModelError: the checkpoint is not there or is not what the declaration says.
    """
    from rzen_eval.models.qwen2_vl import Qwen2VL

    return Qwen2VL(spec, cache_dir)

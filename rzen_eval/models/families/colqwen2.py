"""ColQwen2 as an embedder: Qwen2-VL, and a vector for every token.

Positions are those by row and column, as in the authors' code; the class of transformers that reads the same weights
runs them 0..L-1.
"""

from __future__ import annotations

from typing import Any

from rzen_eval.models.families.late_interaction import LateInteraction
from rzen_eval.models.families.qwen2_vl import Qwen2VL


class ColQwen2(LateInteraction, Qwen2VL):
    """A loaded ColQwen2 checkpoint."""

    architecture = "ColQwen2ForRetrieval"
    configuration = "ColQwen2Config"
    whole_class = architecture
    within = "qwen2_vl"
    adapted = (
        (r"^custom_text_proj", "embedding_proj_layer"),
        (r"^model\.(language_model|visual)\.", r"vlm.\1."),
        (r"^model\.", "vlm.language_model."),
        (r"^visual\.", "vlm.visual."),
    )

    @property
    def _inner(self) -> Any:
        return self._model.vlm

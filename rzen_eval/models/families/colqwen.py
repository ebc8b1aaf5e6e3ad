"""ColQwen as an embedder: a Qwen model of text and pictures, and a vector for every token.

Positions are those by row and column, as in the authors' code; the class of transformers that reads the weights of
ColQwen2 runs them 0..L-1. That class takes any model beneath, and it holds all of these.

Source: the released code of ColQwen2, ColQwen2.5, ColQwen3 and ColQwen3.5 (illuin-tech/colpali at 9be8f19), of
tomoro-colqwen3 and of Ops-Colqwen3, who each have names of their own for sizes and weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rzen_eval.models.families.late_interaction import LateInteraction
from rzen_eval.models.families.qwen2_5_vl import Qwen25VL
from rzen_eval.models.families.qwen2_vl import Qwen2VL
from rzen_eval.models.families.qwen3_5 import Qwen35
from rzen_eval.models.families.qwen3_vl import Qwen3VL

if TYPE_CHECKING:
    from collections.abc import Sequence


class ColQwen(LateInteraction):
    """What they have in common."""

    architecture = "ColQwen2ForRetrieval"
    configuration = "ColQwen2Config"
    whole_class = architecture
    adapted: ClassVar[Sequence[tuple[str, str]]] = (
        (r"^custom_text_proj", "embedding_proj_layer"),
        (r"^vlm\.model\.", "vlm."),
        (r"^model\.(language_model|visual)\.", r"vlm.\1."),
        (r"^model\.", "vlm.language_model."),
        (r"^(language_model|visual)\.", r"vlm.\1."),
    )

    @property
    def _inner(self) -> Any:
        return self._model.vlm


class ColQwen2(ColQwen, Qwen2VL):
    """A loaded ColQwen2 checkpoint."""

    within = "qwen2_vl"


class ColQwen25(ColQwen, Qwen25VL):
    """A loaded ColQwen2.5 checkpoint."""

    within = "qwen2_5_vl"


class ColQwen3(ColQwen, Qwen3VL):
    """A loaded ColQwen3 checkpoint, of one of three makers."""

    within = "qwen3_vl"
    kinds: ClassVar = {"colqwen3": "embed_dim", "ops_colqwen3": "dims"}


class ColQwen35(ColQwen, Qwen35):
    """A loaded ColQwen3.5 checkpoint."""

    within = "qwen3_5"

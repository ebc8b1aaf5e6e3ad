"""jina-embeddings-v4: a Qwen2.5-VL with an adapter for each of three tasks, and a vector an item or one a token.

One vector is the mean of the states of all tokens of a text; of a picture, of the tokens from the start of the picture
to its end. Its authors add an adapter's part to what a layer makes of its input; here it is merged into the weights.

Source: modeling_jina_embeddings_v4.py and custom_lora_module.py of its repository, as onlylrs/SmartEmbed at a99d157 has
them. A loader of others that lists the names in the published files has the same names as these classes save.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from rzen_eval.models.batch import Pending
from rzen_eval.models.checkpoint import audit
from rzen_eval.models.families.colqwen import ColQwen25
from rzen_eval.models.families.qwen2_5_vl import Qwen25VL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import torch

    from rzen_eval.models.batch import Batch
    from rzen_eval.models.declaration.local import ModelSpec


class JinaEmbeddingsV4(Qwen25VL):
    """A loaded jina-embeddings-v4, one vector an item."""

    unused = re.compile(rf"{audit.UNUSED.pattern}|multi_vector_projector\.(weight|bias)")

    @classmethod
    def read_config(cls, spec: ModelSpec, folder: Path) -> Any:
        """Sizes of the Qwen2.5-VL."""
        return audit.read_config(spec, folder, cls.configuration, "qwen2_5_vl")

    def _pooled(self, hidden: torch.Tensor, batch: Batch, sent: Mapping[str, torch.Tensor]) -> Pending:  # noqa: ARG002
        """Of each item the mean of states, of a picture's with the two tokens around it, at unit length."""
        import torch

        means = []
        for start, plan in zip(batch.starts, batch.planned, strict=True):
            first, last = (plan.visual[0] - 1, plan.visual[-1] + 1) if len(plan.visual) else (0, plan.length - 1)
            means.append(hidden[start + int(first) : start + int(last) + 1].float().mean(dim=0))
        return Pending.of(torch.nn.functional.normalize(torch.stack(means), dim=-1))


class JinaEmbeddingsV4MultiVector(ColQwen25):
    """A loaded jina-embeddings-v4, a vector for every token."""

    adapted: ClassVar[Sequence[tuple[str, str]]] = (
        (r"^multi_vector_projector", "embedding_proj_layer"),
        *ColQwen25.adapted,
    )

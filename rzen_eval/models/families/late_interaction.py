"""Late interaction: a unit vector for every token of an item, as a rule by a linear layer upon the last hidden states.

Source: the released code of ColPali and its successors (illuin-tech/colpali). A checkpoint is read in transformers'
layout, or in that code's own, often as an adapter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from rzen_eval.core import MultiVectors
from rzen_eval.errors import ModelError
from rzen_eval.models.batch import Pending
from rzen_eval.models.checkpoint.audit import unloadable
from rzen_eval.models.checkpoint.json_file import read_object
from rzen_eval.models.families.local_model import LocalModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import torch

    from rzen_eval.core import Vectors
    from rzen_eval.models.batch import Batch
    from rzen_eval.models.declaration.local import ModelSpec
    from rzen_eval.models.pictures.resize import Pixels


DIMENSIONS = 128
"""Of a vector, where neither the checkpoint nor the declaration says."""


class EveryToken(LocalModel):
    """A model of text and pictures whose items have a vector for every token, padding aside."""

    every_token = True

    def provenance(self) -> dict[str, Any]:
        """As of every model, and that an item has many vectors."""
        return super().provenance() | {"late_interaction": True}

    def _projected(self, hidden: torch.Tensor) -> torch.Tensor:
        """Vectors of any length, shape (tokens, dim), from states of shape (tokens, hidden size)."""
        return hidden

    def _pooled(self, hidden: torch.Tensor, batch: Batch, sent: Mapping[str, torch.Tensor]) -> Pending:
        """Of each item the vectors of all its tokens, at unit length; none of padding."""
        import torch

        rows = torch.nn.functional.normalize(self._projected(hidden).float(), dim=-1)
        return Pending.of(rows if batch.packed else rows[sent["tokens"]], batch.lengths)

    def _arrays(self, batch: Batch, pixels: Sequence[Pixels]) -> dict[str, Any]:
        if batch.packed:
            return super()._arrays(batch, pixels)
        tokens = [start + np.arange(length) for start, length in zip(batch.starts, batch.lengths, strict=True)]
        return super()._arrays(batch, pixels) | {"tokens": np.concatenate(tokens)}

    def _joined(self, rows: Sequence[Vectors]) -> MultiVectors:
        return MultiVectors.of(rows)


class LateInteraction(EveryToken):
    """A class of transformers with a model of text and pictures as `vlm`, and a layer that projects its states."""

    within: ClassVar[str]
    """What the authors' own checkpoints say that they are: the model beneath, with the layer beside it."""
    kinds: ClassVar[Mapping[str, str]] = {}
    """What others say that theirs are, with what each calls the dimensions of a vector."""

    @classmethod
    def read_config(cls, spec: ModelSpec, folder: Path) -> Any:
        """That of the whole, with the model beneath as `vlm_config`."""
        import transformers

        whole: Any = getattr(transformers, cls.configuration)
        content, sizes = read_object(folder / "config.json"), {cls.within: "dim", **cls.kinds}
        kind, beneath = str(content.get("model_type")), content.get("vlm_config")
        over = beneath.get("model_type") if kind == whole.model_type and isinstance(beneath, dict) else None
        if kind not in sizes and over != cls.within:
            raise ModelError(
                f"{spec.name}: declared as {spec.family}, but {folder}/config.json says model_type {kind!r}"
                f"{f' over {over!r}' if over else ''}; expected {' or '.join(sizes)}, or {whole.model_type} over"
                f" {cls.within}"
            )
        try:
            if over:
                return whole.from_dict(content)
            inner: Any = transformers.CONFIG_MAPPING[cls.within].from_dict(content | {"model_type": cls.within})
            return whole(vlm_config=inner, embedding_dim=content.get(sizes[kind]) or spec.dim or DIMENSIONS)
        except Exception as error:  # code of others, given whatever the file says
            raise unloadable(spec, folder, error) from error

    def loading_options(self) -> dict[str, Any]:
        """Names of weights in the authors' own layout."""
        return {"key_mapping": dict(self.adapted)}

    def _dimensions(self) -> int:
        dim: int = self.config.embedding_dim
        return dim

    def _projected(self, hidden: torch.Tensor) -> torch.Tensor:
        vectors: torch.Tensor = self._model.embedding_proj_layer(hidden)
        return vectors

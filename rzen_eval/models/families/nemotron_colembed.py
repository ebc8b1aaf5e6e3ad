"""Nemotron ColEmbed V2 as an embedder: a Qwen3-VL every token of which sees all others, and a vector for each of them.

No layer projects. A vector is the state that the last layer leaves, before the final norm, whose weights a checkpoint
has and the authors' code passes over: their first code took the last of `hidden_states`, which in transformers 4.57 is
that state and in 5.0 the normed one; their later code leaves the norm out.

Source: modeling and processing files of nvidia/nemotron-colembed-vl-4b-v2, as public copies have them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rzen_eval.errors import ModelError
from rzen_eval.models.checkpoint.audit import unloadable
from rzen_eval.models.checkpoint.json_file import read_object
from rzen_eval.models.families.late_interaction import EveryToken
from rzen_eval.models.families.qwen3_vl import Qwen3VL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import torch

    from rzen_eval.models.batch import Batch
    from rzen_eval.models.declaration.local import ModelSpec
    from rzen_eval.models.pictures.resize import Pixels

KIND = {"model_type": "qwen3_vl_nemotron_embed", "pooling": "colbert"}
"""What its config.json says that it is."""


class NemotronColEmbed(EveryToken, Qwen3VL):
    """A loaded checkpoint of Nemotron ColEmbed V2 over Qwen3-VL."""

    causal = False

    @classmethod
    def read_config(cls, spec: ModelSpec, folder: Path) -> Any:
        """Sizes of the Qwen3-VL."""
        import transformers

        content = read_object(folder / "config.json")
        for name, wanted in KIND.items():
            if (said := content.get(name)) != wanted:
                raise ModelError(
                    f"{spec.name}: declared as {spec.family}, but {folder}/config.json says {name} {said!r}; expected"
                    f" {wanted}"
                )
        known: Any = getattr(transformers, cls.configuration)
        try:
            return known.from_dict(content | {"model_type": known.model_type})
        except Exception as error:  # code of others, given whatever the file says
            raise unloadable(spec, folder, error) from error

    def _arrays(self, batch: Batch, pixels: Sequence[Pixels]) -> dict[str, Any]:
        made = super()._arrays(batch, pixels)
        return made if batch.packed else made | {"mask": batch.seen}

    def _hidden(self, batch: Batch, sent: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """States before the final norm, shape (rows, tokens of a row, hidden size)."""
        import torch

        text = self._inner.language_model
        norm, text.norm = text.norm, torch.nn.Identity()
        try:
            return super()._hidden(batch, sent)
        finally:
            text.norm = norm

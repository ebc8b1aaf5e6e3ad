"""Qwen2.5-Omni as an embedder of texts, pictures and clips: the part that understands, without the one that speaks.

As Qwen2.5-VL, with grid positions that go on behind the last frames of a clip. Audio is not read: an item has none. The
audio tower of a checkpoint is loaded and audited with the rest, and let go of.

Source: the stock model; for NVIDIA's Omni-Embed, modeling_nv_omni_embed.py of its repository, as public copies have it:
every token sees all others. How both are run is from the benchmark's own evaluator (TIGER-AI-Lab/VLM2Vec, August 2026).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from rzen_eval.errors import ModelError
from rzen_eval.models.batch import Pending
from rzen_eval.models.checkpoint.audit import unloadable
from rzen_eval.models.checkpoint.json_file import read_object
from rzen_eval.models.families.positions import by_grid
from rzen_eval.models.families.qwen2_5_vl import Qwen25VL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    import torch
    from numpy.typing import NDArray

    from rzen_eval.models.batch import Batch
    from rzen_eval.models.declaration.local import ModelSpec
    from rzen_eval.models.interface import Planned
    from rzen_eval.models.pictures.resize import Pixels

FRAMES_PER_SECOND = 2.0
"""As the stock processor assumes of frames without times."""


class Qwen25Omni(Qwen25VL):
    """A loaded checkpoint of the thinker of a Qwen2.5-Omni."""

    architecture = "Qwen2_5OmniThinkerModel"
    configuration = "Qwen2_5OmniThinkerConfig"
    whole_class = "Qwen2_5OmniThinkerForConditionalGeneration"
    kind: ClassVar[str] = "qwen2_5_omni_thinker"
    """What its config.json says that it is."""
    adapted = (
        (r"^model\.(language_model|visual|audio_tower)\.", r"\1."),
        (r"^model\.", "language_model."),
    )

    @classmethod
    def read_config(cls, spec: ModelSpec, folder: Path) -> Any:
        """Sizes of the thinker."""
        import transformers

        content, known = read_object(folder / "config.json"), getattr(transformers, cls.configuration)
        if (said := content.get("model_type")) != cls.kind:
            raise ModelError(
                f"{spec.name}: declared as {spec.family}, but {folder}/config.json says model_type {said!r}; expected"
                f" {cls.kind}"
            )
        try:
            return known.from_dict(content | {"model_type": known.model_type})
        except Exception as error:  # code of others, given whatever the file says
            raise unloadable(spec, folder, error) from error

    @cached_property
    def _model(self) -> Any:
        made = super()._model
        made.audio_tower = None
        return made

    def _positions(self, plan: Planned) -> NDArray[np.int64]:
        if self.spec.positions == "sequential":
            return super()._positions(plan)
        seconds = self._config.vision_config.temporal_patch_size / FRAMES_PER_SECOND
        interval = int(seconds * self._config.position_id_per_seconds)
        return by_grid(plan, self.spec.prompt, interval, outlasting=True)


class NVOmniEmbed(Qwen25Omni):
    """A loaded checkpoint of NVIDIA's Omni-Embed: every token sees all others, and the vector is the mean of all."""

    kind = "nvomniembed"
    causal = False

    def _arrays(self, batch: Batch, pixels: Sequence[Pixels]) -> dict[str, Any]:
        made = super()._arrays(batch, pixels)
        return made if batch.packed else made | {"mask": batch.seen}

    def _pooled(self, hidden: torch.Tensor, batch: Batch, sent: Mapping[str, torch.Tensor]) -> Pending:  # noqa: ARG002
        """Of each item the mean of the states of all its tokens, at unit length."""
        import torch

        ends = zip(batch.starts, batch.lengths, strict=True)
        means = [hidden[start : start + length].float().mean(dim=0) for start, length in ends]
        return Pending.of(torch.nn.functional.normalize(torch.stack(means), dim=-1))

"""Qwen2-VL as an embedder: one vector from the last hidden state of the last token.

Source of what is computed: the released RzenEmbed code (360CVGroup/RzenEmbed at b07eb54), which is
GME's way of using Qwen2-VL: positions run 0..L-1 on all rotary axes, images included; right padding;
the state after the final norm; unit length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from rzen_eval.errors import ModelError
from rzen_eval.models.declaration.local import Budget
from rzen_eval.models.families import tower_plan
from rzen_eval.models.families.local_model import LocalModel
from rzen_eval.models.families.positions import by_grid
from rzen_eval.models.pictures import patches
from rzen_eval.models.pictures import resize as px
from rzen_eval.models.pictures.fit import TOKEN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import torch
    from numpy.typing import NDArray

    from rzen_eval.models.batch import Batch
    from rzen_eval.models.declaration.local import ModelSpec
    from rzen_eval.models.families.in_memory import Held
    from rzen_eval.models.interface import Planned
    from rzen_eval.models.pictures.patches import Grid
    from rzen_eval.models.pictures.resize import Pixels


class Qwen2VL(LocalModel):
    """A loaded Qwen2-VL checkpoint."""

    sections = (16, 24, 24)
    architecture = "Qwen2VLModel"
    configuration = "Qwen2VLConfig"
    mean: ClassVar = (0.48145466, 0.4578275, 0.40821073)
    std: ClassVar = (0.26862954, 0.26130258, 0.27577711)
    whole_class = "Qwen2VLForConditionalGeneration"
    budgeted = True
    token_side: ClassVar[int] = TOKEN
    """Pixels along the side of the square that one visual token covers."""

    def __init__(self, spec: ModelSpec, cache_dir: Path, held: Held | None = None) -> None:
        super().__init__(spec, cache_dir, held)
        vision = self._config.vision_config
        if (side := vision.patch_size * vision.spatial_merge_size) != self.token_side:
            raise ModelError(
                f"{spec.name}: a visual token of {spec.family} covers {self.token_side} pixels a side, by"
                f" {self.checkpoint.folder}/config.json {side}; it is of another family"
            )
        if spec.image is None or spec.frame is None:
            own = self._own_budget()
            self.spec = self.spec.model_copy(update={"image": spec.image or own, "frame": spec.frame or own})

    def _own_budget(self) -> Budget | None:
        """The tokens that the checkpoint says a picture may take."""
        said, area = self.image_settings, self.token_side**2
        if said.least is None or said.most is None:
            return None
        if said.least % area or said.most % area or said.least > said.most:
            raise ModelError(
                f"{self.spec.name}: its checkpoint gives a picture {said.least} to {said.most} pixels, no whole tokens"
                f" of {area}; give {self.spec.setting}.image={{min_tokens: N, max_tokens: N}}"
            )
        return Budget(min_tokens=said.least // area, max_tokens=said.most // area)

    def _expected_settings(self) -> dict[str, Any]:
        vision = self._config.vision_config
        return {
            "patch_size": vision.patch_size,
            "merge_size": vision.spatial_merge_size,
            "temporal_patch_size": vision.temporal_patch_size,
        }

    @property
    def _inner(self) -> Any:
        """The Qwen2-VL without a head."""
        return self._model

    @classmethod
    def preparation(cls, spec: ModelSpec, config: Any) -> px.Sizing:  # noqa: ARG003 - all is declared
        """Sizes within the declared budgets."""
        return px.Sizing.of(spec, cls.token_side)

    def loading_options(self) -> dict[str, Any]:
        """Names of weights as any version of transformers saves them, those of the class with a head included."""
        return {"key_mapping": dict(self.adapted)}

    def _arrays(self, batch: Batch, pixels: Sequence[Pixels]) -> dict[str, Any]:
        made = super()._arrays(batch, pixels)
        made["positions"] = batch.laid([self._positions(plan) for plan in batch.planned])
        return made | self._of_tower(pixels, self._grids(batch)) if pixels else made

    def _of_tower(self, pixels: Sequence[Pixels], grids: Sequence[Grid]) -> dict[str, Any]:
        """What the vision tower needs on the device beside pixels."""
        vision = self._config.vision_config
        return {"table": patches.table(pixels, vision)} | tower_plan.arrays(grids, vision)

    def _positions(self, plan: Planned) -> NDArray[np.int64]:
        """Rotary positions of an item, shape (3, length)."""
        if self.spec.positions == "sequential":
            return np.broadcast_to(np.arange(plan.length), (3, plan.length))
        return by_grid(plan, self.spec.prompt, getattr(self._config.vision_config, "tokens_per_second", 1))

    def _grids(self, batch: Batch) -> list[Grid]:
        size = self._config.vision_config.patch_size
        return [(visual.n_pieces, visual.height // size, visual.width // size) for visual in batch.visuals]

    def _hidden(self, batch: Batch, sent: Mapping[str, torch.Tensor]) -> torch.Tensor:
        embeds = self._inner.language_model.embed_tokens(sent["ids"])
        more = self._apart(batch, sent)
        if "pixels" in sent:
            seen = self._seen(sent, self._grids(batch))
            embeds.view(-1, embeds.shape[-1])[sent["places"]] = seen.pooler_output.to(embeds.dtype)
            more |= self._deeper(sent, seen)
        hidden: torch.Tensor = self._inner.language_model(
            inputs_embeds=embeds, position_ids=sent["positions"], use_cache=False, **more
        ).last_hidden_state
        return hidden

    def _seen(self, sent: Mapping[str, torch.Tensor], grids: Sequence[Grid]) -> Any:
        """What the vision tower makes of pictures and clips."""
        vision = self._config.vision_config
        cells = patches.cut(sent, self.image_settings, vision, self.dtype)
        return self._inner.visual(cells, **tower_plan.given(sent, grids, vision))

    def _deeper(self, sent: Mapping[str, torch.Tensor], seen: Any) -> dict[str, Any]:  # noqa: ARG002
        """What the language model is given of the tower's deeper layers."""
        return {}

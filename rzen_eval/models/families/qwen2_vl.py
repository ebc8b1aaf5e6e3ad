"""Qwen2-VL as an embedder: one vector from the last hidden state of the last token.

Source of what is computed: the released RzenEmbed code (360CVGroup/RzenEmbed at b07eb54), which is
GME's way of using Qwen2-VL: positions run 0..L-1 on all rotary axes, images included; right padding;
the state after the final norm; unit length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rzen_eval.errors import ModelError
from rzen_eval.models.declaration.local import Budget
from rzen_eval.models.families.local_model import LocalModel
from rzen_eval.models.pictures import patches
from rzen_eval.models.pictures import resize as px
from rzen_eval.models.pictures.fit import TOKEN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import torch

    from rzen_eval.models.batch import Batch
    from rzen_eval.models.declaration.local import ModelSpec
    from rzen_eval.models.families.in_memory import Held
    from rzen_eval.models.pictures.resize import Pixels


class Qwen2VL(LocalModel):
    """A loaded Qwen2-VL checkpoint."""

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
            self.spec = spec.model_copy(update={"image": spec.image or own, "frame": spec.frame or own})

    def _own_budget(self) -> Budget | None:
        """The tokens that the checkpoint says a picture may take."""
        said, area = self.image_settings, self.token_side**2
        if said.least is None or said.most is None:
            return None
        if said.least % area or said.most % area or said.least > said.most:
            raise ModelError(
                f"{self.spec.name}: its checkpoint gives a picture {said.least} to {said.most} pixels, no whole tokens"
                f" of {area}; give model.image={{min_tokens: N, max_tokens: N}}"
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

    def _hidden(self, batch: Batch, pixels: Sequence[Pixels]) -> torch.Tensor:
        embeds = self._inner.language_model.embed_tokens(batch.ids)
        cells, grid = self._patches(pixels)
        more: dict[str, Any] = {}
        if cells is not None:
            seen = self._inner.visual(cells, grid_thw=grid)
            embeds.view(-1, embeds.shape[-1])[batch.places] = seen.pooler_output.to(embeds.dtype)
            if deeper := getattr(seen, "deepstack_features", None):
                more = {"visual_pos_masks": batch.visual, "deepstack_visual_embeds": deeper}
        # Attention is causal and padding is on the right, so no token ever sees a padding token and no
        # mask is needed.
        hidden: torch.Tensor = self._inner.language_model(
            inputs_embeds=embeds, position_ids=self._positions(batch, grid), use_cache=False, **more
        ).last_hidden_state
        return hidden

    def _patches(self, visuals: Sequence[Pixels]) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """Patches and grids of images and clips, if there are any; see `patches.cut`."""
        if not visuals:
            return None, None
        return patches.cut(visuals, self.image_settings, self._config.vision_config, self.dtype, self.device)

    def _positions(self, batch: Batch, grid: torch.Tensor | None) -> torch.Tensor:
        """Rotary positions, shape (3, n, longest)."""
        import torch

        if self.spec.positions == "sequential" or grid is None:
            return torch.arange(batch.ids.shape[1], device=self.device).expand(3, *batch.ids.shape)
        clip = torch.tensor([visual.clip for visual in batch.visuals], device=self.device)
        n_tokens = grid.prod(dim=1) // self._config.vision_config.spatial_merge_size**2
        kinds = torch.zeros_like(batch.ids)
        kinds.view(-1)[batch.places] = (1 + clip.long()).repeat_interleave(n_tokens)
        positions: torch.Tensor
        positions, _ = self._inner.get_rope_index(
            batch.ids,
            mm_token_type_ids=kinds,
            image_grid_thw=grid[~clip],
            video_grid_thw=grid[clip],
            attention_mask=batch.mask,
        )
        return positions

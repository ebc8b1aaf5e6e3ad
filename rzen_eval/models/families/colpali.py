"""ColPali as an embedder: PaliGemma, and a vector for every token.

Every picture is squeezed into one square. All tokens of a prompt see each other, so padding is masked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rzen_eval.models.declaration.local import Budget
from rzen_eval.models.families.late_interaction import LateInteraction
from rzen_eval.models.pictures import resize as px

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from rzen_eval.models.batch import Batch
    from rzen_eval.models.declaration.local import ModelSpec
    from rzen_eval.models.pictures.resize import Pixels


class ColPali(LateInteraction):
    """A loaded ColPali checkpoint."""

    architecture = "ColPaliForRetrieval"
    configuration = "ColPaliConfig"
    whole_class = architecture
    causal = False
    within = "paligemma"
    adapted = (
        (r"^custom_text_proj", "embedding_proj_layer"),
        (r"^model\.language_model\.model\.", "vlm.language_model."),
        (r"^model\.", "vlm."),
    )
    squared = True
    adds_tokens = False
    """The prompt spells its first token, which stands behind the pictures."""
    marks = ("<image>",)

    @classmethod
    def preparation(cls, spec: ModelSpec, config: Any) -> px.Sizing:
        """Squares of one size."""
        vision = config.vision_config
        n_tokens = (vision.image_size // vision.patch_size) ** 2
        budget = Budget(min_tokens=n_tokens, max_tokens=n_tokens)
        return px.Sizing(
            budget,
            budget,
            fixed=(vision.image_size, vision.image_size),
            side=vision.patch_size,
            small_side=spec.small_side,
            small_below=spec.small_below,
            alpha=spec.alpha,
        )

    def _expected_settings(self) -> dict[str, Any]:
        side = self._config.vision_config.image_size
        return {"height": side, "width": side}

    def _hidden(self, batch: Batch, pixels: Sequence[Pixels]) -> torch.Tensor:
        import torch

        shown = batch.visual.any(dim=1)
        hidden = torch.zeros(*batch.ids.shape, self._config.text_config.hidden_size, dtype=self.dtype).to(self.device)
        cells = None
        if pixels:
            images = torch.cat([torch.tensor(visual, device=self.device)[None] for visual in pixels])
            cells = self.image_settings.normalised(images.permute(0, 3, 1, 2)).to(self.dtype)
        # Apart, since an image token in a text is no picture's.
        for rows, given in ((shown, cells), (~shown, None)):
            if rows.any():
                ids, mask = batch.ids[rows], batch.mask[rows]
                hidden[rows] = self._model.vlm(
                    input_ids=ids,
                    attention_mask=mask,
                    token_type_ids=torch.zeros_like(ids),
                    pixel_values=given,
                    use_cache=False,
                ).last_hidden_state
        return hidden

    def _media_tokens(self) -> tuple[int, None]:
        return self._config.image_token_id, None

"""ColPali as an embedder: PaliGemma, and a vector for every token.

Every picture is squeezed into one square. All tokens of a prompt see each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rzen_eval.models.declaration.local import Budget
from rzen_eval.models.families.late_interaction import LateInteraction
from rzen_eval.models.pictures import resize as px

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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

    def _arrays(self, batch: Batch, pixels: Sequence[Pixels]) -> dict[str, Any]:
        # An image token in a text is read as the first word, and positions begin at one. Source: PaliGemma in
        # transformers.
        known = batch.texts < self._config.text_config.vocab_size
        made = super()._arrays(batch, pixels) | {
            "ids": np.where(known, batch.texts, 0),
            "positions": batch.laid([1 + np.arange(length) for length in batch.lengths]),
        }
        return made if batch.packed else made | {"mask": batch.seen}

    def _hidden(self, batch: Batch, sent: Mapping[str, torch.Tensor]) -> torch.Tensor:
        inner = self._model.vlm
        embeds = inner.get_input_embeddings()(sent["ids"])
        if "pixels" in sent:
            side = self._config.vision_config.image_size
            pictures = sent["pixels"].view(-1, side, side, 3).permute(0, 3, 1, 2)
            cells = self.image_settings.normalised(pictures, sent["channels"]).to(self.dtype)
            seen = inner.get_image_features(cells).pooler_output.flatten(0, 1)
            embeds.view(-1, embeds.shape[-1])[sent["places"]] = seen.to(embeds.dtype)
        hidden: torch.Tensor = inner.language_model(
            inputs_embeds=embeds, position_ids=sent["positions"], use_cache=False, **self._apart(batch, sent)
        ).last_hidden_state
        return hidden

    def _media_tokens(self) -> tuple[int, None]:
        return self._config.image_token_id, None

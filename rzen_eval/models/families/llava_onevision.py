"""LLaVA-OneVision as an embedder: the state of the last token after the final norm, unit length.

Source: the released code of CAFe (haoyu-bu/CAFe at cc29815), a fork of LLaVA-NeXT: tiles as `tiles` has them, plain
positions, right padding, no embedding head. Checkpoints are read in transformers' layout and in LLaVA-NeXT's own.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from rzen_eval.models.checkpoint import audit
from rzen_eval.models.checkpoint.json_file import read_object
from rzen_eval.models.families.local_model import LocalModel
from rzen_eval.models.pictures.tiles import Tiling

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import torch

    from rzen_eval.models.batch import Batch
    from rzen_eval.models.declaration.local import ModelSpec
    from rzen_eval.models.interface import Planned
    from rzen_eval.models.pictures.resize import Pixels

ORIGINAL = ("llava", "llava_qwen")
"""What LLaVA-NeXT's own checkpoints say that they are."""
RENAMED = {
    r"^model\.vision_tower\.vision_tower\.": "vision_tower.",
    r"^model\.mm_projector\.0\.": "multi_modal_projector.linear_1.",
    r"^model\.mm_projector\.2\.": "multi_modal_projector.linear_2.",
    r"^model\.image_newline": "image_newline",
    r"^model\.": "language_model.",
}
"""From the names of LLaVA-NeXT's weights to those of transformers."""


class LlavaOnevision(LocalModel):
    """A loaded LLaVA-OneVision checkpoint."""

    architecture = "LlavaOnevisionModel"
    configuration = "LlavaOnevisionConfig"
    whole_class = "LlavaOnevisionForConditionalGeneration"
    tiled = True
    marks = ("<image>", "<video>")
    """LLaVA-NeXT's own tokenizers do without, and replace the image token by hand."""
    unused = re.compile(r"(language_model\.)?lm_head\.weight|(img|text)_emb_head\.(weight|bias)")

    @classmethod
    def preparation(cls, spec: ModelSpec, config: Any) -> Tiling:
        """Tiles, with a background as the stock mean has it."""
        vision = config.vision_config
        return Tiling(
            tile=vision.image_size,
            side=vision.image_size // vision.patch_size,
            sheets=tuple((width, height) for height, width in config.image_grid_pinpoints),
            most=int(config.vision_aspect_ratio.removeprefix("anyres_max_")),
            background=int(cls.mean[0] * 255),
            alpha=spec.alpha,
        )

    @cached_property
    def _preparation(self) -> Tiling:
        own = self.image_settings
        made = self.preparation(self.spec, self._config)
        return replace(made, background=int(own.mean[0] * 255), resample=own.resample)

    def _expected_settings(self) -> dict[str, Any]:
        vision = self._config.vision_config
        return {
            "height": vision.image_size,
            "width": vision.image_size,
            "image_grid_pinpoints": [list(pair) for pair in self._config.image_grid_pinpoints],
        }

    @classmethod
    def read_config(cls, spec: ModelSpec, folder: Path) -> Any:
        """As transformers has it, of either layout."""
        own = read_object(folder / "config.json")
        if own.get("model_type") not in ORIGINAL:
            return super().read_config(spec, folder)
        try:
            return converted(own)
        except Exception as error:  # code of others, given whatever the file says
            raise audit.unloadable(spec, folder, error) from error

    def loading_options(self) -> dict[str, Any]:
        """Names of weights in LLaVA-NeXT's own layout, where it is that."""
        original = read_object(self.checkpoint.folder / "config.json").get("model_type") in ORIGINAL
        return {"key_mapping": RENAMED} if original else {}

    def _media_tokens(self) -> tuple[int, int]:
        image, video = self.tokenizer.convert_tokens_to_ids(list(self.marks))
        return image, video

    def _arrays(self, batch: Batch, pixels: Sequence[Pixels]) -> dict[str, Any]:
        made = {"positions": batch.laid([np.arange(length) for length in batch.lengths])}
        return super()._arrays(batch, pixels) | made

    def _hidden(self, batch: Batch, sent: Mapping[str, torch.Tensor]) -> torch.Tensor:
        import torch

        embeds = self._model.language_model.embed_tokens(sent["ids"])
        if "pixels" in sent:
            side, visuals = self._config.vision_config.image_size, batch.visuals
            tiles = sent["pixels"].view(-1, side, side, 3).permute(0, 3, 1, 2)
            states = self._model.vision_tower(
                self.image_settings.normalised(tiles, sent["channels"]).to(self.dtype), output_hidden_states=True
            ).hidden_states[self._config.vision_feature_layer]
            features = self._model.multi_modal_projector(states).split([visual.n_pieces for visual in visuals])
            packed = [self._packed(part, visual) for part, visual in zip(features, visuals, strict=True)]
            embeds.view(-1, embeds.shape[-1])[sent["places"]] = torch.cat(packed).to(embeds.dtype)
        hidden: torch.Tensor = self._model.language_model(
            inputs_embeds=embeds, position_ids=sent["positions"], use_cache=False, **self._apart(batch, sent)
        ).last_hidden_state
        return hidden

    def patches(self, plan: Planned) -> int:
        """Of all tiles, which have one size."""
        vision = self._config.vision_config
        tile: int = (vision.image_size // vision.patch_size) ** 2
        return tile * sum(one.n_pieces for one in plan.visuals)

    def _packed(self, features: torch.Tensor, visual: Any) -> torch.Tensor:
        """The tokens of a picture or clip from those of its tiles, shape (tokens, hidden size)."""
        import torch

        newline = self._model.image_newline
        if visual.clip:
            return torch.cat([self._model.apply_pooling(features).flatten(0, 1), newline[None]])
        if len(features) == 1:
            return torch.cat([features[0], newline[None]])
        # As the stock model has it, which then waits for the device to take in how many tokens these are.
        laid, side = self._preparation.laid((visual.width, visual.height)), self._preparation.side
        (across, down), (columns, rows) = laid.margins, laid.kept
        tiles = features[1:].view(laid.rows // side, laid.columns // side, side, side, -1).permute(4, 0, 2, 1, 3)
        sheet = tiles.flatten(3, 4).flatten(1, 2)[:, down : laid.rows - down, across : laid.columns - across]
        if sheet.shape[1:] != (rows, columns):
            sheet = torch.nn.functional.interpolate(sheet[None], (rows, columns), mode="bilinear")[0]
        lines = torch.cat([sheet, newline[:, None, None].expand(-1, rows, 1)], dim=2)
        return torch.cat([features[0], lines.flatten(1).T])


def converted(own: dict[str, Any]) -> Any:
    """A `LlavaOnevisionConfig` of what LLaVA-NeXT's own configuration says.

    That names a vision tower but not its sizes: those of SigLIP-so400m without its last layer, unless they are added
    under `vision_config`.

    Source: `convert_llava_onevision_weights_to_hf.py` of transformers.
    """
    from transformers import LlavaOnevisionConfig, Qwen2Config

    of_text = set(Qwen2Config().to_dict()) - {"model_type", "architectures"} | {"rope_theta"}
    text = Qwen2Config(**{key: value for key, value in own.items() if key in of_text})
    return LlavaOnevisionConfig(
        text_config=text.to_dict(),
        vision_config=own.get("vision_config"),
        image_grid_pinpoints=own["image_grid_pinpoints"],
        vision_aspect_ratio=own["image_aspect_ratio"],
        tie_word_embeddings=text.tie_word_embeddings,
    )

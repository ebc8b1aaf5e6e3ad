"""Qwen3-VL as an embedder.

As Qwen2-VL, with visual tokens of 32 by 32 pixels, features of deeper layers of the vision tower added to the first
layers of the language model, and each two frames of a clip behind their time in the prompt.

Source: the released code of Qwen3-VL-Embedding (QwenLM/Qwen3-VL-Embedding at 8ce3aab), which reads pictures with
qwen-vl-utils 0.0.14 and computes with the stock model: grid positions, right padding, the state of the last token
after the final norm, unit length. There a clip is resized by torchvision, here by Pillow: the same bicubic filter.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rzen_eval.models.families.qwen2_vl import Qwen2VL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import torch

    from rzen_eval.models.batch import Batch


class Qwen3VL(Qwen2VL):
    """A loaded Qwen3-VL checkpoint."""

    architecture = "Qwen3VLModel"
    configuration = "Qwen3VLConfig"
    whole_class = "Qwen3VLForConditionalGeneration"
    sections = (24, 20, 20)
    token_side = 32
    mean = (0.5, 0.5, 0.5)
    std = (0.5, 0.5, 0.5)

    def _hidden(self, batch: Batch, sent: Mapping[str, torch.Tensor]) -> torch.Tensor:
        with by_place(self._inner.language_model):
            return super()._hidden(batch, sent)

    def _deeper(self, sent: Mapping[str, torch.Tensor], seen: Any) -> dict[str, Any]:
        deeper = getattr(seen, "deepstack_features", None)
        return {"visual_pos_masks": sent["places"], "deepstack_visual_embeds": deeper} if deeper else {}


@contextmanager
def by_place(text: Any) -> Iterator[None]:
    """A language model takes places of visual tokens for their mask, which it would count on the device."""
    text._deepstack_process = _added  # noqa: SLF001 - the one function that reads the mask
    try:
        yield
    finally:
        del text._deepstack_process  # noqa: SLF001


def _added(hidden: torch.Tensor, places: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
    """States with features added at the places of visual tokens in the flattened batch.

    As `_deepstack_process` of transformers, with places in place of a mask, whose size would be read from the device.
    """
    made = hidden.clone()
    flat = made.view(-1, made.shape[-1])
    flat[places] = flat[places] + features.to(made.dtype)
    return made

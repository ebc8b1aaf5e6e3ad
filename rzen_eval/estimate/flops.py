"""Operations of a forward pass of Qwen2-VL, counted from its configuration.

A multiplication and an addition are two operations. A forward pass that embeds one item costs

    matrices    2 · (T · L  +  P · p  +  M · v)
    attention   2 · layers · d · L²  +  4 · depth · d_v · Σ pᵢ²

with L tokens of the prompt, visual ones included, v visual tokens among them, p patches in all and pᵢ those of one
picture or pair of frames, which attend to each other and to no others. T, P and M are the weights that a token, a
patch and a visual token are multiplied with: the linear layers of the language model, the patch embedding with the
linear layers of the vision tower, and the merger. d and d_v are the widths of attention, heads times their size.
Scores and weighted sum take 4 · d · L² a layer; the language model is causal, which is half of that. There is no head:
an embedding needs no logits. Norms, activations, softmax and rotations are left out, as is padding.

Source: Kaplan et al. 2020 (arXiv 2001.08361), section 2.1 and table 1: 2N + 2 · layers · n_ctx · d a token forward;
Chowdhery et al. 2022 (PaLM, arXiv 2204.02311), appendix B, for attention. PaLM counts attention in full.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.models.pixels import Visual
    from rzen_eval.models.spec import Architecture


@dataclass(frozen=True, slots=True)
class Flops:
    """Operations of a forward pass."""

    matrices: int
    text_attention: int
    """Causal: half of the square."""
    vision_attention: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.matrices + self.text_attention + self.vision_attention


@dataclass(frozen=True, slots=True)
class Anatomy:
    """The sizes of a model that decide what it costs."""

    parameters: int
    """Of the whole checkpoint, the head included; tied embeddings count once."""
    dim: int
    """Of its vectors."""
    per_token: int
    """Weights of the matrices that each token meets."""
    per_patch: int
    """Weights that each patch meets."""
    per_visual_token: int
    """Weights of the merger, which each visual token meets once."""
    layers: int
    width: int
    """Heads times their size."""
    vision_layers: int
    vision_width: int
    patches_per_token: int

    def forward(self, length: int, visuals: Sequence[Visual]) -> Flops:
        """Operations for one item.

        Args:
            length: tokens of its prompt, visual ones included.
            visuals: its pictures and clips, as the model reads them.
        """
        visual_tokens = sum(visual.n_tokens for visual in visuals)
        patches = self.patches_per_token * visual_tokens
        squares = 0
        for visual in visuals:
            steps = max(1, -(-visual.frames // 2))
            squares += steps * (self.patches_per_token * visual.n_tokens // steps) ** 2
        return Flops(
            matrices=2 * (self.per_token * length + self.per_patch * patches + self.per_visual_token * visual_tokens),
            text_attention=2 * self.layers * self.width * length**2,
            vision_attention=4 * self.vision_layers * self.vision_width * squares,
        )


def anatomy(config: Any) -> Anatomy:
    """The sizes of the stock model of a configuration, built without memory for its weights.

    Args:
        config: a `Qwen2VLConfig`.
    """
    import torch
    from transformers import Qwen2VLForConditionalGeneration

    with torch.device("meta"):
        model = Qwen2VLForConditionalGeneration(config)
    text, vision = config.text_config, config.vision_config
    head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    tower = model.model.visual
    return Anatomy(
        parameters=sum(weight.numel() for weight in model.parameters()),
        dim=text.hidden_size,
        per_token=_weights(model.model.language_model),
        per_patch=_weights(tower.patch_embed) + _weights(tower.blocks),
        per_visual_token=_weights(tower.merger),
        layers=text.num_hidden_layers,
        width=text.num_attention_heads * head,
        vision_layers=vision.depth,
        vision_width=vision.embed_dim,
        patches_per_token=vision.spatial_merge_size**2,
    )


def _weights(module: Any) -> int:
    """Elements of the matrices in a module; a patch embedding is a convolution that meets each patch once."""
    from torch import nn

    return sum(part.weight.numel() for part in module.modules() if isinstance(part, (nn.Linear, nn.Conv3d)))


def declared_config(architecture: Architecture) -> Any:
    """The `Qwen2VLConfig` of declared sizes."""
    from transformers import Qwen2VLConfig

    text = architecture.model_dump(exclude={"vision"})
    vision = architecture.vision.model_dump() | {"hidden_size": architecture.hidden_size}
    return Qwen2VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=architecture.tie_word_embeddings)

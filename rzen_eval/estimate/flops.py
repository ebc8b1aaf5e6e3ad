"""Operations of a forward pass of a vision-language model, counted from its configuration.

A multiplication and an addition are two operations. A forward pass that embeds one item costs

    matrices    2 · (T · L  +  P · p  +  M · v)
    attention   2 · layers · d · L²  +  4 · Σ d_v · pᵢ²

with L tokens of the prompt, visual ones included, v visual tokens among them, p patches in all and pᵢ those of one
picture, pair of frames or tile, which attend to each other and to no others: the sum is over these and over the layers
of the vision tower; in a layer with windows pᵢ are the patches of a window. T, P and M are the weights that a token, a
patch and a visual token are multiplied with: the linear layers of the language model, with the layer that makes vectors
in late interaction; the patch embedding with the linear layers of the vision tower; and what makes tokens of patches,
which in LLaVA-OneVision meets each patch. d and d_v are the widths of attention, heads times their size. Scores and
weighted sum take 4 · d · L² a layer; a causal language model needs half of that, PaliGemma sees all. There is no head:
an embedding needs no logits. A layer with the gated delta rule takes, for each 64 tokens c begun and each head, of keys
of size k and values of size v, 2c²(2k + v) + 6ckv, and for each channel 2w(L + w - 1), of a convolution of w tokens.
Norms, activations, softmax, rotations and the triangular systems of that rule are left out, as is padding.

Source: Kaplan et al. 2020 (arXiv 2001.08361), section 2.1 and table 1: 2N + 2 · layers · n_ctx · d a token forward;
Chowdhery et al. 2022 (PaLM, arXiv 2204.02311), appendix B, for attention. PaLM counts attention in full.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rzen_eval.errors import ModelError
from rzen_eval.models import class_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.models.declaration.local import ModelSpec
    from rzen_eval.models.pictures.resize import Visual


CHUNK = 64
"""Tokens that a layer with a state takes at once, in transformers and in flash-linear-attention."""


@dataclass(frozen=True, slots=True)
class Flops:
    """Operations of a forward pass."""

    matrices: int
    text_attention: int
    """Half of the square where it is causal."""
    vision_attention: int
    recurrence: int = 0
    """Of layers that keep a state in place of attention."""

    @property
    def total(self) -> int:
        """All of them."""
        return self.matrices + self.text_attention + self.vision_attention + self.recurrence


@dataclass(frozen=True, slots=True)
class Recurrence:
    """Layers of the language model that keep a state in place of attention, by the gated delta rule."""

    layers: int = 0
    heads: int = 0
    """Of values."""
    key: int = 0
    """Size of a head's keys."""
    value: int = 0
    channels: int = 0
    """That are convolved along the tokens."""
    kernel: int = 0

    def forward(self, length: int) -> int:
        """Operations for a prompt of so many tokens, in all layers."""
        n_chunks = -(-length // CHUNK)
        chunk = 2 * CHUNK**2 * (2 * self.key + self.value) + 6 * CHUNK * self.key * self.value
        convolved = 2 * (length + self.kernel - 1) * self.channels * self.kernel
        return self.layers * (self.heads * n_chunks * chunk + convolved)


@dataclass(frozen=True, slots=True)
class Anatomy:
    """The sizes of a model that decide what it costs."""

    parameters: int
    """Of the whole checkpoint, the head included; tied embeddings count once."""
    dim: int
    """Of its vectors."""
    late: bool
    """Whether every token has a vector; else an item has one."""
    per_token: int
    """Weights of the matrices that each token meets."""
    per_patch: int
    """Weights that each patch meets."""
    per_visual_token: int
    """Weights that each visual token meets once, before the language model."""
    layers: int
    """With attention."""
    width: int
    """Heads times their size."""
    recurrence: Recurrence
    causal: bool
    vision_layers: int
    """Of those whose patches see the whole picture."""
    windowed_layers: int
    window: int
    """Patches along the side of a window; 0: there are none."""
    vision_width: int
    patch: int
    """Side of a patch in pixels."""
    tile: int | None
    """Patches of a tile; None: pictures keep their shape."""

    def forward(self, length: int, visuals: Sequence[Visual]) -> Flops:
        """Operations for one item.

        Args:
            length: tokens of its prompt, visual ones included.
            visuals: its pictures and clips, as the model reads them.
        """
        patches = squares = windows = 0
        for visual in visuals:
            rows, columns = visual.height // self.patch, visual.width // self.patch
            piece = self.tile or rows * columns
            patches += visual.n_pieces * piece
            squares += visual.n_pieces * piece**2
            windows += visual.n_pieces * _squared(rows, self.window) * _squared(columns, self.window)
        visual_tokens = sum(visual.n_tokens for visual in visuals)
        seen = self.vision_layers * squares + self.windowed_layers * windows
        return Flops(
            matrices=2 * (self.per_token * length + self.per_patch * patches + self.per_visual_token * visual_tokens),
            text_attention=(2 if self.causal else 4) * self.layers * self.width * length**2,
            vision_attention=4 * self.vision_width * seen,
            recurrence=self.recurrence.forward(length),
        )


def _squared(length: int, part: int) -> int:
    """The squares of a length's parts, the last of which may be shorter, added up."""
    return length // part * part**2 + (length % part) ** 2 if part else 0


def anatomy(config: Any, family: str) -> Anatomy:
    """The sizes of the stock model of a configuration, built without memory for its weights.

    Args:
        config: as transformers has it.
        family: of the model.
    """
    import torch
    import transformers

    kind = class_of(family)
    with torch.device("meta"):
        model = getattr(transformers, kind.whole_class)(config)
    projects = hasattr(config, "vlm_config")
    beneath, core = (config.vlm_config, model.vlm) if projects else (config, model.model)
    text, vision = beneath.text_config, beneath.vision_config
    head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    if hasattr(core, "visual"):
        tower, joint = core.visual, 0
        merging = _weights(tower.merger) + sum(map(_weights, getattr(tower, "deepstack_merger_list", ())))
    else:
        tower, joint, merging = core.vision_tower, _weights(core.multi_modal_projector), 0
    depth = getattr(vision, "depth", None) or vision.num_hidden_layers
    whole = getattr(vision, "fullatt_block_indexes", None)
    windowed = depth - len(whole) if whole is not None else 0
    return Anatomy(
        parameters=sum(weight.numel() for weight in model.parameters()),
        dim=config.embedding_dim if projects else text.hidden_size,
        late=kind.every_token,
        per_token=_weights(core.language_model) + (_weights(model.embedding_proj_layer) if projects else 0),
        per_patch=_weights(tower) - merging + joint,
        per_visual_token=merging,
        layers=text.num_hidden_layers - (recurrence := _recurrence(text)).layers,
        recurrence=recurrence,
        width=text.num_attention_heads * head,
        causal=kind.causal,
        vision_layers=depth - windowed,
        windowed_layers=windowed,
        window=vision.window_size // vision.patch_size if windowed else 0,
        vision_width=getattr(vision, "embed_dim", None) or vision.hidden_size,
        patch=vision.patch_size,
        tile=(vision.image_size // vision.patch_size) ** 2 if kind.tiled else None,
    )


def _recurrence(text: Any) -> Recurrence:
    """The layers of a language model that keep a state."""
    n_layers = list(getattr(text, "layer_types", None) or ()).count("linear_attention")
    if not n_layers:
        return Recurrence()
    key, value = text.linear_key_head_dim, text.linear_value_head_dim
    return Recurrence(
        layers=n_layers,
        heads=text.linear_num_value_heads,
        key=key,
        value=value,
        channels=2 * text.linear_num_key_heads * key + text.linear_num_value_heads * value,
        kernel=text.linear_conv_kernel_dim,
    )


def _weights(module: Any) -> int:
    """Elements of the matrices in a module; a patch embedding is a convolution that meets each patch once."""
    from torch import nn

    met = (nn.Linear, nn.Conv2d, nn.Conv3d)
    return sum(part.weight.numel() for part in module.modules() if isinstance(part, met))


def declared_config(spec: ModelSpec) -> Any:
    """The configuration of declared sizes, of the class of transformers for the family.

    Raises:
        ModelError: a size has a name that the family does not know.
    """
    import transformers

    if spec.architecture is None:
        raise TypeError(f"{spec.name} has no declared sizes")
    known = getattr(transformers, class_of(spec.family).configuration)
    late = "vlm_config" in known.sub_configs
    beneath = transformers.AutoConfig.for_model(class_of(spec.family).within) if late else known()
    sizes: dict[str, Any] = {"tie_word_embeddings": spec.architecture.tie_word_embeddings}
    for part in ("text", "vision", *["audio"] * bool(spec.architecture.audio)):
        stock, given = getattr(beneath, f"{part}_config"), getattr(spec.architecture, part)
        if strange := sorted(set(given) - set(stock.to_dict())):
            raise ModelError(f"{spec.name}: architecture.{part}.{strange[0]} is no size of a {spec.family}")
        sizes[f"{part}_config"] = given | {"model_type": stock.model_type}
    if not late:
        return known(**sizes)
    whole = type(beneath)(**sizes)
    return known(vlm_config=whole, embedding_dim=spec.dim)

"""Models of declared sizes with random weights, to see how fast they are; their vectors mean nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rzen_eval.models import class_of, device
from rzen_eval.models.families import attention, endings, patch_embedding
from rzen_eval.models.families.in_memory import Held

if TYPE_CHECKING:
    from rzen_eval.models.declaration.local import ModelSpec
    from rzen_eval.models.families.local_model import LocalModel

HEADS = 2
LAYERS = 2
WORDS = 4096


def random_model(spec: ModelSpec, config: Any) -> LocalModel:
    """A model of a family on its device, in its dtype, with random weights.

    Args:
        spec: how it is used.
        config: its sizes, as transformers has them.
    """
    import torch
    import transformers

    kind, place = class_of(spec.family), device.device(spec)
    dtype = device.dtype(spec, place)
    with torch.device(place):
        network = getattr(transformers, kind.architecture)._from_config(config, dtype=dtype)  # noqa: SLF001
    own = endings.reckoned(spec).model_copy(
        update={"checkpoint": "random", "revision": None, "base": None, "reproduces": ()}
    )
    made: LocalModel = kind(own, Path("random"), Held(network.eval(), None, {}, shared=False))
    attention.use(network, made.attention, packed=made.packed)
    patch_embedding.as_product(network)
    return made


def small(config: Any) -> Any:
    """The same architecture with few layers and heads of the same size, for a CPU."""
    content = config.to_dict()
    beneath = content.get("vlm_config", content)
    text, vision = beneath["text_config"], beneath["vision_config"]
    head = text.get("head_dim") or text["hidden_size"] // text["num_attention_heads"]
    wide = HEADS * head
    text.update(
        hidden_size=wide, intermediate_size=2 * wide, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        num_key_value_heads=min(HEADS, text["num_key_value_heads"]), vocab_size=WORDS,
    )  # fmt: skip
    text.update(dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id")))
    if "layer_types" in text:
        text["layer_types"] = text["layer_types"][:LAYERS]
    heads = "num_heads" if "num_heads" in vision else "num_attention_heads"
    own = "embed_dim" if "embed_dim" in vision else "hidden_size"
    inner = HEADS * (vision[own] // vision[heads])
    vision.update({heads: HEADS, "depth" if "depth" in vision else "num_hidden_layers": LAYERS})
    vision.update(
        {
            "hidden_size": wide,
            own: inner,
            "out_hidden_size": wide,
            "intermediate_size": 2 * inner,
            "projection_dim": wide,
        }
    )
    for name in ("fullatt_block_indexes", "deepstack_visual_indexes"):
        if name in vision:
            vision[name] = [LAYERS - 1]
    if audio := beneath.get("audio_config"):
        audio.update(d_model=wide, encoder_ffn_dim=wide, output_dim=wide)
        audio.update(encoder_layers=1, encoder_attention_heads=HEADS)
    if "projection_dim" in beneath:
        beneath["projection_dim"] = wide
    return type(config).from_dict(content)

"""The bundled model: a Qwen2-VL so small that it is made rather than shipped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rzen_eval.cache import make_once
from rzen_eval.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

VERSION = "1"
SPECIAL = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>",
    "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip


def folder(cache_dir: Path) -> Path:
    """The model's checkpoint, made now if it is not there yet; the weights are random, the same on every machine.

    Raises:
        ModelError: the cache folder cannot be written.
    """
    place = cache_dir / "mini" / VERSION
    try:
        return make_once(place, _make)
    except OSError as error:
        raise ModelError(f"the bundled model cannot be written to {place} ({error}); give cache_dir=FOLDER") from error


def _make(place: Path) -> None:
    import torch
    from transformers import Qwen2VLForConditionalGeneration

    tokenizer = _tokenizer()
    config = _config(tokenizer)
    model = Qwen2VLForConditionalGeneration(config)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            if weight.ndim > 1:
                weight.normal_(0, 0.08, generator=generator)
            elif not name.endswith("weight"):
                weight.zero_()
    model.save_pretrained(place)
    tokenizer.save_pretrained(place)
    processor = {
        "image_processor_type": "Qwen2VLImageProcessor",
        "patch_size": 14,
        "temporal_patch_size": 2,
        "merge_size": 2,
    }
    (place / "preprocessor_config.json").write_text(json.dumps(processor, indent=2))


def _tokenizer() -> Any:
    """Bytes as tokens, with Qwen2's splitting and special tokens."""
    from tokenizers import pre_tokenizers
    from transformers import Qwen2Tokenizer

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate(alphabet)}
    return Qwen2Tokenizer(vocab=vocabulary, merges=[], extra_special_tokens=list(SPECIAL[1:]), model_max_length=32768)


def _config(tokenizer: Any) -> Any:
    from transformers import Qwen2VLConfig

    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in SPECIAL}
    return Qwen2VLConfig(
        text_config={
            "vocab_size": len(tokenizer), "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
            "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 32768, "use_cache": False,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]},
            "bos_token_id": None, "eos_token_id": ids["<|im_end|>"], "pad_token_id": None, "tie_word_embeddings": True,
        },
        vision_config={
            "depth": 2, "embed_dim": 32, "hidden_size": 64, "num_heads": 2, "mlp_ratio": 2, "patch_size": 14,
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=True,
    )  # fmt: skip

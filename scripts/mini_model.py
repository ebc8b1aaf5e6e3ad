"""The bundled model before and while it is trained: tokenizer, sizes, and a forward pass made for training.

The forward pass goes over the stock modules' own weights and gives what they give; it is quicker on few threads since
pictures of one size are one batch and the last layer is computed at the pooled token alone.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its usual name

from rzen_eval.models.families.qwen2_vl import Qwen2VL

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from rzen_eval.models.interface import Planned
    from rzen_eval.models.pictures.resize import Pixels

SPECIAL = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>",
    "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip
VOCABULARY = 2400
HIDDEN, LAYERS, INNER, HEADS = 128, 4, 320, 4
VISION, VISION_LAYERS, VISION_HEADS = 96, 2, 3
PATCH, CELL = 14, 28


def tokenizer(texts: Iterable[str]) -> Any:
    """Byte-level BPE learned from texts, with Qwen2's splitting and special tokens."""
    from tokenizers import pre_tokenizers, trainers
    from transformers import Qwen2Tokenizer

    shell = Qwen2Tokenizer()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY - len(SPECIAL), initial_alphabet=alphabet, show_progress=False)
    shell.backend_tokenizer.train_from_iterator(texts, trainer)
    learned = json.loads(shell.backend_tokenizer.to_str())["model"]
    kept = sorted((index, token) for token, index in learned["vocab"].items() if token not in SPECIAL)
    return Qwen2Tokenizer(
        vocab={token: place for place, (_, token) in enumerate(kept)},
        merges=[tuple(merge) for merge in learned["merges"]],
        extra_special_tokens=list(SPECIAL[1:]),
        model_max_length=32768,
    )


def config(tokens: Any) -> Any:
    """Sizes of the model, for a tokenizer."""
    from transformers import Qwen2VLConfig

    ids = {token: tokens.convert_tokens_to_ids(token) for token in SPECIAL}
    half = HIDDEN // HEADS // 2
    grid = 3 * half // 8
    return Qwen2VLConfig(
        text_config={
            "vocab_size": len(tokens), "hidden_size": HIDDEN, "intermediate_size": INNER, "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS, "num_key_value_heads": HEADS, "max_position_embeddings": 32768,
            "use_cache": False, "initializer_range": 0.06, "tie_word_embeddings": True,
            "rope_parameters": {
                "rope_type": "default", "rope_theta": 10000.0, "mrope_section": [half - 2 * grid, grid, grid],
            },
            "bos_token_id": None, "eos_token_id": ids["<|im_end|>"], "pad_token_id": None,
        },
        vision_config={
            "depth": VISION_LAYERS, "embed_dim": VISION, "hidden_size": HIDDEN, "num_heads": VISION_HEADS,
            "mlp_ratio": 3, "patch_size": PATCH, "initializer_range": 0.06,
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=True,
    )  # fmt: skip


def save(network: Any, tokens: Any, folder: Path) -> None:
    """Write a checkpoint as `from_pretrained` and the harness read it."""
    network.save_pretrained(folder)
    tokens.save_pretrained(folder)
    processor = {
        "image_processor_type": "Qwen2VLImageProcessor",
        "patch_size": PATCH,
        "temporal_patch_size": 2,
        "merge_size": 2,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(processor, indent=2) + "\n")


class Forward:
    """Embeds batches with a model's own weights, with gradients.

    Args:
        inner: a `Qwen2VLModel`.
    """

    def __init__(self, inner: Any) -> None:
        self.visual, self.text = inner.visual, inner.language_model
        self._turns: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}
        self._mean, self._std = (torch.tensor(values).view(3, 1, 1) for values in (Qwen2VL.mean, Qwen2VL.std))

    @property
    def words(self) -> Tensor:
        """Embeddings of the tokens, shape (vocabulary, hidden)."""
        weight: Tensor = self.text.embed_tokens.weight
        return weight

    def cells(self, pictures: Sequence[Pixels]) -> list[Tensor]:
        """What the vision tower makes of pictures: for each, shape (cells, hidden), row by row."""
        found: list[Tensor] = [torch.empty(0)] * len(pictures)
        places: dict[tuple[int, int], list[int]] = defaultdict(list)
        for index, picture in enumerate(pictures):
            places[picture.shape[0], picture.shape[1]].append(index)
        for (height, width), chosen in places.items():
            pixels = torch.stack([torch.tensor(pictures[index]) for index in chosen])
            for index, made in zip(chosen, self._tower(pixels, height // PATCH, width // PATCH), strict=True):
                found[index] = made
        return found

    def embed(self, planned: Sequence[Planned], pictures: Sequence[Sequence[Pixels]]) -> Tensor:
        """Unit vectors, shape (n, hidden)."""
        longest = -(-max(plan.length for plan in planned) // 8) * 8
        ids = torch.zeros(len(planned), longest, dtype=torch.long)
        for row, plan in enumerate(planned):
            ids[row, : plan.length] = torch.from_numpy(plan.input_ids)
        states = F.embedding(ids, self.words)
        flat = [picture for item in pictures for picture in item]
        if flat:
            places = torch.cat([row * longest + torch.from_numpy(plan.visual) for row, plan in enumerate(planned)])
            seen = torch.cat(self.cells(flat)).to(states.dtype)
            states = states.view(-1, HIDDEN).index_copy(0, places, seen).view_as(states)
        last = torch.tensor([plan.length - 1 for plan in planned])
        return F.normalize(self._language(states, last).float(), dim=-1)

    def _tower(self, pixels: Tensor, rows: int, columns: int) -> Tensor:
        """Pictures of one size, shape (n, height, width, 3), to cells, shape (n, cells, hidden)."""
        count = len(pixels)
        light = (pixels.permute(0, 3, 1, 2).float() / 255 - self._mean) / self._std
        light = light.view(count, 3, rows // 2, 2, PATCH, columns // 2, 2, PATCH)
        patches = light.permute(0, 2, 5, 3, 6, 1, 4, 7).reshape(count, rows * columns, -1)
        weight = self.visual.patch_embed.proj.weight  # both halves of a temporal patch see the same still picture
        states = F.linear(patches, (weight[:, :, 0] + weight[:, :, 1]).flatten(1))
        cos, sin = self._grid(rows, columns)
        for block in self.visual.blocks:
            attention = block.attn
            mixed = attention.qkv(block.norm1(states)).view(count, rows * columns, 3, attention.num_heads, -1)
            query, key, value = mixed.permute(2, 0, 3, 1, 4)
            query, key = _turned(query, cos, sin), _turned(key, cos, sin)
            out = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
            states = states + attention.proj(out)
            states = states + block.mlp(block.norm2(states))
        merger = self.visual.merger
        made: Tensor = merger.mlp(merger.ln_q(states).view(count, rows * columns // 4, -1))
        return made

    def _language(self, states: Tensor, last: Tensor) -> Tensor:
        """The state of each last token after the final norm; causal, so what is padded on the right is never seen."""
        count, longest, _ = states.shape
        order = torch.arange(longest)
        cos, sin = self.text.rotary_emb(torch.zeros(1), order.expand(3, 1, longest))
        cos, sin = cos[:, None], sin[:, None]
        rows = torch.arange(count)
        for number, layer in enumerate(self.text.layers):
            attention, normed = layer.self_attn, layer.input_layernorm(states)
            key, value = (_split(made(normed)) for made in (attention.k_proj, attention.v_proj))
            key = _turned(key, cos, sin)
            if number < LAYERS - 1:
                query = _turned(_split(attention.q_proj(normed)), cos, sin)
                out = F.scaled_dot_product_attention(query, key, value, is_causal=True)
                out = out.transpose(1, 2).flatten(2)
            else:
                query = _split(attention.q_proj(normed[rows, last])[:, None])
                query = _turned(query, cos[0, 0][last][:, None, None], sin[0, 0][last][:, None, None])
                mask = (order <= last[:, None])[:, None, None]
                out = F.scaled_dot_product_attention(query, key, value, attn_mask=mask).flatten(1)
                states = states[rows, last]
            states = states + attention.o_proj(out)
            states = states + layer.mlp(layer.post_attention_layernorm(states))
        final: Tensor = self.text.norm(states)
        return final

    def _grid(self, rows: int, columns: int) -> tuple[Tensor, Tensor]:
        """Cosines and sines of the patches' rows and columns, two by two as they are merged."""
        if (rows, columns) not in self._turns:
            down, across = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
            places = [axis.reshape(rows // 2, 2, columns // 2, 2).transpose(1, 2).flatten() for axis in (down, across)]
            cos, sin = self.visual.rotary_pos_emb(torch.zeros(1), torch.stack(places, -1))
            self._turns[rows, columns] = cos.float(), sin.float()
        return self._turns[rows, columns]


def _split(states: Tensor) -> Tensor:
    return states.view(*states.shape[:-1], HEADS, -1).transpose(1, 2)


def _turned(states: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    one, other = states.chunk(2, -1)
    return states * cos.to(states.dtype) + torch.cat((-other, one), -1) * sin.to(states.dtype)

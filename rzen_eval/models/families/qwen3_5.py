"""Qwen3.5 as an embedder.

As Qwen3-VL without features of deeper layers, with layers that keep a state (gated delta rule) three to each layer of
attention. A state goes from left to right, and padding is on the right, so that no token ever meets a padding token.
Fused kernels (flash-linear-attention, causal-conv1d) are used by transformers where they are installed.

Source: the stock model; Qwen3.5's additional head that predicts several tokens is not computed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic import Field

from rzen_eval.errors import ModelError
from rzen_eval.models.checkpoint.json_file import Part, checked, read_object
from rzen_eval.models.families.qwen3_vl import Qwen3VL

if TYPE_CHECKING:
    from pathlib import Path

    from rzen_eval.models.checkpoint.chat_template import ChatTemplate
    from rzen_eval.models.declaration.local import ModelSpec

BESIDE = "sparse_info.json"
"""What UEmbed's checkpoints say of tokens behind a prompt, whose states make a sparse vector."""


class SparseInfo(Part):
    """What is read of it."""

    num_eos_tokens: int = Field(default=0, ge=0)
    """Tokens that come behind every prompt. No state of the prompt sees them, and they take room."""


class Qwen35(Qwen3VL):
    """A loaded Qwen3.5 checkpoint."""

    architecture = "Qwen3_5Model"
    configuration = "Qwen3_5Config"
    whole_class = "Qwen3_5ForConditionalGeneration"
    sections = (11, 11, 10)
    packs = False
    """A state would go on from one item of a row into the next; transformers resets it with flash-linear-attention
    alone."""
    unused = re.compile(r"(.*\.)?lm_head\.weight|.*rotary.*\.inv_freq|(model\.)?mtp\..*")

    @classmethod
    def completed(cls, spec: ModelSpec, folder: Path, chat: ChatTemplate | None) -> ModelSpec:
        """As of others; tokens behind a prompt that a sparse vector would need take of its length."""
        spec, file = super().completed(spec, folder, chat), folder / BESIDE
        if spec.max_length is None or not file.is_file():
            return spec
        room = spec.max_length - checked(file, SparseInfo, read_object(file)).num_eos_tokens
        if room <= 0:
            raise ModelError(f"{spec.name}: {file} leaves no room within {spec.setting}.max_length={spec.max_length}")
        return spec.model_copy(update={"max_length": room})

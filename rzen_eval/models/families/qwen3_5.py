"""Qwen3.5 as an embedder.

As Qwen3-VL without features of deeper layers, with layers that keep a state (gated delta rule) three to each layer of
attention. A state goes from left to right, and padding is on the right, so that no token ever meets a padding token.
Fused kernels (flash-linear-attention, causal-conv1d) are used by transformers where they are installed.

Source: the stock model; Qwen3.5's additional head that predicts several tokens is not computed.
"""

from __future__ import annotations

import re

from rzen_eval.models.families.qwen3_vl import Qwen3VL


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

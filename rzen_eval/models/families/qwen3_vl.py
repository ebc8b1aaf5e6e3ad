"""Qwen3-VL as an embedder.

As Qwen2-VL, with visual tokens of 32 by 32 pixels, features of deeper layers of the vision tower added to the first
layers of the language model, and each two frames of a clip behind their time in the prompt.

Source: the released code of Qwen3-VL-Embedding (QwenLM/Qwen3-VL-Embedding at 8ce3aab), which reads pictures with
qwen-vl-utils 0.0.14 and computes with the stock model: grid positions, right padding, the state of the last token
after the final norm, unit length. There a clip is resized by torchvision, here by Pillow: the same bicubic filter.
"""

from __future__ import annotations

from rzen_eval.models.families.qwen2_vl import Qwen2VL


class Qwen3VL(Qwen2VL):
    """A loaded Qwen3-VL checkpoint."""

    architecture = "Qwen3VLModel"
    configuration = "Qwen3VLConfig"
    whole_class = "Qwen3VLForConditionalGeneration"
    token_side = 32
    mean = (0.5, 0.5, 0.5)
    std = (0.5, 0.5, 0.5)

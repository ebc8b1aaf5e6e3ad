"""Qwen2.5-VL as an embedder.

As Qwen2-VL, with attention in windows in the vision tower, and with grid positions that space out the frames of a clip
by time: two frames to a temporal patch and two frames a second, as the stock processor assumes of frames without times.
"""

from __future__ import annotations

from rzen_eval.models.families.qwen2_vl import Qwen2VL


class Qwen25VL(Qwen2VL):
    """A loaded Qwen2.5-VL checkpoint."""

    architecture = "Qwen2_5_VLModel"
    configuration = "Qwen2_5_VLConfig"
    whole_class = "Qwen2_5_VLForConditionalGeneration"

"""The strings that the official evaluator gives to models, for those that were published with them.

Source: `process_input_text` in `src/model/processor.py` of TIGER-AI-Lab/VLM2Vec at 6e1e1d4.
"""

from __future__ import annotations

IMAGE = "<|image_pad|>"
VIDEO = "<|video_pad|>"
MARK = "<|image_1|>"
"""Where the benchmark's own instructions have an image; every backbone puts its token there, or nothing."""


def compose(instruction: str | None, text: str | None = None, token: str = "") -> str:
    """For Qwen2-VL: media token, instruction and text with a space between; what is empty is left out."""
    prompt = (instruction or "") + (f" {text}" if text else "")
    return f"{token} {prompt}" if token else prompt


def user_turn(instruction: str | None, text: str | None = None) -> str:
    """For GME and LamRA: instruction and text with a space between, also where there is no text."""
    return f"{instruction or ''} {text or ''}"


def own_line(prompt: str) -> str:
    """Without the space before a line break; the image parsers do so "to stay consistent with v1"."""
    return prompt.replace(" \n", "\n")


def clean(instruction: str | None) -> str | None:
    """An instruction as other models get it: no media mark, no white space around; None if nothing is left."""
    return (instruction or "").replace(MARK, "").strip() or None

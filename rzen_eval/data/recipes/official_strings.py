"""The strings that the official evaluator gives to models, for those that were published with them.

Sources: `process_input_text` in `src/model/processor.py` of TIGER-AI-Lab/VLM2Vec at 6e1e1d4.
"""

from __future__ import annotations

from rzen_eval.core import Item

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


def worded(instruction: str, text: str, *, trimmed: bool = True) -> bool:
    """Whether a query of MMEB-V3 says anything; the official evaluator leaves out those that do not."""
    return bool((instruction + text).strip() if instruction and trimmed else instruction or text)


def with_instruction(instruction: str, text: str, separator: str = " ", *, trimmed: bool = True) -> Item:
    """A query of MMEB-V3: instruction, separator and text, trimmed at both ends; without an instruction as it is.

    Joined by one space, which is what a prompt puts between them, both are that string. Media marks, which the official
    evaluator replaces by a media token although there is none, become spaces.
    """
    instruction, text = instruction.replace(MARK, " "), text.replace(MARK, " ")
    if not instruction or not trimmed:
        return Item(text=text or None, instruction=f"{instruction}{separator}" if instruction else None)
    instruction, text = instruction.lstrip(), text.rstrip()
    if not instruction or not text:
        return Item(text=text.lstrip() or None, instruction=instruction.rstrip() or None)
    if separator != " ":
        return Item(text=text, instruction=f"{instruction}{separator}")
    return Item(text=f" {text}" if instruction[-1].isspace() else text, instruction=instruction)

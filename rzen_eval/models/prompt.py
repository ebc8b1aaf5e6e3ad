"""From an item to the string that a model reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rzen_eval.core import Item, Side
    from rzen_eval.models.spec import Prompt


def join(instruction: str | None, text: str | None) -> str:
    """Instruction and text with one space between, unless the instruction already ends in white space."""
    if not instruction or not text:
        return (instruction or "") + (text or "")
    return instruction + ("" if instruction[-1].isspace() else " ") + text


def render(prompt: Prompt, item: Item, side: Side) -> str:
    """Fill a prompt's template with an item, or take the official evaluator's own string where the prompt says so.

    Images come before frames, then the text. Special-token strings inside the text are left as they
    are, and the tokenizer reads them as special tokens, as the reference does.
    """
    if prompt.verbatim and item.verbatim is not None:
        return item.verbatim
    slot = prompt.slot(side)
    system = item.instruction if slot == "system" and item.instruction else prompt.system
    text = join(item.instruction, item.text) if slot == "user" else item.text or ""
    clip = prompt.image * len(item.frames) if prompt.video is None else prompt.video * bool(item.frames)
    media = prompt.image * len(item.images) + clip
    return prompt.template.replace("{media}", media).replace("{system}", system).replace("{text}", text)

"""From an item to the string that a model reads."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rzen_eval.core import Item, Side
    from rzen_eval.models.spec import ModelSpec, Prompt


def shown(spec: ModelSpec, item: Item) -> Item:
    """An item as a model sees it: of a video, no more than the middle frame where it is declared so."""
    if spec.video != "middle" or not item.frames:
        return item
    return replace(item, images=(*item.images, item.frames[len(item.frames) // 2]), frames=())


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
    announced = prompt.announce.get(item.kind, "") if item.kind else ""
    if prompt.verbatim and item.verbatim is not None:
        return announced + item.verbatim
    clip = prompt.image * len(item.frames) if prompt.video is None else prompt.video * bool(item.frames)
    media = prompt.image * len(item.images) + clip
    head = prompt.template.split("{text}")[0].replace("{media}", media).replace("{system}", _system(prompt, item, side))
    return head + announced + _text(prompt, item, side) + end(prompt, item, side)


def end(prompt: Prompt, item: Item, side: Side) -> str:
    """What follows the text: it stays whole where the text is cut."""
    has_pictures, has_text = bool(item.images or item.frames), bool(_text(prompt, item, side))
    ends = prompt.ends
    added = (ends.both if has_text else ends.pictures) if has_pictures else ends.text
    return added + prompt.template.split("{text}")[1]


def _system(prompt: Prompt, item: Item, side: Side) -> str:
    if prompt.slot(side) != "system" or not item.instruction:
        return prompt.system
    return item.instruction + "." * (prompt.full_stop and not item.instruction.endswith("."))


def _text(prompt: Prompt, item: Item, side: Side) -> str:
    if prompt.slot(side) != "user":
        return item.text or ""
    if prompt.user_turn == "official" and item.user_turn is not None:
        return item.user_turn
    return join(item.instruction, item.text)

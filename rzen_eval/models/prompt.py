"""From an item to the string that a model reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rzen_eval.core import Item, Side
    from rzen_eval.models.spec import Prompt


@dataclass(frozen=True, slots=True)
class Rendered:
    """A prompt in the three parts that are treated differently."""

    head: str
    """Template and media placeholders up to the text; never cut."""
    text: str
    """Instruction and text; the only part that may be cut."""
    tail: str
    """Template after the text, pooling token included; never cut."""

    def __str__(self) -> str:
        return self.head + self.text + self.tail


def join(instruction: str | None, text: str | None) -> str:
    """Instruction and text with one space between, unless the instruction already ends in white space."""
    if not instruction or not text:
        return (instruction or "") + (text or "")
    return instruction + ("" if instruction[-1].isspace() else " ") + text


def render(prompt: Prompt, item: Item, side: Side) -> Rendered:
    """Fill a prompt's template with an item.

    Images come before frames, then the text. Special-token strings inside the text are left as they
    are, and the tokenizer reads them as special tokens, as the reference does.
    """
    if prompt.verbatim and item.verbatim is not None:
        return Rendered(head="", text=item.verbatim, tail="")
    slot = prompt.slot(side)
    system = item.instruction if slot == "system" and item.instruction else prompt.system
    text = join(item.instruction, item.text) if slot == "user" else item.text or ""
    clip = prompt.image * len(item.frames) if prompt.video is None else prompt.video * bool(item.frames)
    media = prompt.image * len(item.images) + clip
    before, after = prompt.template.split("{text}")
    head = before.replace("{media}", media).replace("{system}", system)
    return Rendered(head=head, text=text, tail=after)

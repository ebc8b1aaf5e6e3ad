"""From an item to the string that a model reads."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rzen_eval.core import Side
from rzen_eval.models.declaration.prompt import ENDING

if TYPE_CHECKING:
    from rzen_eval.core import Item
    from rzen_eval.models.declaration.local import ModelSpec
    from rzen_eval.models.declaration.prompt import Prompt
    from rzen_eval.models.pictures.resize import Visual


SECONDS = "{seconds}"
ONE_FRAME = ("middle", "first")
"""How a video is declared of which one frame is seen."""


def timed(prompt: Prompt) -> bool:
    """Whether the prompt tells the time of every two frames of a clip."""
    return prompt.video is not None and SECONDS in prompt.video


def runs(prompt: Prompt, visual: Visual) -> list[int]:
    """Visual tokens of a picture or clip, by place in the prompt; a clip may have one for each two frames."""
    if visual.clip and timed(prompt):
        pairs = -(-visual.frames // 2)
        return [visual.n_tokens // pairs] * pairs
    return [visual.n_tokens]


def shown(spec: ModelSpec, item: Item) -> Item:
    """An item as a model sees it: of a video no more than the middle or first frame where it is declared so.

    Of more frames than the model reads those are taken that are spread evenly, as the authors of Qwen3-VL-Embedding do.
    """
    n_frames = len(item.frames)
    if spec.video in ONE_FRAME and n_frames:
        seen = item.frames[n_frames // 2 if spec.video == "middle" else 0]
        return replace(item, images=(*item.images, seen), frames=())
    most = spec.max_frames
    if most is None or n_frames <= most:
        return item
    return replace(item, frames=[item.frames[place] for place in np.linspace(0, n_frames - 1, most, dtype=int)])


def join(instruction: str | None, text: str | None, by: str = " ") -> str:
    """Instruction and text with a space, or what is given, between, unless the instruction ends in white space."""
    if not instruction or not text:
        return (instruction or "") + (text or "")
    return instruction + ("" if instruction[-1].isspace() else by) + text


def render(prompt: Prompt, item: Item, side: Side) -> str:
    """Fill a prompt's template with an item, or take the official evaluator's own string where the prompt says so.

    Images come before frames, or these first, then the text. Special-token strings inside the text are left as they
    are, and the tokenizer reads them as special tokens, as the reference does.
    """
    announced = prompt.announce.get(item.kind, "") if item.kind else ""
    if prompt.verbatim and item.verbatim is not None:
        return announced + item.verbatim
    images, frames = prompt.image * len(item.images), clip(prompt, len(item.frames))
    media = frames + images if prompt.frames_first else images + frames
    text = _text(prompt, item, side)
    if prompt.pictured is not None and media:
        return prompt.pictured.replace("{media}", media).replace("{text}", _beside(prompt.pictured, text))
    head = prompt.template.split("{text}")[0].replace("{media}", media).replace("{system}", _system(prompt, item, side))
    nothing = not media and item.text is None and not text
    if not media:
        announced += prompt.prefix.query if side is Side.QUERY else prompt.prefix.candidate
    if prompt.turn_trimmed:
        text = text.rstrip() if media else text.strip()
    return head + announced + (prompt.empty if nothing else text) + text_after(prompt, item, side)


def ended(prompt: Prompt, words: str) -> str:
    """Part of a prompt with its end in place, as soon as that is known."""
    return words if prompt.ending is None else words.replace(ENDING, prompt.ending)


def _beside(pictured: str, text: str) -> str:
    """A text behind pictures, and the space before it where the prompt has none there."""
    spaced = pictured.partition("{text}")[0][-1:].isspace()
    return f" {text}" if text and not spaced else text


def text_after(prompt: Prompt, item: Item, side: Side) -> str:
    """What follows the text: it stays whole where the text is cut."""
    if prompt.pictured is not None and (item.images or item.frames):
        return prompt.pictured.split("{media}")[1].split("{text}")[-1]
    # An empty text of the official evaluator's is one all the same: its wrapper of LamRA asks whether there is none.
    has_text = bool(_text(prompt, item, side)) or (_official(prompt, item) and prompt.slot(side) == "user")
    has_pictures, ends = bool(item.images or item.frames), prompt.ends
    added = (ends.both if has_text else ends.pictures) if has_pictures else ends.text
    if item.frames and not item.images:
        of_video = ends.video_and_text if has_text else ends.video
        added = added if of_video is None else of_video
    return added + ended(prompt, prompt.template.split("{text}")[1])


def _system(prompt: Prompt, item: Item, side: Side) -> str:
    told = _told(prompt, item)
    if prompt.slot(side) != "system" or not told:
        return prompt.system
    if prompt.full_stop:
        return told.removesuffix(".") + "."
    return with_full_stop(told, prompt.stop) or prompt.system


def _text(prompt: Prompt, item: Item, side: Side) -> str:
    text = _untrimmed(prompt, item, side)
    for mark, instead in prompt.replaced.items():
        text = text.replace(mark, instead)
    if prompt.single_spaced:
        return " ".join(text.split()) or " "
    return text.strip() if prompt.trimmed else text


def _untrimmed(prompt: Prompt, item: Item, side: Side) -> str:
    if prompt.slot(side) != "user":
        return item.text or ""
    if _official(prompt, item):
        return item.user_turn or ""
    told = _told(prompt, item)
    return (
        f"{item.text}\n{told}"
        if item.text and told.strip() in prompt.behind
        else join(told, item.text, prompt.joined_by)
    )


def _official(prompt: Prompt, item: Item) -> bool:
    return prompt.user_turn == "official" and item.user_turn is not None


def _told(prompt: Prompt, item: Item) -> str:
    """The instruction, in the words of the model's authors where they have their own."""
    given = item.instruction or ""
    return prompt.reworded.get(given.strip(), given)


def with_full_stop(instruction: str, stop: str | None) -> str:
    """An instruction without white space around it, and with a full stop for want of punctuation; None: as it is.

    Source: `format_model_input` of Qwen3-VL-Embedding.
    """
    if stop is None:
        return instruction
    stripped = instruction.strip()
    return stripped if not stripped or unicodedata.category(stripped[-1]).startswith("P") else stripped + stop


def clip(prompt: Prompt, n_frames: int) -> str:
    """What stands for the frames of a video."""
    if prompt.video is None or not n_frames:
        return prompt.image * n_frames
    if not timed(prompt):
        return prompt.video
    # The time of two frames that share their tokens is the middle of theirs; an odd last frame is followed by itself.
    starts = range(0, n_frames, 2)
    return "".join(prompt.video.replace(SECONDS, f"{(start + 0.5) / prompt.frames_per_second:.1f}") for start in starts)

"""How prompts end that a declaration leaves to the checkpoint's own chat template."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rzen_eval.core import Item, Side
from rzen_eval.errors import ModelError
from rzen_eval.models.checkpoint.chat_template import FILES
from rzen_eval.models.prompt import SECONDS, ended, render

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rzen_eval.models.checkpoint.chat_template import ChatTemplate
    from rzen_eval.models.declaration.local import ModelSpec
    from rzen_eval.models.declaration.prompt import Prompt

TOLD, TEXT = "What a system turn says.", " \n words of an item \n"
USUAL = "<|im_start|>assistant\n<think>\n\n</think>\n\n"
"""The longest end of Qwen3.5's own templates, to reckon with where no checkpoint is at hand."""


def completed(spec: ModelSpec, chat: ChatTemplate | None, where: object) -> ModelSpec:
    """A declaration with the end of its prompts, if it leaves that open.

    A conversation is rendered as the authors of such a model do: with a picture and a clip, with text alone, with
    nothing. Each must be the declared turns and the same end behind. Whether white space around a turn is taken off is
    the template's to say too: that of some Qwen3.5 does, that of others does not.

    Args:
        spec: the declaration.
        chat: the template of its checkpoint; None: it has none.
        where: the checkpoint, for messages.

    Raises:
        ModelError: there is no template, it makes other turns than declared, or its end is not always the same.
    """
    if not spec.prompt.left_open:
        return spec
    if chat is None:
        raise ModelError(
            f"{spec.name}: the end of its prompts is that of the checkpoint's chat template, and {where} has none;"
            f" expected one in {', '.join(FILES)}: get these, or give {spec.setting}.prompt.ending="
        )
    other = spec.prompt.model_copy(update={"turn_trimmed": not spec.prompt.turn_trimmed})
    shown = [chat.shown(conversation) for conversation, _ in _conversations(spec.prompt)]
    for prompt in (spec.prompt, other):
        wanted = [turns for _, turns in _conversations(prompt)]
        if not all(map(str.startswith, shown, wanted)):
            continue
        ends = dict.fromkeys(map(str.removeprefix, shown, wanted))
        if len(ends) > 1:
            raise ModelError(
                f"{spec.name}: the chat template in {chat.where} ends conversations in {len(ends)} ways,"
                f" {', '.join(map(repr, ends))}; give the one that the model reads as {spec.setting}.prompt.ending="
            )
        return spec.model_copy(update={"prompt": prompt.model_copy(update={"ending": next(iter(ends))})})
    turns = zip(shown, (turns for _, turns in _conversations(spec.prompt)), strict=True)
    made, expected = next((made, expected) for made, expected in turns if not made.startswith(expected))
    raise ModelError(
        f"{spec.name}: the chat template in {chat.where} is not that of its declaration: of one conversation it makes"
        f" {made!r}, expected {expected!r} and an end; give this model's template, or declare its turns"
    )


def reckoned(spec: ModelSpec) -> ModelSpec:
    """A declaration with the usual end of its prompts in the place of one that no checkpoint was asked for."""
    if not spec.prompt.left_open:
        return spec
    return spec.model_copy(update={"prompt": spec.prompt.model_copy(update={"ending": USUAL})})


def _conversations(prompt: Prompt) -> list[tuple[list[Mapping[str, object]], str]]:
    """Conversations, each with what stands before its end by the declaration."""
    # A mark of a clip tells no times yet: the processor puts these in.
    video = None if prompt.video is None else prompt.video.replace(f"<{SECONDS} seconds>", "")
    own = prompt.model_copy(update={"system": TOLD, "ending": "", "video": video})
    clip = [_part("video")] * (video is not None)
    seen = Item(text=TEXT, images=("one",), frames=("one",) * len(clip))
    given = [_part("image"), *clip, _part("text", TEXT)]
    if prompt.frames_first:
        given[: len(clip) + 1] = [*clip, _part("image")]
    nothing = [_part("text", prompt.empty)]
    found: list[tuple[list[Mapping[str, object]], str]] = [
        (_turns(TOLD, content), render(own, item, Side.CANDIDATE))
        for content, item in ((given, seen), ([_part("text", TEXT)], Item(text=TEXT)), (nothing, Item()))
    ]
    if prompt.unread is not None:
        found.append((_turns(None, nothing), ended(own, prompt.unread)))
    return found


def _turns(told: str | None, content: Sequence[Mapping[str, str]]) -> list[Mapping[str, object]]:
    system = [] if told is None else [{"role": "system", "content": [_part("text", told)]}]
    return [*system, {"role": "user", "content": list(content)}]


def _part(kind: str, said: str = "") -> dict[str, str]:
    return {"type": kind, kind: said}

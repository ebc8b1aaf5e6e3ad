"""The declaration of a prompt: how an item becomes one string."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from rzen_eval.core import Frozen, Kind, Side

ENDING = "{ending}"


class InstructionSlots(Frozen):
    """Where the instruction goes, by side: before the text in the user turn, in the system turn, or nowhere."""

    query: Literal["user", "system", "none"] = "user"
    candidate: Literal["user", "system", "none"] = "user"


class Prefix(Frozen):
    """What stands before the text of an item without pictures, by side."""

    query: str = ""
    candidate: str = ""


class Ends(Frozen):
    """What follows the text of an item that holds text alone, pictures alone, or both."""

    text: str = ""
    pictures: str = ""
    both: str = ""
    video: str | None = None
    """Of a video alone; None: as of pictures."""
    video_and_text: str | None = None
    """Of a video with a text; None: as of pictures with a text."""


class Prompt(Frozen):
    """How an item becomes one string."""

    template: str
    """Holds `{media}` and `{text}` once each, in this order, `{system}` at most once, and `{ending}` nowhere but at its
    end."""
    ending: str | None = None
    """What stands for `{ending}`; None: what the checkpoint's own chat template puts before an answer. It is looked up
    when a model is opened, and the turns before it are held against `template`."""
    pictured: str | None = None
    """Stands for the template where an item has pictures, and holds `{media}` once. Behind it may be `{text}`, which is
    the text, with a space before it where the prompt has no white space there; else the text is dropped. None: the
    template is for these too."""
    system: str = ""
    """What stands for `{system}` unless the instruction goes there."""
    stop: str | None = None
    """Ends an instruction in the system turn that has no punctuation at its end, after the white space around it is
    taken off. None: it stays as it is."""
    reworded: Mapping[str, str] = {}
    """Instructions of the benchmark that the model's authors put in other words, and these words."""
    behind: tuple[str, ...] = ()
    """Instructions of the benchmark that stand behind the text, on a line of their own, and not before it."""
    empty: str = ""
    """What stands for `{text}` where an item has neither media nor even an empty text."""
    unread: str | None = None
    """The whole prompt of an item with a picture that `beyond_ratio: unread` says is not read."""
    replaced: Mapping[str, str] = {}
    """Strings in instruction and text, joined, that others stand for, such as marks of media."""
    single_spaced: bool = False
    """White space in instruction and text, joined, becomes single spaces, and a text that is empty one of them."""
    trimmed: bool = False
    """White space around instruction and text, joined, is taken off."""
    turn_trimmed: bool = False
    """White space around the user turn as a whole is taken off, as Qwen3.5's chat template does: that before a text
    stays where media stand before it. With `ending` left open the template has the last word."""
    joined_by: Literal["", " "] = " "
    """What stands between an instruction that does not end in white space and a text in the user turn."""
    frames_per_second: float = Field(default=2.0, gt=0)
    """That frames without times are read with, where the prompt tells their times."""
    frames_first: bool = False
    """A video comes before the images of the same item; else behind them."""
    image: str
    """What stands for one image or frame; holds the image token once."""
    video: str | None = None
    """What stands for a whole clip, or with `{seconds}`, their time, for each two of its frames; holds the video token
    once. None: a clip is a row of images."""
    verbatim: bool = False
    """Take the official evaluator's own string where an item has one, template and all; for models published so."""
    user_turn: Literal["joined", "official"] = "joined"
    """What stands for `{text}` where the instruction goes into the user turn: instruction and text joined by a space,
    or the official evaluator's own words, white space included, where an item has them."""
    instruction: InstructionSlots = InstructionSlots()
    full_stop: bool = False
    """Give an instruction in the system turn a full stop where it does not end with one."""
    prefix: Prefix = Prefix()
    """Put before instruction and text, joined, of an item without pictures."""
    announce: Mapping[Kind, str] = {}
    """Put before the text of a candidate that stands for a class label, an answer or a caption."""
    ends: Ends = Ends()
    ending_cut: bool = False
    """Whether a prompt that is too long loses its ending with its text, but for what the tokenizer adds; else what
    follows the text stays whole."""
    tokenizer_adds: bool = True
    """Whether tokens that the tokenizer puts around a prompt by itself stay; else it adds none."""
    pooled: str | None = None
    """The token that every prompt ends with, once, and whose state is the vector; checked when a model is loaded. None:
    it differs from item to item."""
    spelled: tuple[str, ...] = ()
    """Words of the template that the tokenizer must not know as tokens; checked likewise."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for part in ("{media}", "{text}"):
            if self.template.count(part) != 1:
                raise ValueError(f"template must hold {part} exactly once: {self.template!r}")
        if self.template.index("{media}") > self.template.index("{text}"):
            raise ValueError("template must hold {media} before {text}: text is what may be cut, media never")
        if self.template.count("{system}") > 1 or "{system}" in self.template.split("{text}")[1]:
            raise ValueError(f"template must hold {{system}} at most once, before {{text}}: {self.template!r}")
        if self.template.count(ENDING) > 1 or ENDING in self.template.removesuffix(ENDING):
            raise ValueError(f"template must hold {ENDING} at its end or not at all: {self.template!r}")
        if self.ending is not None and ENDING not in self.template:
            raise ValueError(f"ending stands for {ENDING}, which template does not hold: {self.template!r}")
        parts = re.findall(r"\{media\}|\{text\}", "{media}" if self.pictured is None else self.pictured)
        if parts not in (["{media}"], ["{media}", "{text}"]):
            raise ValueError(
                f"pictured must hold {{media}} exactly once, and {{text}} at most once, behind it: {self.pictured!r}"
            )
        return self

    @property
    def left_open(self) -> bool:
        """Whether the end of prompts is still to be looked up in the checkpoint."""
        return self.ending is None and ENDING in self.template

    def slot(self, side: Side) -> str:
        """Where the instruction goes on this side."""
        return self.instruction.query if side is Side.QUERY else self.instruction.candidate

"""What a model that runs here makes of an item before any weight is needed: a prompt, pictures, planned tokens."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from rzen_eval.models.families import endings, loading
from rzen_eval.models.families.token_places import check_vocabulary, placed, shortened
from rzen_eval.models.interface import Rendered
from rzen_eval.models.prompt import ended, render, shown, text_after

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rzen_eval.core import Item, Side
    from rzen_eval.models.checkpoint.chat_template import ChatTemplate
    from rzen_eval.models.checkpoint.files import Checkpoint
    from rzen_eval.models.checkpoint.image_settings import ImageSettings
    from rzen_eval.models.declaration.local import ModelSpec
    from rzen_eval.models.interface import Pictures, Planned, Preparation
    from rzen_eval.models.pictures import resize as px


class ItemPlanner(ABC):
    """Plans the items of an architecture, which says how its pictures are prepared."""

    squared: ClassVar[bool] = False
    """Whether it squeezes every picture into one square, and may make another of a small one first."""
    budgeted: ClassVar[bool] = False
    """Whether a picture takes as many tokens as its size asks for, within a declared budget; else the checkpoint
    decides."""
    tiled: ClassVar[bool] = False
    """Whether a picture is cut into tiles that the vision tower sees apart."""
    adds_tokens: ClassVar[bool] = True
    """Whether the tokenizer puts tokens of its own around a prompt, if it has any."""
    marks: ClassVar[Sequence[str]] = ()
    """Tokens of media that a tokenizer may be without."""

    spec: ModelSpec
    """The declaration."""
    checkpoint: Checkpoint
    """The files of the model."""
    image_settings: ImageSettings
    """How the checkpoint has pictures prepared."""
    _config: Any
    """Sizes of the model of text and pictures, as transformers has them."""

    @classmethod
    def completed(cls, spec: ModelSpec, folder: Path, chat: ChatTemplate | None) -> ModelSpec:
        """A declaration with what its checkpoint says of prompts, where it leaves that to it.

        Args:
            spec: the declaration.
            folder: of the checkpoint.
            chat: its chat template.

        Raises:
            ModelError: it says nothing, or something else than is declared.
        """
        return endings.completed(spec, chat, folder)

    def prompt(self, item: Item, side: Side) -> str:
        """The string that an item becomes, one placeholder an image or clip."""
        return render(self.spec.prompt, shown(self.spec, item), side)

    def pictures(self, item: Item) -> Pictures:
        """The item's pictures, with how this model prepares them."""
        return self._pictures(shown(self.spec, item))

    def rendered(self, item: Item, side: Side) -> Rendered:
        """An item's prompt and pictures."""
        seen = shown(self.spec, item)
        return Rendered(seen, side, render(self.spec.prompt, seen, side), self._pictures(seen))

    def _pictures(self, seen: Item) -> Pictures:
        return self._preparation.pictures(tuple(seen.images), tuple(seen.frames))

    @cached_property
    def _preparation(self) -> Preparation:
        made: Any = self.preparation(self.spec, self._config)
        resampled: Preparation = replace(made, resample=self.image_settings.resample)
        return resampled

    @classmethod
    @abstractmethod
    def preparation(cls, spec: ModelSpec, config: Any) -> Preparation:
        """How this architecture prepares pictures.

        Args:
            spec: the declaration.
            config: of the model of text and pictures, as transformers has it.
        """

    def plan(self, item: Item, side: Side, visuals: Sequence[px.Visual] | None = None) -> Planned:
        """Render and tokenize an item.

        Args:
            item: what to embed.
            side: which prompt it gets.
            visuals: sizes of its pictures as they were loaded; None: as their headers say.

        Raises:
            DataError: its pictures do not fit the model's length, or a verbatim prompt has no place for them.
        """
        rendered = self.rendered(item, side)
        return self.planned(rendered, rendered.pictures.measure() if visuals is None else visuals)

    def planned(self, rendered: Rendered, visuals: Sequence[px.Visual]) -> Planned:
        """As `plan`, of an item that is rendered already."""
        plan, limit = self._placed(rendered, visuals), self.spec.longest(pictured=bool(visuals))
        if limit is None or plan.length <= limit:
            return plan
        ending = "" if self.spec.prompt.ending_cut else text_after(self.spec.prompt, rendered.item, rendered.side)
        tail = self.encoded(ending)
        return replace(plan, input_ids=shortened(plan, tail, limit, self.spec.name))

    def _placed(self, rendered: Rendered, visuals: Sequence[px.Visual]) -> Planned:
        """An item as token ids, however many these are."""
        unread, prompt = self.spec.prompt.unread, rendered.prompt
        if not visuals and unread is not None and rendered.pictures:
            prompt = ended(self.spec.prompt, unread)
        # An empty text, such as a choice of nothing but dots, is read as one padding token.
        tokens = np.array(self.encoded(prompt) or [self.tokenizer.pad_token_id])
        media = self._media_tokens()
        plan = placed(self.spec.prompt, prompt, tokens, visuals, media)
        check_vocabulary(plan, self._config.text_config.vocab_size, media)
        return plan

    def _media_tokens(self) -> tuple[int, int | None]:
        """What an image and a clip are replaced by in a prompt."""
        return self._config.image_token_id, self._config.video_token_id

    def cuts(self, rendered: Rendered) -> bool:
        """Whether the text of an item is cut to fit the model's length."""
        limit = self.spec.longest(pictured=bool(rendered.pictures))
        # A token is a byte at least, so that most prompts need not be tokenized to know.
        if limit is None or len(rendered.prompt.encode()) + rendered.pictures.most_tokens <= limit:
            return False
        return self._placed(rendered, rendered.pictures.measure()).length > limit

    @cached_property
    def tokenizer(self) -> Any:
        """The checkpoint's, with the tokens of media."""
        return loading.tokenizer(self.spec, self.checkpoint.processing, self.marks)

    def encoded(self, text: str) -> list[int]:
        """Token ids of a prompt."""
        # The tokenizer itself, without the wrapper that costs more than the work: 0.4 ms a prompt.
        added = self.adds_tokens and self.spec.prompt.tokenizer_adds
        ids: list[int] = self.tokenizer.backend_tokenizer.encode(text, add_special_tokens=added).ids
        return ids

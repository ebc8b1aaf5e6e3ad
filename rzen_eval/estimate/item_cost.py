"""What an item takes, as a model reads it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from rzen_eval.estimate.cost import Amount
from rzen_eval.models import class_of
from rzen_eval.models.prompt import render, runs, shown

if TYPE_CHECKING:
    from rzen_eval.core import Item, Side
    from rzen_eval.estimate.checkpoint import Known
    from rzen_eval.estimate.flops import Anatomy
    from rzen_eval.models.declaration.local import ModelSpec
    from rzen_eval.models.interface import Preparation

CHARACTERS = 4
"""Of text to a token, where there is no tokenizer."""
SPECIAL = re.compile(r"<\|?\w+\|?>")


@dataclass(frozen=True, slots=True)
class Reader:
    """A model without its weights."""

    spec: ModelSpec
    anatomy: Anatomy
    tokenizer: Any | None
    """A `tokenizers.Tokenizer`; None: four characters count as a token."""
    preparation: Preparation
    """Of pictures."""

    @classmethod
    def of(cls, known: Known) -> Self:
        """A declared model, from what is known of it."""
        from rzen_eval.estimate.flops import anatomy

        spec = known.spec
        beneath = getattr(known.config, "vlm_config", known.config)
        return cls(
            spec, anatomy(known.config, spec.family), known.tokenizer, class_of(spec.family).preparation(spec, beneath)
        )

    def prompt(self, item: Item, side: Side) -> str:
        """The string that an item becomes."""
        return render(self.spec.prompt, shown(self.spec, item), side)

    def amount(self, item: Item, side: Side, *, by_rule: bool = False) -> Amount:
        """What one item takes; pictures are opened as far as their headers.

        Args:
            item: what to embed.
            side: which prompt it gets.
            by_rule: count tokens by the rule of four characters although there is a tokenizer.

        Raises:
            DataError: a picture is missing or is none.
        """
        seen = shown(self.spec, item)
        visuals = self.preparation.pictures(tuple(seen.images), tuple(seen.frames)).measure()
        visual = sum(one.n_tokens for one in visuals)
        # Every placeholder is a token of the prompt that visual tokens replace.
        placeholders = sum(len(runs(self.spec.prompt, one)) for one in visuals)
        tokens = self._tokens(self.prompt(item, side), by_rule=by_rule)
        length = max(tokens - placeholders, 0) + visual
        limit = self.spec.longest(pictured=bool(visuals)) or length
        whole, length = length, min(length, max(limit, visual))
        return Amount(
            items=1,
            images=len(seen.images),
            frames=len(seen.frames),
            text_tokens=length - visual,
            visual_tokens=visual,
            flops=self.anatomy.forward(length, visuals).total,
            misfits=int(visual > limit),
            cut=int(visual <= limit < whole),
        )

    def _tokens(self, prompt: str, *, by_rule: bool) -> int:
        if self.tokenizer is not None and not by_rule:
            added = class_of(self.spec.family).adds_tokens and self.spec.prompt.tokenizer_adds
            return len(self.tokenizer.encode(prompt, add_special_tokens=added).ids) or 1
        special = SPECIAL.findall(prompt)
        return len(special) + math.ceil((len(prompt) - sum(map(len, special))) / CHARACTERS) or 1

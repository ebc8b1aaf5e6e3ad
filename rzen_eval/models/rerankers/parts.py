"""The two halves of a pair's prompt: all that comes before the candidate, and the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rzen_eval.core import Side
from rzen_eval.models.prompt import render

if TYPE_CHECKING:
    from rzen_eval.core import Item
    from rzen_eval.models.declaration.reranker import YesNoSpec


def half(spec: YesNoSpec, seen: Item, side: Side) -> str:
    """One side's half of the prompt, one placeholder an image or clip.

    Args:
        spec: the declaration.
        seen: the query, with its instruction, or the candidate, as the model sees it.
        side: which it is.
    """
    before, between, middle, after = spec.parts
    own = render(spec.prompt, seen, side)
    return f"{before}{_told(spec, seen)}{between}{own}{middle}" if side is Side.QUERY else f"{own}{after}"


def _told(spec: YesNoSpec, item: Item) -> str:
    given = (item.instruction or "").strip()
    return spec.prompt.reworded.get(given, given) or spec.default_instruction

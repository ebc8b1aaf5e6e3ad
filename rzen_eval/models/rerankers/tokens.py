"""From the tokens of a pair's prompt to those that a model reads."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from rzen_eval.models.families.token_places import placed
from rzen_eval.models.interface import Planned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rzen_eval.models.declaration.prompt import Prompt
    from rzen_eval.models.pictures.resize import Visual


@dataclass(frozen=True, slots=True)
class PlannedPair(Planned):
    """A query with a candidate as token ids; visuals of the query come first."""

    n_query_visuals: int = field(kw_only=True)
    """How many of the pictures are the query's."""
    n_query_visual: int = field(kw_only=True)
    """How many of the visual tokens are the query's."""


def pair_of(
    prompt: Prompt,
    spelled: tuple[str, NDArray[np.int64], int],
    visuals: tuple[Sequence[Visual], Sequence[Visual]],
    media_tokens: tuple[int, int | None],
) -> PlannedPair:
    """Every media token as often as its picture or clip takes tokens.

    A media token that is a word of a text takes no picture's place: pictures stand before the texts of their side.

    Args:
        prompt: says where a clip has tokens.
        spelled: the whole prompt, its tokens of shape (n,), and how many media tokens the query has among them.
        visuals: of the query, and of the candidate.
        media_tokens: what stands for an image and for a clip.

    Raises:
        DataError: there are fewer places than pictures or clips.
    """
    whole, tokens, in_query = spelled
    media = np.flatnonzero(np.isin(tokens, [token for token in media_tokens if token is not None]))
    end = int(media[in_query - 1]) + 1 if in_query else 0
    query = placed(prompt, whole, tokens[:end], visuals[0], media_tokens)
    candidate = placed(prompt, whole, tokens[end:], visuals[1], media_tokens)
    return PlannedPair(
        whole,
        np.concatenate([query.input_ids, candidate.input_ids]).astype(np.int64),
        np.concatenate([query.visual, candidate.visual + query.length]),
        (*visuals[0], *visuals[1]),
        n_query_visuals=len(visuals[0]),
        n_query_visual=len(query.visual),
    )


def shortened_pair(plan: PlannedPair, special: NDArray[np.int64], limit: int, at_end: int) -> PlannedPair:
    """A pair without the last of its ordinary tokens, where there are too many.

    The last tokens of all stay, and so do special ones wherever they are, which those of pictures are; of the rest as
    many of the first as fit.

    Args:
        plan: a pair's tokens.
        special: those that stay.
        limit: most tokens before the last.
        at_end: how many of the last stay.

    Source: `truncate_tokens_optimized` of Qwen3-VL-Reranker.
    """
    body = plan.input_ids[:-at_end]
    if len(body) <= limit:
        return plan
    ordinary = ~np.isin(body, special)
    room = max(0, limit - int((~ordinary).sum()))
    kept = np.append(~ordinary | (np.cumsum(ordinary) <= room), np.ones(at_end, dtype=bool))
    places = np.cumsum(kept) - 1
    return replace(plan, input_ids=plan.input_ids[kept], visual=places[plan.visual])

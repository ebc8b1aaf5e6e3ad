"""What the pairs of one query share, computed once: keys and values of all layers for tokens before the candidate."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rzen_eval.models.batch import Batch
from rzen_eval.models.families.qwen3_vl import by_place

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from rzen_eval.models.pictures.resize import Pixels
    from rzen_eval.models.rerankers.tokens import PlannedPair
    from rzen_eval.models.rerankers.yes_no import YesNo


@dataclass(frozen=True, slots=True)
class Features:
    """What a vision tower makes of pictures, in their order."""

    first: torch.Tensor | None
    """Of the visual tokens, shape (tokens, hidden size); None: there are none."""
    deeper: Sequence[torch.Tensor]
    """What is added to the first layers of the language model, each of the same shape."""


def shared_length(pairs: Sequence[PlannedPair]) -> int:
    """Tokens that several pairs of one query begin with; 0 where there is nothing to gain.

    The pictures of the query are among them whole, and none of a candidate's is.
    """
    if len(pairs) < 2:
        return 0
    first = pairs[0]
    end = min(_first_of_candidate(pair) for pair in pairs)
    same = np.ones(end, dtype=bool)
    for pair in pairs[1:]:
        same &= pair.input_ids[:end] == first.input_ids[:end]
    shared = end if same.all() else int(np.argmin(same))
    seen = first.visual[: first.n_query_visual]
    return shared if not len(seen) or seen[-1] < shared else 0


def _first_of_candidate(pair: PlannedPair) -> int:
    """The place of the first visual token of the candidate, or of the last token, which is never shared."""
    own = pair.visual[pair.n_query_visual :]
    return min(int(own[0]) if len(own) else pair.length, pair.length - 1)


@dataclass(frozen=True, slots=True)
class _Reader:
    """A language model that remembers the tokens it has read."""

    text: Any
    features: Features
    """Of all pictures that are read."""
    cache: Any
    """Keys and values of the tokens before."""

    def read(self, ids: torch.Tensor, places: torch.Tensor, taken: slice, positions: torch.Tensor) -> torch.Tensor:
        """States of tokens that come next, shape (rows, length, hidden size).

        Args:
            ids: shape (rows, length).
            places: of the visual tokens, in the flattened rows.
            taken: which visual features they have.
            positions: rotary, shape (3, rows, length).
        """
        embeds = self.text.embed_tokens(ids)
        more: dict[str, Any] = {_cache_name(self.text): self.cache}
        if self.features.first is not None and len(places):
            embeds.view(-1, embeds.shape[-1])[places] = self.features.first[taken].to(embeds.dtype)
            if self.features.deeper:
                deeper = [layer[taken] for layer in self.features.deeper]
                more |= {"visual_pos_masks": places, "deepstack_visual_embeds": deeper}
        with by_place(self.text):
            made = self.text(inputs_embeds=embeds, position_ids=positions, use_cache=True, **more)
        hidden: torch.Tensor = made.last_hidden_state
        return hidden


def last_states(
    model: YesNo, pairs: Sequence[PlannedPair], pixels: Sequence[Sequence[Pixels]], shared: int
) -> torch.Tensor:
    """States after the final norm at the last token of each pair, shape (n, hidden size).

    Args:
        model: loaded.
        pairs: n pairs of one query, which begin with the same tokens.
        pixels: their pictures, those of the query first.
        shared: how many tokens that are.
    """
    from transformers import DynamicCache

    whole = Batch.of(pairs, packed=False)
    stills, seen = pairs[0].n_query_visuals, pairs[0].n_query_visual
    distinct = [*pixels[0][:stills], *(visual for item in pixels for visual in item[stills:])]
    length = whole.ids.shape[1] - shared
    own = [row * length + pair.visual[seen:] - shared for row, pair in enumerate(pairs)]
    last = [row * length + n - shared - 1 for row, n in enumerate(whole.lengths)]
    sent = model.sent({
        "ids": whole.ids, "positions": model.positions(whole), "prefix": pairs[0].visual[:seen],
        "places": np.concatenate(own), "last": np.array(last), **model.tower_arrays(distinct),
    })  # fmt: skip
    reader = _Reader(model.text_model, model.features(sent, distinct), DynamicCache(config=model.text_model.config))
    ids, positions = sent["ids"], sent["positions"]
    reader.read(ids[:1, :shared], sent["prefix"], slice(0, seen), positions[:, :1, :shared])
    reader.cache.batch_repeat_interleave(len(pairs))
    hidden = reader.read(ids[:, shared:], sent["places"], slice(seen, None), positions[:, :, shared:])
    return hidden.flatten(0, 1)[sent["last"]]


def _cache_name(text: Any) -> str:
    """What the installed transformers calls keys and values of tokens before."""
    return "cache" if "cache" in inspect.signature(text.forward).parameters else "past_key_values"

"""Qwen2-VL and Qwen3-VL as judges: how likely they say yes to a query with one candidate.

Source: the released code of Qwen3-VL-Reranker (QwenLM/Qwen3-VL-Embedding at 8ce3aab), which scores one pair at a time:
the sigmoid of the state after the final norm at the last position times the difference of the head's rows for `yes` and
`no`, in the model's precision. Here pairs go in batches, and what the pairs of one query share is computed once.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from rzen_eval.core import Side
from rzen_eval.errors import ModelError
from rzen_eval.models.batch import Block, Pending
from rzen_eval.models.checkpoint import audit
from rzen_eval.models.checkpoint.weight_files import weight_files
from rzen_eval.models.device import USUAL, at_work
from rzen_eval.models.families.qwen2_vl import Qwen2VL
from rzen_eval.models.families.qwen3_vl import Qwen3VL
from rzen_eval.models.families.token_places import check_vocabulary
from rzen_eval.models.interface import Rendered
from rzen_eval.models.pictures.patches import grid
from rzen_eval.models.prompt import shown
from rzen_eval.models.rerankers.parts import half
from rzen_eval.models.rerankers.prefix import Features, last_states, shared_length
from rzen_eval.models.rerankers.tokens import PlannedPair, pair_of, shortened_pair

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import torch
    from numpy.typing import NDArray

    from rzen_eval.core import Item, Vectors
    from rzen_eval.models.batch import Batch
    from rzen_eval.models.declaration.reranker import YesNoSpec
    from rzen_eval.models.interface import Planned
    from rzen_eval.models.pictures.patches import Grid
    from rzen_eval.models.pictures.resize import Pixels, Visual

HEAD = "lm_head.weight"


class YesNo(Qwen2VL):
    """A loaded checkpoint that answers yes or no."""

    spec: YesNoSpec
    packs = False
    """What pairs share is kept by the stock cache, which has a row for each."""

    @property
    def tokens_per_batch(self) -> int:
        """As of every model, but on a CPU more, since what the pairs of a batch share is computed once."""
        return USUAL if self.device.type == "cpu" else super().tokens_per_batch

    @classmethod
    def read_config(cls, spec: Any, folder: Path) -> Any:
        """As of the model that it is made of."""
        return audit.read_config(
            spec.model_copy(update={"family": spec.family.removesuffix("_reranker")}), folder, cls.configuration
        )

    def rendered(self, item: Item, side: Side) -> Rendered:
        """One side's part of the prompt, and its pictures: of a query all that comes before the candidate."""
        seen = shown(self.spec, item)
        return Rendered(seen, side, half(self.spec, seen, side), self._pictures(seen))

    def prompt(self, item: Item, side: Side) -> str:
        """One side's part of the prompt."""
        return self.rendered(item, side).prompt

    def planned_pair(
        self, query: Rendered, candidate: Rendered, seen: Sequence[Visual], offered: Sequence[Visual]
    ) -> PlannedPair:
        """Tokenize a pair whose pictures have the given sizes.

        Args:
            query: as rendered.
            candidate: as rendered.
            seen: pictures of the query.
            offered: pictures of the candidate.

        Raises:
            DataError: the pictures have no place in the prompt.
        """
        media = self._media_tokens()
        in_query = sum(token in media for token in self.encoded(query.prompt))
        whole = query.prompt + candidate.prompt
        tokens = np.array(self.encoded(whole))
        plan = pair_of(self.spec.prompt, (whole, tokens, in_query), (seen, offered), media)
        check_vocabulary(plan, self._config.text_config.vocab_size, media)
        if self.spec.max_length is None:
            return plan
        return shortened_pair(plan, self._special, self.spec.max_length, self.spec.kept_at_end)

    def score(self, query: Item, candidates: Sequence[Item], tokens_per_batch: int = 8192) -> NDArray[np.float32]:
        """Score candidates of a query in this process.

        Args:
            query: with its instruction.
            candidates: n items.
            tokens_per_batch: longest pair times pairs in a batch; changes speed and memory, no score beyond rounding.

        Returns:
            Shape (n,), 0 to 1.

        Raises:
            DataError: a picture cannot be decoded.
        """
        from rzen_eval.models.token_budget import cut

        asked = self.rendered(query, Side.QUERY)
        offered = [self.rendered(one, Side.CANDIDATE) for one in candidates]
        seen, pixels = asked.pictures.load(), [one.pictures.load() for one in offered]
        plans = [
            self.planned_pair(asked, one, asked.pictures.visuals(seen), one.pictures.visuals(own))
            for one, own in zip(offered, pixels, strict=True)
        ]
        scores = np.zeros(len(plans), dtype=np.float32)
        for batch in cut([plan.length for plan in plans], tokens_per_batch):
            made = self.forward([plans[i] for i in batch], [[*seen, *pixels[i]] for i in batch])
            scores[batch] = made[:, 0]
        return scores

    def forward(self, planned: Sequence[Planned], pixels: Sequence[Sequence[Pixels]]) -> Vectors:
        """One score a pair, float32, shape (n, 1).

        Args:
            planned: pairs of one query.
            pixels: their loaded pictures, those of the query first.
        """
        made: Any = self.send(planned, pixels).vectors()
        scores: Vectors = made
        return scores

    def send(self, planned: Sequence[Planned], pixels: Sequence[Sequence[Pixels]]) -> Pending:
        """As `forward`, and not waited for."""
        import torch

        pairs = [one for one in planned if isinstance(one, PlannedPair)]
        if len(pairs) != len(planned):
            raise TypeError(f"{self.spec.name} scores pairs, and was given items")
        with at_work(self.device, self.dtype), torch.inference_mode():
            shared = shared_length(pairs)
            if shared:
                states = last_states(self, pairs, pixels, shared)
            else:
                staged = self.staged(pairs, pixels)
                sent = staged.block.sent(self.device)
                states = self._hidden(staged.batch, sent).flatten(0, 1)[sent["last"]]
            logits = torch.nn.functional.linear(states, self._direction[None])
            return Pending.of(torch.sigmoid(logits).float())

    @property
    def text_model(self) -> Any:
        """The language model, without a head."""
        return self._inner.language_model

    def sent(self, arrays: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        """Arrays by name on the device, by one copy."""
        return Block.of(arrays, pinned=self.device.type == "cuda").sent(self.device)

    def tower_arrays(self, visuals: Sequence[Pixels]) -> dict[str, Any]:
        """What the vision tower needs on the device of pictures and clips."""
        if not visuals:
            return {}
        channels = self.image_settings.channels
        return {"pixels": visuals, "channels": channels, **self._of_tower(visuals, self._sizes(visuals))}

    def features(self, sent: Mapping[str, torch.Tensor], visuals: Sequence[Pixels]) -> Features:
        """What the vision tower makes of pictures and clips, whose arrays are on the device."""
        if not visuals:
            return Features(None, ())
        seen = self._seen(sent, self._sizes(visuals))
        return Features(seen.pooler_output, getattr(seen, "deepstack_features", None) or ())

    def _sizes(self, visuals: Sequence[Pixels]) -> list[Grid]:
        return [grid(visual, self._config.vision_config) for visual in visuals]

    def positions(self, batch: Batch) -> NDArray[np.int64]:
        """Rotary positions of a batch, shape (3, n, longest)."""
        return batch.laid([self._positions(plan) for plan in batch.planned])

    @cached_property
    def _special(self) -> NDArray[np.int64]:
        """Tokens that are never cut."""
        return np.array([*self.tokenizer.all_special_ids, *filter(None, self._media_tokens())])

    @cached_property
    def _direction(self) -> torch.Tensor:
        """The row of the head for yes less that for no, shape (hidden size,), in the model's precision.

        Raises:
            ModelError: the tokenizer does not know these words as single tokens, or there is no head.
        """
        known = self.tokenizer.get_vocab()
        words = (self.spec.yes, self.spec.no)
        if strange := [word for word in words if word not in known]:
            raise ModelError(f"{self.spec.name}: its tokenizer has no token {strange[0]!r}; it cannot answer")
        rows = [known[word] for word in words]
        if self.config.tie_word_embeddings:
            head = self._inner.language_model.embed_tokens.weight[rows]
        else:
            head = self._head(rows)
        difference: torch.Tensor = (head[0] - head[1]).to(self.dtype)
        return difference.to(self.device)

    def _head(self, rows: Sequence[int]) -> torch.Tensor:
        """Rows of a head of its own, in the model's precision."""
        folder = self.checkpoint.folder
        for file in weight_files(self.spec, folder):
            if (stored := audit.stored_rows(file, HEAD, rows)) is not None:
                return stored.to(self.dtype)
        raise ModelError(
            f"{self.spec.name}: {folder} has no {HEAD}, and its config.json says that the head is not the embeddings'"
            " (tie_word_embeddings: false); the checkpoint is not a whole reranker"
        )

    def load(self) -> None:
        """Load the weights and the head now.

        Raises:
            ModelError: weights are missing, unexpected or unused.
        """
        super().load()
        self._direction  # noqa: B018 - a cached property


class Qwen2VLReranker(YesNo):
    """On Qwen2-VL."""


class Qwen3VLReranker(YesNo, Qwen3VL):
    """On Qwen3-VL, as Qwen3-VL-Reranker is."""

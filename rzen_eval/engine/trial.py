"""How large a batch may be, found out with the first one: the longest items of a run, which come first.

The vision tower and the language model work one after the other, and what they need grows with patches and with tokens.
Four hundred small pictures and four pages are as many tokens, but not as much memory in both; so each has a limit.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from rzen_eval.models.interface import Measurable, Pipelined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rzen_eval.models.interface import Planned
    from rzen_eval.models.token_budget import Room

SHARE = 0.8
"""Of free memory that a batch may take; the next one's numbers lie beside it, and pieces between blocks are lost."""
ENOUGH = 512
"""Tokens of a batch that says something; of fewer, most is taken by what every batch takes."""
LEAST = 1024
MOST = 65_536
"""Tokens of a batch; long before that a GPU is busy."""
MOST_PATCHES = 4 * MOST
"""As many as four to a token, which is what Qwen's towers merge."""


class Trial:
    """Watches the memory of batches until it is known how much there may be of each kind.

    Args:
        model: what is asked for its meter; one that cannot be measured keeps the budget that it is given.
        asked: tokens of a batch that somebody wants, or that the model itself estimates: only the latter is tried.
    """

    def __init__(self, model: object, asked: int) -> None:
        own = isinstance(model, Measurable) and isinstance(model, Pipelined) and model.tokens_per_batch == asked
        self._model = cast("Measurable", model)
        self._meter = self._model.meter() if own else None
        self._open = {"language", "tower"}

    def patches(self, plan: Planned) -> int:
        """Of an item's pictures; 0 where they are not counted."""
        return self._model.patches(plan) if self._meter is not None else 0

    @contextmanager
    def watched(self, room: Room, tokens: int, patches: int) -> Iterator[list[Room]]:
        """While a batch is sent to the model.

        Args:
            room: that batches have now.
            tokens: of the batch; few say nothing.
            patches: of its pictures.

        Yields:
            A list that holds what batches may have from then on, once the batch was sent.
        """
        found = [room]
        wanted = {"language"} | ({"tower"} if patches else set())
        if self._meter is None or tokens < ENOUGH or not (tried := self._open & wanted):
            yield found
            return
        free, before, most = self._meter.free(), self._meter.restart(), {}
        meter = self._meter

        def note(name: str) -> None:
            most[name] = meter.peak() - before
            meter.restart()

        parts = self._model.parts()
        hooks = [
            parts[name].register_forward_hook(lambda *_, name=name: note(name)) for name in wanted if name in parts
        ]
        try:
            yield found
        finally:
            for hook in hooks:
                hook.remove()
        self._open -= tried
        if "language" in tried:
            room = replace(room, tokens=_fitting(free, most.get("language", 0), tokens, MOST) or room.tokens)
        if "tower" in tried:
            room = replace(room, patches=_fitting(free, most.get("tower", 0), patches, MOST_PATCHES))
        found[0] = room


def _fitting(free: int, taken: int, of: int, most: int) -> int | None:
    """A power of two that fits, so that the same device gives the same batches; None: nothing was taken."""
    if taken <= 0:
        return None
    return max(LEAST, min(most, 1 << max(0, int(SHARE * free * of / taken).bit_length() - 1)))

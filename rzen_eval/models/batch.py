"""Planned items side by side, as a model takes them: all that is known of a batch before it goes to a device."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch
    from numpy.typing import NDArray

    from rzen_eval.models.interface import Planned
    from rzen_eval.models.pictures.resize import Visual

ALIGNED = 16
"""Bytes that the arrays of a batch begin at multiples of."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Items end to end in one row or, where an architecture cannot keep them apart in one, each in a row of its own."""

    ids: NDArray[np.int64]
    """Tokens, shape (1, tokens), or (items, longest) with 0 on the right where an item has none."""
    lengths: Sequence[int]
    """Tokens of each item."""
    starts: Sequence[int]
    """Where each begins in the flattened batch."""
    places: NDArray[np.int64]
    """Where visual tokens are in the flattened batch, in the order of the loaded pictures."""
    planned: Sequence[Planned]
    packed: bool

    @classmethod
    def of(cls, planned: Sequence[Planned], *, packed: bool) -> Self:
        """Of planned items."""
        lengths = [plan.length for plan in planned]
        if packed:
            starts = list(accumulate(lengths[:-1], initial=0))
            ids = np.concatenate([plan.input_ids for plan in planned])[None]
        else:
            starts = [row * max(lengths) for row in range(len(lengths))]
            ids = np.zeros((len(lengths), max(lengths)), dtype=np.int64)
            for row, plan in enumerate(planned):
                ids[row, : plan.length] = plan.input_ids
        places = np.concatenate([start + plan.visual for start, plan in zip(starts, planned, strict=True)])
        return cls(ids, lengths, starts, places, planned, packed)

    @property
    def visuals(self) -> list[Visual]:
        """What visual tokens are of, in their order."""
        return [visual for plan in self.planned for visual in plan.visuals]

    @property
    def last(self) -> NDArray[np.int64]:
        """Where the last token of each item is in the flattened batch."""
        return np.array([start + length - 1 for start, length in zip(self.starts, self.lengths, strict=True)])

    @property
    def texts(self) -> NDArray[np.int64]:
        """As `ids`, with 0 for visual tokens, of which a model may have no embedding."""
        ids = self.ids.copy()
        ids.reshape(-1)[self.places] = 0
        return ids

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Of rows with padding, which tokens each sees where all see each other: (items, 1, longest, longest)."""
        longest = self.ids.shape[1]
        there = np.arange(longest) < np.array(self.lengths)[:, None]
        return np.repeat(there[:, None, None], longest, axis=2)

    def laid(self, parts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
        """What each item has for its tokens, shape (..., length), as the batch has it; 0 on padding."""
        laid = np.zeros((*parts[0].shape[:-1], self.ids.size), dtype=np.int64)
        for start, part in zip(self.starts, parts, strict=True):
            laid[..., start : start + part.shape[-1]] = part
        return laid.reshape(*laid.shape[:-1], *self.ids.shape)


@dataclass(frozen=True, slots=True)
class Block:
    """Arrays by name in one block of memory, which is copied to a device at once."""

    content: torch.Tensor
    """uint8, in memory that a device may read by itself where there is one."""
    layout: Mapping[str, tuple[int, tuple[int, ...], np.dtype[Any]]]
    """First byte, shape and dtype of each array by name."""

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any] | Sequence[NDArray[Any]]], *, pinned: bool) -> Self:
        """Of arrays by name, those in a sequence one after the other as one flat array.

        Args:
            arrays: of int64, int32, float32 or uint8.
            pinned: whether a GPU will read them.
        """
        import torch

        layout, size = {}, 0
        for name, given in arrays.items():
            parts = [given] if isinstance(given, np.ndarray) else given
            shape = given.shape if isinstance(given, np.ndarray) else (sum(part.size for part in parts),)
            layout[name] = size, shape, parts[0].dtype
            size += -(-sum(part.nbytes for part in parts) // ALIGNED) * ALIGNED
        block = torch.empty(size, dtype=torch.uint8, pin_memory=pinned)
        held = block.numpy()
        for name, given in arrays.items():
            start = layout[name][0]
            for part in [given] if isinstance(given, np.ndarray) else given:
                held[start : start + part.nbytes].view(part.dtype)[:] = part.reshape(-1)
                start += part.nbytes
        return cls(block, layout)

    def sent(self, device: torch.device) -> dict[str, torch.Tensor]:
        """The arrays on a device, by one copy that is not waited for."""
        import torch

        # Only of locked memory: another device may still read it when it belongs to somebody else.
        block = self.content.to(device, non_blocking=device.type == "cuda")
        return {
            name: block[start : start + int(np.prod(shape)) * dtype.itemsize]
            .view(getattr(torch, dtype.name))
            .view(shape)
            for name, (start, shape, dtype) in self.layout.items()
        }


@dataclass(frozen=True, slots=True)
class Staged:
    """A batch with all numbers that a device needs of it."""

    batch: Batch
    block: Block


@dataclass(frozen=True, slots=True)
class Pending:
    """Vectors that a device is making."""

    rows: torch.Tensor
    """float32, shape (rows, dim); on their way to this memory."""
    arrived: Any
    """Event after which they are there; None: they are."""
    lengths: Sequence[int] | None
    """Rows of each item; None: one."""

    @classmethod
    def of(cls, rows: torch.Tensor, lengths: Sequence[int] | None = None) -> Self:
        """Of vectors on a device; the one copy back of a batch."""
        import torch

        if rows.device.type != "cuda":
            return cls(rows.cpu(), None, lengths)
        here = torch.cuda.is_available()  # it is not where tests stand in for a device
        kept = torch.empty(rows.shape, dtype=rows.dtype, pin_memory=here)
        kept.copy_(rows, non_blocking=True)
        # Of the device that computes: an event of the current one, which may be another, would be over at once.
        arrived = torch.cuda.current_stream(rows.device).record_event() if here else None
        return cls(kept, arrived, lengths)

    @property
    def ready(self) -> bool:
        """Whether there is nothing to wait for."""
        return self.arrived is None or bool(self.arrived.query())

    def vectors(self) -> NDArray[np.float32] | list[NDArray[np.float32]]:
        """One row an item, shape (n, dim), or for each item several; waits for the device."""
        rows: NDArray[np.float32] = self.rows.numpy()
        if self.arrived is not None:
            self.arrived.synchronize()
            rows = rows.copy()  # out of memory that is locked, of which there is little and the next batch needs some
        if self.lengths is None:
            return rows
        return np.split(rows, list(accumulate(self.lengths))[:-1])

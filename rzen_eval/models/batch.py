"""Planned items side by side, as a model takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from rzen_eval.models.interface import Planned
    from rzen_eval.models.pictures.resize import Visual


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch, padding on the right."""

    ids: torch.Tensor
    """Tokens, shape (n, longest), 0 where an item has none."""
    lengths: torch.Tensor
    """Tokens of each item: (n,)."""
    places: torch.Tensor
    """Where visual tokens are in the flattened batch, in the order of the loaded pictures."""
    visuals: Sequence[Visual]
    """What they are of, in the same order."""

    @classmethod
    def of(cls, planned: Sequence[Planned], device: torch.device) -> Self:
        """On the model's device."""
        import torch

        longest = max(plan.length for plan in planned)
        ids = torch.zeros(len(planned), longest, dtype=torch.long)
        for row, plan in enumerate(planned):
            ids[row, : plan.length] = torch.from_numpy(plan.input_ids)
        places = np.concatenate([row * longest + plan.visual for row, plan in enumerate(planned)])
        lengths = torch.tensor([plan.length for plan in planned])
        visuals = [visual for plan in planned for visual in plan.visuals]
        return cls(ids.to(device), lengths.to(device), torch.from_numpy(places).to(device), visuals)

    @property
    def mask(self) -> torch.Tensor:
        """1 where there is a token, 0 on padding, shape (n, longest)."""
        import torch

        return (torch.arange(self.ids.shape[1], device=self.ids.device) < self.lengths[:, None]).long()

    @property
    def visual(self) -> torch.Tensor:
        """Whether a token is visual, shape (n, longest)."""
        import torch

        seen = torch.zeros(self.ids.shape, dtype=torch.bool, device=self.ids.device)
        seen.view(-1)[self.places] = True
        return seen

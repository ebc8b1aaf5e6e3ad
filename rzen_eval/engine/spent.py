"""What embedding took."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spent:
    """Time, tokens and items, of a window, of a side of a task, or of more."""

    seconds: float = 0.0
    """Of all processes that took part."""
    model_seconds: float = 0.0
    """Of these, spent in the model."""
    tokens: int = 0
    padding: int = 0
    """Tokens of padding, in addition to `tokens`."""
    items: int = 0
    """That went through the model; others had a vector already, or are the same as one that did."""
    budget: int | None = None
    """Fewest tokens of a batch: less than asked for where the device ran out of memory. None: there was no batch."""

    def __add__(self, other: Spent) -> Spent:
        budgets = [budget for budget in (self.budget, other.budget) if budget is not None]
        return Spent(
            self.seconds + other.seconds,
            self.model_seconds + other.model_seconds,
            self.tokens + other.tokens,
            self.padding + other.padding,
            self.items + other.items,
            min(budgets, default=None),
        )


NOTHING = Spent()
"""Nothing went through the model."""

"""How much there is to embed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rzen_eval.core import Modality


@dataclass(frozen=True, slots=True)
class Amount:
    """What some items take; amounts add up."""

    items: int = 0
    """Vectors to make."""
    images: int = 0
    """Pictures to decode."""
    frames: int = 0
    """Video frames to decode."""
    text_tokens: int = 0
    """Tokens but the visual ones, the template's included."""
    visual_tokens: int = 0
    flops: int = 0
    misfits: int = 0
    """Items whose pictures alone are longer than the model reads; a run refuses them."""
    cut: int = 0
    """Items whose text is longer than the model reads, and is cut."""

    def __add__(self, other: Self) -> Self:
        return type(self)(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    def times(self, factor: float) -> Self:
        """So many times as much, rounded to whole numbers."""
        return type(self)(*(round(factor * getattr(self, field.name)) for field in fields(self)))


UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class TaskCost:
    """What a task adds to a run."""

    id: str
    modality: Modality
    n_queries: int
    n_candidates: int | None
    """Different by name, as ranked; None where neither data, declaration nor recipe tell."""
    queries: Amount
    """Of these only what has another prompt or other media than everything before it in the run."""
    candidates: Amount
    source: str
    """Where the amounts come from: the data, a sample of them, or declared counts; `unknown` where there are none."""
    reason: str | None = None
    """Why the data could not be read; None where they were."""

    @property
    def known(self) -> bool:
        """Whether the amounts are more than zeros."""
        return self.source != UNKNOWN

    @property
    def read(self) -> bool:
        """Whether the amounts were counted on the data."""
        return self.source.startswith("data")

    @property
    def sides(self) -> dict[str, Amount]:
        """Both by name."""
        return {"queries": self.queries, "candidates": self.candidates}

    @property
    def total(self) -> Amount:
        """Both sides."""
        return self.queries + self.candidates

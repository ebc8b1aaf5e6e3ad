"""What the items of a task are like, for who reckons with a task whose data are not there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.core import Item


@dataclass(frozen=True, slots=True)
class Imagined:
    """A picture of which only the size is known."""

    width: int
    height: int

    def image_size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.width, self.height

    def identity(self) -> str:
        """What tells it from others."""
        return f"{self.width}x{self.height}"

    def read(self) -> bytes:
        """Nothing: it is only measured."""
        return b""


@dataclass(frozen=True, slots=True)
class Typical:
    """What the items of a task are like."""

    query: Item
    candidate: Item
    candidates: int
    """How many, where the task declares no number."""
    to_a_query: bool = False
    """That many to each query, and not in all."""
    corpus: str | None = None
    """What tells the candidates from those of other tasks; None: no other task has the same ones."""
    others: Sequence[Item] = ()
    """Further kinds of candidates, of each as many as of the first, where candidates differ much."""


IMAGE = Imagined(640, 480)
FRAME = Imagined(640, 360)
PAGE = Imagined(1700, 2200)
LABEL, SENTENCE, QUESTION = 20, 80, 300
"""Characters of a label or an answer, of a caption or a query, and of a question with its choices."""
INSTRUCTION = 60
"""Characters of an instruction that only the rows know."""
QUERIES = 100
"""Queries of a task."""
TEXTS = 1000
"""Different labels or answers of an image or video task."""
IMAGES = 5
"""Different candidate images to a query of an image task; its pools hold up to 1,000 and share many."""
POOL = 1000
"""Candidates of a query of an image task, most of them in the pools of others too."""
CHOICES = 4
"""Choices of a question, its own."""
CLIPS = 10
"""Clips of a moment task's query, one right and nine wrong."""
PAGES = 5000
"""Pages of a corpus."""
PAGE_TEXT = 2500
"""Characters that are read off a page; mean over the sets of ViDoRe V3.1 of what mteb's statistics give."""

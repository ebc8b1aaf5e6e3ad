"""What a task takes, from its declared counts and from assumptions about what its items are like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rzen_eval.core import Item, Side
from rzen_eval.estimate.cost import TaskCost
from rzen_eval.estimate.item_cost import CHARACTERS

if TYPE_CHECKING:
    from rzen_eval.core import Task
    from rzen_eval.estimate.item_cost import Reader


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


IMAGE = Imagined(640, 480)
FRAME = Imagined(640, 360)
PAGE = Imagined(1700, 2200)
LABEL, SENTENCE, QUESTION = 20, 80, 300
"""Characters of a label or an answer, of a caption or a query, and of a question with its choices."""
INSTRUCTION = 60
"""Characters of an instruction that only the rows know."""
TEXTS = 1000
"""Different labels or answers of an image or video task."""
IMAGES = 5
"""Different candidate images to a query of an image task; its pools hold up to 1,000 and share many."""
CHOICES = 4
"""Choices of a question, its own."""
CLIPS = 10
"""Clips of a moment task's query, one right and nine wrong."""
PAGES = 5000
"""Pages of a corpus."""

ASSUMED_SIZES = (
    f"assumed sizes: images {IMAGE.identity()}, frames {FRAME.identity()}, pages {PAGE.identity()} pixels, as the model"
    f" resizes them; a label or answer has {LABEL} characters, a caption or query {SENTENCE}, a question with choices"
    f" {QUESTION}, a token {CHARACTERS}; no item is met twice, so tasks of one corpus cost less"
)
ASSUMED_COUNTS = (
    f"counts ~: the number of candidates is not declared; assumed are {TEXTS:,} labels or answers, {IMAGES} images a"
    f" query of an image task, {CHOICES} choices a question, {CLIPS} clips a moment query, a video a caption, {PAGES:,}"
    " pages a corpus"
)
"""What is assumed, for the reader of a table."""


def assumed(task: Task, reader: Reader, reason: str | None = None) -> TaskCost:
    """Reckon what a task takes without its data.

    Args:
        task: as declared, with its limit.
        reader: the model.
        reason: why the data could not be read.
    """
    shape = _shape(task)
    n_queries = min(task.n_queries, task.limit or task.n_queries)
    asking = n_queries if task.pool == "query" else task.n_queries
    n_candidates = task.n_candidates or (asking if shape.to_a_query else 1) * shape.candidates
    return TaskCost(
        id=task.id,
        modality=task.modality,
        n_queries=n_queries,
        n_candidates=n_candidates,
        queries=reader.amount(shape.query, Side.QUERY, by_rule=True).times(n_queries),
        candidates=reader.amount(shape.candidate, Side.CANDIDATE, by_rule=True).times(n_candidates),
        source="counts" if task.n_candidates else "counts ~",
        reason=reason,
    )


@dataclass(frozen=True, slots=True)
class _Shape:
    """What the items of a task are like."""

    query: Item
    candidate: Item
    candidates: int
    """How many, where the task declares no number."""
    to_a_query: bool = False
    """That many to each query, and not in all."""


def _shape(task: Task) -> _Shape:
    """By recipe; a recipe of somebody else's is taken for one of the same modality that finds media by text."""
    options, asks, shows = task.options, task.instruction.query, task.instruction.candidate
    clip = [FRAME] * task.frames
    label = Item(text="x" * LABEL)
    found_clip = Item(frames=clip, instruction=shows)
    asking_text = Item(text="x" * SENTENCE, instruction=asks)
    own = "x" * INSTRUCTION
    match task.recipe, task.modality:
        case "image", _:
            query = Item(text="x" * SENTENCE, instruction=own, images=[IMAGE] * (options.get("query") == "image"))
            found = Item(images=[IMAGE], instruction=own)
            texts = options.get("candidate") == "text"
            shape = _Shape(query, label, TEXTS) if texts else _Shape(query, found, IMAGES, to_a_query=True)
        case "video", _ if options.get("query") == "video":
            shape = _Shape(Item(frames=clip, instruction=asks), label, TEXTS)
        case "video_qa", _:
            shape = _Shape(Item(text="x" * QUESTION, frames=clip, instruction=asks), label, CHOICES, to_a_query=True)
        case "moments" | "momentseeker", _:
            query = Item(text="x" * SENTENCE, frames=clip, instruction=asks or own)
            shape = _Shape(query, found_clip, CLIPS, to_a_query=True)
        case _, "video":
            shape = _Shape(asking_text, found_clip, 1, to_a_query=True)
        case _, "image":
            shape = _Shape(asking_text, Item(images=[IMAGE], instruction=shows), IMAGES, to_a_query=True)
        case _:
            shape = _Shape(asking_text, Item(images=[PAGE], instruction=shows), PAGES)
    return shape

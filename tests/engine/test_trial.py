"""What a batch may hold is found out with the first ones, tokens and patches apart, and no vector depends on it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rzen_eval import Item, load_model
from rzen_eval.core import Side
from rzen_eval.engine.embed import Embedded, embed
from rzen_eval.engine.picture_loader import Loader
from rzen_eval.engine.plan import TaskSide
from rzen_eval.models.token_budget import Room, cut

SETTINGS = ("image.min_tokens=16", "image.max_tokens=16", "frame.min_tokens=1", "frame.max_tokens=16")
FREE = 3_250_000
A_TOKEN, A_PATCH = 100, 2000


class Memory:
    """Of a device whose tower takes 2,000 bytes for a patch, and whose language model 100 for a token."""

    in_use = 10_000

    def __init__(self) -> None:
        self.batches: list[tuple[int, int]] = []
        self.in_tower = False
        self.asked = 0

    def note(self, tokens: int, patches: int) -> None:
        self.batches.append((tokens, patches))
        self.in_tower = patches > 0

    def free(self) -> int:
        self.asked += 1
        return FREE

    def restart(self) -> int:
        return self.in_use

    def peak(self) -> int:
        tokens, patches = self.batches[-1]
        in_tower, self.in_tower = self.in_tower, False
        return self.in_use + (A_PATCH * patches if in_tower else A_TOKEN * tokens)


@pytest.fixture(scope="module")
def items() -> list[Item]:
    """70 pictures of 64 patches and 150 texts."""
    random = np.random.default_rng(0)
    shades = random.integers(0, 256, (70, 8, 8, 3), dtype=np.uint8)
    pictures = [Item(images=[Image.fromarray(shade).resize((112, 112))]) for shade in shades]
    return pictures + [Item(text=f"{number} " * int(random.integers(5, 12))) for number in range(150)]


def watched(checkpoint: Path, memory: Memory | None) -> Any:
    """A model that says what each batch holds."""
    model: Any = load_model("rzenembed_v2_7b", f"checkpoint={checkpoint}", "device=cpu", *SETTINGS)
    if memory is not None:
        staged = model.staged

        def noted(planned: Any, pixels: Any) -> Any:
            memory.note(sum(plan.length for plan in planned), sum(map(model.patches, planned)))
            return staged(planned, pixels)

        model.staged, model.meter = noted, lambda: memory
    return model


def run(model: Any, items: list[Item], budget: int) -> Embedded:
    part = TaskSide("", Side.CANDIDATE, items, [str(place) for place in range(len(items))])
    with Loader(0) as loader:
        return embed(model, part, loader=loader, tokens_per_batch=budget)


def test_batches_grow_to_what_the_memory_holds_and_the_vectors_stay(checkpoint: Path, items: list[Item]):
    memory = Memory()
    model = watched(checkpoint, memory)
    made = run(model, items, model.tokens_per_batch)
    # By hand: 0.8 x 3,250,000 / 2,000 = 1,300 patches and / 100 = 26,000 tokens, powers of two below these.
    tokens, patches = (max(column) for column in zip(*memory.batches[1:], strict=True))
    assert patches == 1024
    assert tokens > model.tokens_per_batch
    assert sum(patches for _, patches in memory.batches) == 70 * 64
    assert memory.asked == 1
    assert made.spent.budget == model.tokens_per_batch
    other = run(watched(checkpoint, None), items, 300)
    assert np.abs(np.asarray(made.vectors) - np.asarray(other.vectors)).max() < 1e-6


def test_a_budget_that_was_asked_for_is_kept(checkpoint: Path, items: list[Item]):
    memory = Memory()
    run(watched(checkpoint, memory), items[::3], 700)
    assert memory.asked == 0
    assert max(tokens for tokens, _ in memory.batches) <= 700


def test_the_tower_is_tried_with_the_first_batch_that_has_pictures(checkpoint: Path, items: list[Item]):
    memory = Memory()
    model = watched(checkpoint, memory)
    run(model, items[70:], model.tokens_per_batch)
    assert memory.asked == 1
    assert max(tokens for tokens, _ in memory.batches) > model.tokens_per_batch


def test_many_small_pictures_make_more_batches_than_as_many_tokens_of_text():
    assert cut([10] * 6, Room(40, 100), packed=True, patches=[0] * 6) == [[0, 1, 2, 3], [4, 5]]
    assert cut([10] * 6, Room(40, 100), packed=True, patches=[60, 40, 60, 0, 60, 60]) == [[0, 1], [2, 3], [4], [5]]
    assert cut([10], Room(40, 100), packed=True, patches=[500]) == [[0]]


def test_what_did_not_fit_is_halved_and_never_grows():
    assert Room(8192).half(6000, 0) == Room(3000)
    assert Room(8192, 4096).half(6000, 5000) == Room(3000, 2500)
    assert Room(1000, 100).half(6000, 5000) == Room(1000, 100)
    assert Room(10, 1).half(6, 1) == Room(3, 1)

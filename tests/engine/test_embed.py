"""The engine: order, what is embedded once or kept, and failures."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from rzen_eval.core import Item, Side, Vectors
from rzen_eval.data.lazy import LazySequence
from rzen_eval.engine.embed import embed
from rzen_eval.engine.picture_loader import Loader
from rzen_eval.engine.plan import Plan, TaskSide
from rzen_eval.engine.vector_store import VectorStore
from rzen_eval.errors import DataError
from rzen_eval.models.declaration.local import Budget
from rzen_eval.models.interface import Planned, Rendered
from rzen_eval.models.pictures.resize import Pictures, Pixels, Sizing, Visual
from tests.toys import page

ONE = Budget(min_tokens=1, max_tokens=1)
SIZING = Sizing(image=ONE, frame=ONE)


class Counting:
    """A stand-in for a model: an item is as long as its text says, and its vector holds that and its first pixel."""

    tokens_per_batch = 100

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def prompt(self, item: Item, side: Side) -> str:
        return f"<{item.text}>"

    def rendered(self, item: Item, side: Side) -> Rendered:
        return Rendered(item, side, self.prompt(item, side), self.pictures(item))

    def pictures(self, item: Item) -> Pictures:
        return Pictures(SIZING, tuple(item.images))

    def planned(self, rendered: Rendered, visuals: Sequence[Visual]) -> Planned:
        length = int((rendered.item.text or "1").split()[0])
        return Planned(f"<{length}>", np.zeros(length, dtype=np.int64), np.zeros(0, dtype=np.int64))

    def forward(self, planned: Sequence[Planned], pixels: Sequence[Sequence[Pixels]]) -> Vectors:
        self.batches.append([plan.length for plan in planned])
        firsts = [float(loaded[0][0, 0, 0]) if loaded else -1.0 for loaded in pixels]
        return np.array([[plan.length, first] for plan, first in zip(planned, firsts, strict=True)], dtype=np.float32)

    def provenance(self) -> dict[str, Any]:
        return {"name": "counting"}


@pytest.fixture(scope="module", params=[0, 2], ids=["inline", "two workers"])
def loader(request: pytest.FixtureRequest) -> Iterator[Loader]:
    with Loader(request.param) as made:
        yield made


def run(items: Sequence[Item], loader: Loader, budget: int = 100) -> tuple[Counting, Any]:
    model = Counting()
    ids = [f"id{i}" for i in range(len(items))]
    return model, embed(model, TaskSide("", Side.CANDIDATE, items, ids), loader=loader, tokens_per_batch=budget)


def test_vectors_come_in_the_order_of_the_items(loader: Loader):
    lengths = [5, 90, 1, 33, 90, 7]
    shades = [0, 50, 100, 150, 200, 250]
    items = [Item(text=str(n), images=[page(shade)]) for n, shade in zip(lengths, shades, strict=True)]
    _, embedded = run(items, loader)
    assert embedded.vectors.tolist() == [[n, s] for n, s in zip(lengths, shades, strict=True)]


def test_items_with_and_without_pictures_share_batches(loader: Loader):
    items = [Item(text="5 a"), Item(text="5 b", images=[page(9), page(10)]), Item(text="5 c")]
    model, embedded = run(items, loader)
    assert model.batches == [[5, 5, 5]]
    assert embedded.vectors[:, 1].tolist() == [-1, 9, -1]


def test_every_item_is_forwarded_once_within_the_budget(loader: Loader):
    lengths = [int(n) for n in np.random.default_rng(0).integers(1, 60, 200)]
    model, embedded = run([Item(text=f"{n} {place}") for place, n in enumerate(lengths)], loader)
    assert sorted(n for batch in model.batches for n in batch) == sorted(lengths)
    assert all(max(batch) * len(batch) <= 100 for batch in model.batches)
    assert embedded.spent.tokens == sum(lengths)
    assert embedded.spent.padding == sum(max(batch) * len(batch) for batch in model.batches) - sum(lengths)


def test_progress_counts_every_item(loader: Loader):
    seen: list[int] = []
    items = [Item(text="40 a"), Item(text="40 b"), Item(text="9 c")]
    embed(
        Counting(), TaskSide("", Side.QUERY, items, ["a", "b", "c"]),
        loader=loader, tokens_per_batch=80, progress=seen.append,
    )  # fmt: skip
    assert seen == [2, 1]


def test_a_damaged_picture_names_its_item(loader: Loader):
    whole = io.BytesIO()
    Image.effect_noise((200, 200), 50).save(whole, format="PNG")
    items = [Item(text="5", images=[page(9)]), Item(text="5", images=[whole.getvalue()[:500]])]
    with pytest.raises(DataError, match=r"candidate 'id1': 500 encoded bytes cannot be decoded"):
        run(items, loader)


def test_the_first_prompt_is_kept_for_the_record(loader: Loader):
    assert run([Item(text="7"), Item(text="90")], loader)[1].first_prompt == "<7>"


def test_what_is_the_same_to_the_model_is_embedded_once(loader: Loader):
    items = [Item(text="5", images=[page(9)]), Item(text="7"), Item(text="5", images=[page(9)]), Item(text="7")]
    model, embedded = run(items, loader)
    assert (embedded.spent.items, sorted(n for batch in model.batches for n in batch)) == (2, [5, 7])
    assert embedded.vectors.tolist() == [[5, 9], [7, -1], [5, 9], [7, -1]]


def test_a_prompt_beside_another_picture_or_frame_is_not_the_same(loader: Loader):
    items = [
        Item(text="5", images=[page(9)]),
        Item(text="5", images=[page(10)]),
        Item(text="5", frames=[page(9)]),
        Item(text="5", images=[page(9), page(10)]),
        Item(text="5"),
    ]
    assert run(items, loader)[1].spent.items == 5


def test_vectors_that_are_kept_are_not_made_again(loader: Loader, tmp_path: Path):
    items = [Item(text=f"{n} {n}") for n in (5, 7, 90)]
    settings: Any = {"loader": loader, "tokens_per_batch": 100}
    first, second = Counting(), Counting()
    before = embed(first, TaskSide("", Side.QUERY, items[:2], ["a", "b"]), store=VectorStore(tmp_path), **settings)
    after = embed(second, TaskSide("", Side.CANDIDATE, items, ["a", "b", "c"]), store=VectorStore(tmp_path), **settings)
    assert (before.spent.items, after.spent.items, second.batches) == (2, 1, [[90]])
    assert after.vectors.tolist() == [[5, -1], [7, -1], [90, -1]]


def test_of_a_run_that_fails_midway_all_windows_before_are_kept(loader: Loader, tmp_path: Path):
    class Failing(Counting):
        def forward(self, planned: Sequence[Planned], pixels: Sequence[Sequence[Pixels]]) -> Vectors:
            if any(plan.length == 3 for plan in planned):
                raise KeyboardInterrupt
            return super().forward(planned, pixels)

    # The longest texts come first; those of the failing item and its window come last.
    items = [Item(text="50 " + "x" * 90)] + [Item(text=f"40 {'x' * 60} {i}") for i in range(6)] + [Item(text="3 y")]
    ids = [str(place) for place in range(len(items))]
    store = VectorStore(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        embed(Failing(), TaskSide("", Side.QUERY, items, ids), loader=loader, tokens_per_batch=100, store=store)
    again = Counting()
    done = embed(
        again, TaskSide("", Side.QUERY, items, ids), loader=loader, tokens_per_batch=100, store=VectorStore(tmp_path)
    )
    assert done.vectors[:, 0].tolist() == [50, 40, 40, 40, 40, 40, 40, 3]
    assert 0 < done.spent.items < len(items)


class Small(Counting):
    """A device with room for so many tokens."""

    room = 40

    def forward(self, planned: Sequence[Planned], pixels: Sequence[Sequence[Pixels]]) -> Vectors:
        if max(plan.length for plan in planned) * len(planned) > self.room:
            raise torch.OutOfMemoryError("out of memory")
        return super().forward(planned, pixels)


def test_a_batch_that_does_not_fit_is_halved_and_the_next_ones_are_smaller(loader: Loader):
    items = [Item(text=f"10 {i}") for i in range(64)]
    model = Small()
    embedded = embed(
        model, TaskSide("", Side.QUERY, items, [str(i) for i in range(64)]), loader=loader, tokens_per_batch=100
    )
    assert embedded.vectors[:, 0].tolist() == [10] * 64
    assert embedded.spent.budget <= 50
    assert max(len(batch) for batch in model.batches) <= 4
    assert sum(len(batch) for batch in model.batches) == 64


def test_an_item_that_does_not_fit_alone_is_named(loader: Loader):
    items = [Item(text="10 a"), Item(text="41 b")]
    with pytest.raises(DataError, match=r"query 'b': an item of 41 tokens does not fit"):
        embed(Small(), TaskSide("", Side.QUERY, items, ["a", "b"]), loader=loader, tokens_per_batch=100)


def test_items_that_several_tasks_share_are_made_and_planned_once():
    made: list[int] = []

    def page_of(place: int) -> Item:
        made.append(place)
        return Item(text=str(place + 1))

    plan = Plan(Counting(), VectorStore(None), 100)
    for task in ("english", "french"):
        pages = LazySequence(3, page_of, "the same pages")
        plan.add(TaskSide(task, Side.CANDIDATE, pages, ["a", "b", "c"]))
    assert made == [0, 1, 2]
    assert plan.n_items == 3
    first, second = (window.part for window in (plan.windows[0], plan.windows[-1]))
    assert (first.task, second.task) == ("english", "french")
    assert first.keys == second.keys
    assert second.first_prompt == "<1>"

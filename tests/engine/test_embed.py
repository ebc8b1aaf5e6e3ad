"""The engine: order, budgets, overlap and failures."""

import io
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from rzen_eval.core import Item, Side, Vectors
from rzen_eval.data.lazy import LazySequence
from rzen_eval.engine.embed import embed
from rzen_eval.engine.picture_loader import AHEAD, Loader
from rzen_eval.engine.plan import Plan, TaskSide
from rzen_eval.engine.vector_store import VectorStore
from rzen_eval.errors import DataError, ModelError
from rzen_eval.models.declaration.local import Budget
from rzen_eval.models.interface import Planned, Rendered
from rzen_eval.models.pictures.resize import Pictures, Pixels, Sizing, Visual
from rzen_eval.models.token_budget import WINDOW_ITEMS, WINDOW_TOKENS, cut, windows
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


@pytest.mark.parametrize("budget", [100, 8192, 500_000])
def test_windows_hold_every_item_once_the_longest_first_and_grow_to_a_bound(budget: int):
    most = [int(n) for n in np.random.default_rng(0).integers(1, 1300, 5000)]
    found = windows(most, budget)
    assert [most[i] for window in found for i in window] == sorted(most, reverse=True)
    assert sorted(i for window in found for i in window) == list(range(5000))
    sizes = [sum(most[i] for i in window) for window in found]
    assert sizes[0] <= max(budget, *most)
    assert max(sizes) <= max(WINDOW_TOKENS, budget)
    assert max(len(window) for window in found) <= WINDOW_ITEMS


def test_an_item_above_the_budget_is_a_batch_of_its_own():
    assert cut([3, 500, 3], 100) == [[1], [0, 2]]


def test_items_of_unlike_length_do_not_share_a_batch():
    # 100 + 96 + 90 is 14 of 300 short, under five per cent; with 80 it would be 34 of 400.
    assert cut([100, 96, 90, 80], 10_000) == [[0, 1, 2], [3]]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("budget", [100, 2_000, 50_000])
def test_no_batch_is_more_than_five_percent_padding(seed: int, budget: int):
    lengths = [int(n) for n in np.random.default_rng(seed).geometric(0.01, 500)]
    batches = cut(lengths, budget)
    assert sorted(index for batch in batches for index in batch) == list(range(500))
    for batch in batches:
        room = lengths[batch[0]] * len(batch)
        assert room <= max(budget, lengths[batch[0]])
        assert room - sum(lengths[index] for index in batch) <= 0.05 * room


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


def test_no_more_than_two_windows_are_loaded_at_a_time():
    opened: list[int] = []

    class Watched:
        def __init__(self, row: int) -> None:
            self.row = row

        def read(self) -> bytes:
            opened.append(self.row)
            return page(self.row)

    with Loader(1) as loader:
        stream = loader.stream([Pictures(SIZING, (Watched(row),))] for row in range(20))
        next(stream)
        assert len(opened) == AHEAD + 1
        assert len(list(stream)) == 19
    assert opened == list(range(20))


@pytest.fixture(scope="module")
def opened() -> list[str]:
    """Files that this process has opened for reading pictures; an audit hook stays for good, so there is one."""
    seen: list[str] = []

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and str(arguments[0]).endswith(".png"):
            seen.append(Path(str(arguments[0])).name)

    sys.addaudithook(hook)
    return seen


@pytest.mark.parametrize("clip", [False, True], ids=["frames as images", "frames as one clip"])
def test_every_file_is_opened_once(tmp_path: Path, opened: list[str], clip: bool):
    class Watching(Counting):
        def pictures(self, item: Item) -> Pictures:
            return Pictures(Sizing(ONE, ONE, clip=clip), tuple(item.images), tuple(item.frames))

    files = [tmp_path / f"{number:02}.png" for number in range(27)]
    for shade, file in enumerate(files):
        file.write_bytes(page(shade))
    items = [Item(text=f"5 {i}", images=files[i : i + 1], frames=files[i + 1 : i + 3]) for i in range(0, 27, 3)]
    opened.clear()
    with Loader(0) as inline:
        embed(Watching(), TaskSide("", Side.QUERY, items, list("abcdefghi")), loader=inline, tokens_per_batch=20)
    assert sorted(opened) == [file.name for file in files]


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


@dataclass(frozen=True)
class Deadly:
    """A picture whose reader is killed."""

    def image_size(self) -> tuple[int, int]:
        return 28, 28

    def identity(self) -> str:
        return "deadly"

    def read(self) -> bytes:
        os.kill(os.getpid(), signal.SIGKILL)
        return b""


@pytest.mark.usefixtures("forking")
def test_an_item_that_kills_its_reader_three_times_is_named_and_what_loads_beside_it_is_not_lost():
    items = [Item(text="5", images=[page(9)]), Item(text="6", images=[Deadly()]), Item(text="7", images=[page(8)])]
    with Loader(1) as loader:
        with pytest.raises(DataError, match=r"candidate 'id1': a process that loads its pictures was killed 3 times"):
            run(items, loader)
        assert run([items[0], items[2]], loader)[1].vectors.tolist() == [[5, 9], [7, 8]]


@dataclass(frozen=True)
class Fatal(Deadly):
    """A picture whose reader is killed the first time."""

    mark: Path

    def read(self) -> bytes:
        if not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return page(77)


@pytest.mark.usefixtures("forking")
def test_a_reader_that_is_killed_once_costs_nothing(tmp_path: Path):
    items = [Item(text=str(length), images=[page(length)]) for length in range(1, 20)]
    items[3] = Item(text="4", images=[Fatal(tmp_path / "died")])
    with Loader(1) as loader:
        vectors = run(items, loader)[1].vectors
    assert vectors[:, 1].tolist() == [1, 2, 3, 77, *range(5, 20)]
    assert (tmp_path / "died").exists()


@dataclass(frozen=True)
class Hanging(Deadly):
    """A picture that is never read to its end."""

    def read(self) -> bytes:
        time.sleep(600)
        return b""


@pytest.mark.usefixtures("forking")
def test_a_reader_that_hangs_is_killed_and_its_item_named():
    with Loader(1, timeout=4.0) as loader:
        with pytest.raises(DataError, match=r"candidate 'id0': .*more than 4 s"):
            run([Item(text="5", images=[Hanging()])], loader)
        assert run([Item(text="5", images=[page(9)])], loader)[1].vectors.tolist() == [[5, 9]]


LARGE = Budget(min_tokens=256, max_tokens=400)
DESCRIPTORS = Path("/proc/self/fd")


@pytest.mark.skipif(not DESCRIPTORS.exists(), reason="shared memory is used on Linux only")
def test_large_pictures_come_from_workers_as_they_are_and_leave_no_descriptor_open():
    pictures = [
        Pictures(Sizing(image=LARGE, frame=LARGE, clip=True), images=(page(1, (600, 500)),)),
        Pictures(Sizing(image=LARGE, frame=LARGE, clip=True), images=(page(2),), frames=(page(3), page(4), page(5))),
        Pictures(Sizing(image=LARGE, frame=LARGE), frames=(page(6, (900, 300)), page(7))),
    ]
    with Loader(1) as loader:
        next(loader.stream([pictures]))
        before = len([*DESCRIPTORS.iterdir()])
        for _ in range(3):
            came = next(loader.stream([pictures, pictures, pictures]))
        for outcome, one in zip(came, pictures, strict=True):
            assert not isinstance(outcome, DataError)
            for found, expected in zip(outcome, one.load(), strict=True):
                np.testing.assert_array_equal(found, expected)
        del came, outcome, found
        assert len([*DESCRIPTORS.iterdir()]) == before


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


class Slow:
    """Vectors on their way, which come when they are asked for."""

    ready = False

    def __init__(self, log: list[str], number: int, rows: Vectors) -> None:
        self.log, self.number, self.rows = log, number, rows

    def vectors(self) -> Vectors:
        self.log.append(f"taken in {self.number}")
        return self.rows


class Device(Counting):
    """A model whose batches are sent and taken in later."""

    packed = True

    def __init__(self) -> None:
        super().__init__()
        self.log: list[str] = []

    def staged(self, planned: Sequence[Planned], pixels: Sequence[Sequence[Pixels]]) -> Any:
        self.log.append(f"put together {len(self.batches)}")
        return planned, pixels

    def launch(self, staged: Any) -> Slow:
        self.log.append(f"sent {len(self.batches)}")
        return Slow(self.log, len(self.batches), self.forward(*staged))


def test_the_next_batch_is_sent_before_the_last_one_is_waited_for():
    model, lengths = Device(), [50, 48, 46, 30, 29, 28]
    items = [Item(text=f"{n}") for n in lengths]
    embedded = embed(model, TaskSide("", Side.QUERY, items, list("abcdef")), loader=Loader(0), tokens_per_batch=100)
    assert model.batches == [[50, 48], [46, 30], [29, 28]]
    assert model.log == [
        "put together 0", "sent 0", "put together 1", "sent 1", "taken in 0", "put together 2", "sent 2", "taken in 1",
        "taken in 2",
    ]  # fmt: skip
    assert embedded.vectors[:, 0].tolist() == lengths
    assert (embedded.spent.padding, embedded.spent.tokens) == (0, sum(lengths))


def test_a_batch_that_fails_when_it_is_taken_in_fails_its_task():
    class Broken(Slow):
        def vectors(self) -> Vectors:
            raise RuntimeError("device-side assert")

    class Breaking(Device):
        def launch(self, staged: Any) -> Slow:
            made = super().launch(staged)
            return Broken(self.log, 0, made.rows) if made.rows[0, 0] == 70 else made

    items = [Item(text=f"{n} {place}") for place, n in enumerate([90, 70, 60, 1])]
    with pytest.raises(ModelError, match="the model failed: RuntimeError: device-side assert"):
        embed(Breaking(), TaskSide("", Side.QUERY, items, list("abcd")), loader=Loader(0), tokens_per_batch=100)

"""What goes into a batch, and when it is sent and taken in."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from rzen_eval.core import Item, Side, Vectors
from rzen_eval.engine.embed import embed
from rzen_eval.engine.picture_loader import Loader
from rzen_eval.engine.plan import TaskSide
from rzen_eval.errors import ModelError
from rzen_eval.models.interface import Planned
from rzen_eval.models.pictures.resize import Pixels
from rzen_eval.models.token_budget import WINDOW_ITEMS, WINDOW_TOKENS, cut, windows
from tests.engine.test_embed import Counting


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

"""What a run holds for each item, in bytes that the interpreter counts."""

import gc
import tracemalloc
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rzen_eval.core import Item, MultiVectors, Side
from rzen_eval.data.lazy import LazySequence
from rzen_eval.engine.plan import Plan, TaskSide
from rzen_eval.engine.vector_store import VectorStore
from rzen_eval.errors import ModelError
from tests.engine.test_embed import Counting

DIM, CHUNK, CHUNKS = 256, 500, 4
KEYS = [number.to_bytes(16, "big") for number in range(CHUNK * CHUNKS)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of four chunks with 500 items each, whose vectors are 1 kB."""
    place = tmp_path_factory.mktemp("store")
    for start in range(0, len(KEYS), CHUNK):
        numbers = range(start, start + CHUNK)
        VectorStore(place).put(
            KEYS[start : start + CHUNK], [np.full((1, DIM), number, dtype=np.float32) for number in numbers]
        )
    return place


def traced(work: Callable[[], Any]) -> tuple[Any, int, int]:
    """What it gives, with the bytes that it leaves and the most that it held."""
    gc.collect()
    tracemalloc.start()
    try:
        found = work()
        gc.collect()
        return found, *tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()


def test_a_kept_vector_takes_a_key_and_a_number(folder: Path):
    def opened() -> VectorStore:
        store = VectorStore(folder)
        store.refresh()
        return store

    store, left, _ = traced(opened)
    assert all(key in store for key in KEYS)
    # 49 bytes of key, 32 of number, about 30 of dict, 8 of offset; 72 more where the place is a pair of numbers.
    assert left / len(KEYS) < 150


def test_vectors_of_a_side_are_read_into_one_array_and_are_never_there_twice(folder: Path):
    store = VectorStore(folder)
    store.refresh()
    asked = KEYS[::-1]
    vectors, _, most = traced(lambda: store.joined(asked))
    assert vectors.dtype == np.float32
    assert np.array_equal(vectors, np.repeat(np.arange(len(KEYS))[::-1, None], DIM, axis=1))
    # The array, the chunk that was read and the next one, and for each item what says where it is.
    assert most < vectors.nbytes * (1 + 2 / CHUNKS) + 150 * len(KEYS)


def test_several_vectors_an_item_come_as_such(tmp_path: Path):
    for store in (VectorStore(tmp_path), VectorStore(None)):
        store.put(KEYS[:2], [np.ones((3, 2), dtype=np.float32), np.zeros((1, 2), dtype=np.float32)])
        store.put(KEYS[2:3], [np.full((2, 2), 5, dtype=np.float32)])
        found = store.joined([KEYS[2], KEYS[0], KEYS[1]])
        assert isinstance(found, MultiVectors)
        assert found.offsets.tolist() == [0, 2, 5, 6]
        assert found.rows[:, 0].tolist() == [5, 5, 1, 1, 1, 0]
        assert store.joined([KEYS[1]]).tolist() == [[0, 0]]  # type: ignore[union-attr]
        assert len(store.joined([])) == 0
        store.put(KEYS[3:4], [np.ones((1, 3), dtype=np.float32)])
        with pytest.raises(ModelError, match="of 2 and of 3 dimensions"):
            store.joined(KEYS[:4])


def test_a_task_that_is_over_holds_no_items():
    plan = Plan(Counting(), VectorStore(None), 40)
    names = [str(number) for number in range(100)]
    held: dict[str, weakref.ref[LazySequence]] = {}
    for task in ("over", "to come"):
        items = LazySequence(100, lambda place, task=task: Item(text=f"{place + 1} {task}"))
        held[task] = weakref.ref(items)
        plan.add(TaskSide(task, Side.CANDIDATE, items, names))
    del items
    windows = len(plan.windows)
    plan.let_go("over")
    assert held["over"]() is None
    assert held["to come"]() is not None
    assert len(plan.windows) == windows, "numbers of windows stay"
    assert all(len(plan.keys(number)) for number in plan.order() if plan.windows[number].part.task == "to come")

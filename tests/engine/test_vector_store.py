"""The vector store: what is put comes back, and nothing else ever does."""

import os
import resource
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from rzen_eval.engine.vector_store import FORMAT, VectorStore
from tests import forked


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


def rows(number: int, n: int = 1) -> np.ndarray:
    return np.full((n, 4), number, dtype=np.float32) + np.arange(n, dtype=np.float32)[:, None] / 8


def fill(store: VectorStore, numbers: range) -> None:
    store.put([key(n) for n in numbers], [rows(n) for n in numbers])


def reopened(folder: Path, said: list[str] | None = None) -> VectorStore:
    store = VectorStore(folder, say=(said if said is not None else []).append)
    store.refresh()
    return store


def test_vectors_come_back_in_the_order_asked_for(tmp_path: Path):
    store = VectorStore(tmp_path)
    fill(store, range(3))
    fill(store, range(3, 6))
    for opened in (store, reopened(tmp_path)):
        assert [int(v[0, 0]) for v in opened.get([key(4), key(0), key(5), key(0)])] == [4, 0, 5, 0]
        assert key(2) in opened
        assert key(9) not in opened


def test_an_item_may_have_a_vector_a_token(tmp_path: Path):
    store = VectorStore(tmp_path)
    store.put([key(1), key(2), key(3)], [rows(1, 3), rows(2, 1), rows(3, 5)])
    assert [len(v) for v in reopened(tmp_path).get([key(3), key(1), key(2)])] == [5, 3, 1]
    assert np.array_equal(store.get([key(3)])[0], rows(3, 5))


def test_half_precision_halves_the_file_and_comes_back_as_float32(tmp_path: Path):
    values = np.random.default_rng(0).normal(size=(100, 256)).astype(np.float32)
    sizes = {}
    for dtype in ("float32", "float16"):
        store = VectorStore(tmp_path / dtype, dtype=dtype)
        store.put([key(n) for n in range(100)], [values[n : n + 1] for n in range(100)])
        back = np.concatenate(store.get([key(n) for n in range(100)]))
        assert back.dtype == np.float32
        assert np.abs(back - values).max() < (1e-9 if dtype == "float32" else 4e-3)
        sizes[dtype] = sum(file.stat().st_size for file in (tmp_path / dtype).iterdir())
    assert sizes["float16"] < 0.55 * sizes["float32"]


def test_what_an_earlier_run_kept_and_is_not_finite_is_made_again(tmp_path: Path):
    store = VectorStore(tmp_path)
    store.refresh()
    values = [rows(1, 2), rows(2, 3), rows(3, 1)]
    values[1][2, 3] = np.nan
    store.put([key(1), key(2), key(3)], values)
    assert np.isnan(store.get([key(2)])[0]).sum() == 1, "the run that made it has it, and can name the item"
    said: list[str] = []
    later = reopened(tmp_path, said)
    assert [key(n) in later for n in (1, 2, 3)] == [True, False, True]
    assert said == [f"1 vectors that are kept in {tmp_path} are not finite and are made again"]
    fill(later, range(2, 3))
    assert np.array_equal(reopened(tmp_path).get([key(2), key(3)])[0], rows(2))


@pytest.mark.parametrize("damage", ["torn", "flipped", "empty"])
def test_a_damaged_chunk_is_put_aside_and_said_and_the_rest_stays(tmp_path: Path, damage: str):
    store = VectorStore(tmp_path)
    fill(store, range(3))
    hurt = next(tmp_path.glob("*.vectors"))
    fill(store, range(3, 6))
    content = bytearray(hurt.read_bytes())
    if damage == "torn":
        content = content[: len(content) // 2]
    elif damage == "flipped":
        content[-5] ^= 1
    else:
        content = bytearray()
    hurt.write_bytes(content)
    said: list[str] = []
    opened = reopened(tmp_path, said)
    assert key(0) not in opened
    assert key(4) in opened
    assert [hurt.name in line for line in said] == [True]
    said.clear()
    reopened(tmp_path, said)
    assert said == []


def test_chunks_of_another_format_are_neither_read_nor_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("rzen_eval.engine.vector_store.FORMAT", "0")
    fill(VectorStore(tmp_path), range(3))
    monkeypatch.setattr("rzen_eval.engine.vector_store.FORMAT", FORMAT)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert key(0) not in reopened(tmp_path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_store_sees_what_another_process_adds(tmp_path: Path):
    store = reopened(tmp_path / "new")
    fill(VectorStore(tmp_path / "new"), range(3))
    assert key(1) not in store
    store.refresh()
    assert key(1) in store


def _write_for_ever(folder: Path, offset: int) -> None:
    store = VectorStore(folder)
    for number in range(offset, offset + 1_000_000, 50):
        fill(store, range(number, number + 50))


def test_killed_writers_leave_only_whole_chunks(tmp_path: Path):
    context = forked.context()
    for attempt in range(6):
        before = len(list(tmp_path.glob("*.vectors")))
        writers = [
            context.Process(target=_write_for_ever, args=(tmp_path, 10_000_000 * (2 * attempt + n))) for n in range(2)
        ]
        for writer in writers:
            writer.start()
        while len(list(tmp_path.glob("*.vectors"))) == before and any(writer.is_alive() for writer in writers):
            time.sleep(0.001)
        time.sleep(0.013 * attempt)
        for writer in writers:
            os.kill(writer.pid or 0, signal.SIGKILL)
            writer.join()
    said: list[str] = []
    store = reopened(tmp_path, said)
    assert said == []
    assert len(store._index) == 50 * len(list(tmp_path.glob("*.vectors"))) > 0
    some = list(store._index)[:500]
    assert [int(v[0, 0]) for v in store.get(some)] == [int(np.float32(int.from_bytes(k, "big"))) for k in some]


def _write_in_little_space(folder: Path) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
    said: list[str] = []
    store = VectorStore(folder, say=said.append)
    fill(store, range(50))
    fill(store, range(50, 99))
    kept = [int(v[0, 0]) for v in store.get([key(60), key(3)])] == [60, 3]
    os._exit(7 if kept and len(said) == 1 and "cannot be kept" in said[0] else 1)


def test_no_space_left_is_said_once_and_vectors_stay_in_memory(tmp_path: Path):
    process = forked.context().Process(target=_write_in_little_space, args=(tmp_path,))
    process.start()
    process.join()
    assert process.exitcode == 7
    assert list(tmp_path.iterdir()) == []


def test_without_a_folder_vectors_stay_in_memory():
    store = VectorStore(None)
    fill(store, range(3))
    assert key(1) in store
    assert [int(v[0, 0]) for v in store.get([key(2), key(0)])] == [2, 0]


@pytest.mark.parametrize("when", [0, 4e9], ids=["1970", "2096"])
def test_what_the_clock_said_when_a_chunk_was_written_does_not_matter(tmp_path: Path, when: float):
    fill(VectorStore(tmp_path), range(3))
    for file in tmp_path.iterdir():
        os.utime(file, (when, when))
    assert [int(v[0, 0]) for v in reopened(tmp_path).get([key(2), key(0)])] == [2, 0]

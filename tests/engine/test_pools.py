"""Pools: the same vectors from any number of workers, and workers that die, hang or cannot begin."""

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from rzen_eval.core import Item, Side
from rzen_eval.engine.plan import Plan, TaskSide
from rzen_eval.engine.process_pool import ProcessPool
from rzen_eval.engine.ray_pool import RayPool, cluster
from rzen_eval.engine.supervisor import Supervisor, WorkerPool
from rzen_eval.engine.vector_store import VectorStore
from rzen_eval.engine.worker import WorkerSettings
from rzen_eval.errors import ModelError
from tests.engine.toy import (
    BUDGET,
    Toy,
    all_done,
    expected,
    open_faulty,
    open_slow,
    plan,
    refuse,
    vanish,
    vectors,
    worker_settings,
)
from tests.toys import page


@pytest.fixture(scope="module")
def ray() -> Iterator[None]:
    pytest.importorskip("ray")
    cluster()
    yield
    import ray as library

    library.shutdown()


@pytest.mark.parametrize(("size", "kept"), [(1, True), (3, False)], ids=["one, in the store", "three, sent back"])
def test_a_pool_of_any_size_makes_the_same_vectors_to_the_bit(
    request: pytest.FixtureRequest, tmp_path: Path, size: int, kept: bool
):
    """The one worker begins as those of a run do, as a process that is new."""
    if size > 1:
        request.getfixturevalue("forking")
    made = plan(VectorStore(tmp_path if kept else None))
    done = all_done(Supervisor(ProcessPool(size, worker_settings(made.store.folder)), 60), made)
    assert len(done) == sum(1 for window in made.windows if len(window.places))
    assert vectors(made) == expected()
    assert not +made.open


@pytest.mark.usefixtures("ray")
def test_actors_make_the_same_vectors_to_the_bit(tmp_path: Path):
    made = plan(VectorStore(tmp_path))
    all_done(Supervisor(RayPool(2, worker_settings(tmp_path), 0), 60), made)
    assert vectors(made) == expected()


def pool_of(kind: str, size: int, settings: WorkerSettings) -> WorkerPool:
    return ProcessPool(size, settings) if kind == "pool" else RayPool(size, settings, 0)


@pytest.mark.parametrize("kind", ["pool", "ray"])
def test_a_worker_that_dies_is_replaced_and_nothing_is_lost(kind: str, request: pytest.FixtureRequest, tmp_path: Path):
    request.getfixturevalue("ray" if kind == "ray" else "forking")
    (marks := tmp_path / "marks").mkdir()
    made = plan(VectorStore(tmp_path / "store"))
    settings = worker_settings(made.store.folder, partial(open_faulty, "dies", marks, 2))
    done = all_done(Supervisor(pool_of(kind, 2, settings), 60), made)
    assert not [one.error for one in done if one.error]
    assert len(list(marks.iterdir())) == 2
    assert vectors(made) == expected()


@pytest.mark.usefixtures("forking")
def test_a_window_that_kills_three_workers_fails_its_task_alone_and_names_its_items(tmp_path: Path):
    (marks := tmp_path / "marks").mkdir()
    made = plan(VectorStore(tmp_path / "store"))
    settings = worker_settings(made.store.folder, partial(open_faulty, "dies", marks, 99))
    errors = [str(one.error) for one in all_done(Supervisor(ProcessPool(2, settings), 60), made) if one.error]
    assert len(errors) == 1
    assert "3 workers died of the window with candidate 'id" in errors[0]
    assert len(list(marks.iterdir())) == 3
    # Item 13 is the seventh of the second task.
    assert list(made.failed) == ["task1"]
    assert all(key in made.store for window in made.windows for key in window.part.keys if window.part.task == "task0")


@pytest.mark.usefixtures("forking")
def test_a_worker_that_hangs_is_replaced(tmp_path: Path):
    (marks := tmp_path / "marks").mkdir()
    made = plan(VectorStore(tmp_path / "store"))
    settings = worker_settings(made.store.folder, partial(open_faulty, "hangs", marks, 1))
    assert not [one.error for one in all_done(Supervisor(ProcessPool(1, settings), 2), made) if one.error]
    assert vectors(made) == expected()


@pytest.mark.usefixtures("forking")
def test_a_worker_that_hangs_every_time_is_named_with_the_time_that_it_had(tmp_path: Path):
    (marks := tmp_path / "marks").mkdir()
    made = plan(VectorStore(tmp_path / "store"))
    settings = worker_settings(made.store.folder, partial(open_faulty, "hangs", marks, 99))
    errors = [str(one.error) for one in all_done(Supervisor(ProcessPool(1, settings), 1), made) if one.error]
    assert ["no batch finished in 1 s" in error for error in errors] == [True]


@pytest.mark.usefixtures("forking")
@pytest.mark.parametrize("seed", range(2))
def test_workers_killed_at_random_moments_change_nothing(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    made = plan(VectorStore(tmp_path))
    pool = ProcessPool(2, worker_settings(tmp_path, partial(open_slow, 0.05)))
    random, stop, killed = np.random.default_rng(seed), threading.Event(), []

    def kill() -> None:
        while len(killed) < 5 and not stop.wait(random.uniform(0, 0.1)):
            worker = pool._workers.get(int(random.integers(2)))
            if worker:
                worker.process.kill()
                killed.append(worker)

    monkeypatch.setattr("rzen_eval.engine.supervisor.DEATHS", 9)
    killer = threading.Thread(target=kill)
    killer.start()
    done = all_done(Supervisor(pool, 60), made)
    stop.set()
    killer.join()
    assert not [one.error for one in done if one.error]
    assert len(killed) == 5
    assert vectors(made) == expected()


@pytest.mark.usefixtures("forking")
def test_a_model_that_cannot_be_loaded_ends_the_run_with_its_own_message(tmp_path: Path):
    with pytest.raises(ModelError, match="toy: 3 weights missing"):
        all_done(Supervisor(ProcessPool(2, worker_settings(tmp_path, refuse)), 60), plan(VectorStore(tmp_path)))


@pytest.mark.usefixtures("forking")
def test_workers_that_die_before_they_are_ready_end_the_run(tmp_path: Path):
    with pytest.raises(ModelError, match=r"3 workers in a row died before their model was loaded \(exit code 7\)"):
        all_done(Supervisor(ProcessPool(1, worker_settings(tmp_path, vanish)), 60), plan(VectorStore(tmp_path)))


@pytest.mark.usefixtures("forking")
def test_a_picture_that_is_missing_fails_its_task_alone(tmp_path: Path):
    made = Plan(Toy(), VectorStore(tmp_path / "store"), BUDGET)
    made.add(TaskSide("bad", Side.QUERY, [Item(text="3 1", images=[tmp_path / "none.png"])], ["q0"]))
    made.add(TaskSide("good", Side.QUERY, [Item(text="3 2", images=[page(5)])], ["q0"]))
    pool = ProcessPool(9, worker_settings(made.store.folder))
    done = all_done(Supervisor(pool, 60), made)
    assert next(str(one.error) for one in done if one.error).startswith("query 'q0': ")
    assert list(made.failed) == ["bad"]
    assert pool.size == 2  # one a window


@pytest.mark.usefixtures("forking")
def test_nothing_to_embed_starts_no_worker(tmp_path: Path):
    made = Plan(Toy(), VectorStore(tmp_path), BUDGET)
    assert all_done(Supervisor(ProcessPool(2, worker_settings(tmp_path, refuse)), 60), made) == []

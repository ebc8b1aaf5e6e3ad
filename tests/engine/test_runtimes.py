"""Runtimes: the same vectors wherever embedding happens, and workers that die, hang or cannot begin."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rzen_eval.cli.main import main
from rzen_eval.config.compose import load
from rzen_eval.core import Item, MultiVectors, Side, Vectors
from rzen_eval.engine.embed import embed
from rzen_eval.engine.inline import Inline
from rzen_eval.engine.job import Done, Step
from rzen_eval.engine.picture_loader import Loader
from rzen_eval.engine.plan import Plan, TaskSide
from rzen_eval.engine.process_pool import ProcessPool
from rzen_eval.engine.ranks import Rank, Ranks
from rzen_eval.engine.ray_pool import RayPool, cluster
from rzen_eval.engine.settings import Runtime, cores
from rzen_eval.engine.start import on_device
from rzen_eval.engine.supervisor import Supervisor, WorkerPool
from rzen_eval.engine.vector_store import VectorStore
from rzen_eval.engine.worker import WorkerSettings
from rzen_eval.errors import ModelError
from rzen_eval.models.declaration.local import Budget
from rzen_eval.models.device import _fitting
from rzen_eval.models.interface import Planned, Rendered
from rzen_eval.models.pictures.resize import Pictures, Pixels, Sizing, Visual
from tests import forked
from tests.toys import page

ONE = Budget(min_tokens=1, max_tokens=1)
SIZING = Sizing(image=ONE, frame=ONE)
BUDGET = 64
N = 120


class Toy:
    """As long as its text says; the vector depends on what else is in the batch, as rounding does."""

    tokens_per_batch = BUDGET

    def prompt(self, item: Item, side: Side) -> str:
        return item.text or ""

    def rendered(self, item: Item, side: Side) -> Rendered:
        return Rendered(item, side, self.prompt(item, side), Pictures(SIZING, tuple(item.images)))

    def planned(self, rendered: Rendered, visuals: Sequence[Visual]) -> Planned:
        length = int((rendered.item.text or "1").split()[0])
        return Planned("", np.full(length, int((rendered.item.text or "0 0").split()[1])), np.zeros(0, dtype=np.int64))

    def forward(self, planned: Sequence[Planned], pixels: Sequence[Sequence[Pixels]]) -> Vectors:
        together = sum(plan.length for plan in planned)
        return np.array([[plan.input_ids[0], plan.length, together] for plan in planned], dtype=np.float32)

    def provenance(self) -> dict[str, Any]:
        return {"name": "toy"}


@dataclass
class Faulty(Toy):
    """Dies, hangs or fails of the item numbered 13."""

    kind: str
    marks: Path
    times: int
    """How often; later it is well."""

    def forward(self, planned: Sequence[Planned], pixels: Sequence[Sequence[Pixels]]) -> Vectors:
        if any(plan.input_ids[0] == 13 for plan in planned):
            done = len(list(self.marks.iterdir()))
            if done < self.times:
                (self.marks / str(done)).touch()
                if self.kind == "dies":
                    os.kill(os.getpid(), signal.SIGKILL)
                time.sleep(600)
        return super().forward(planned, pixels)


def open_toy(_place: int) -> Toy:
    return Toy()


def open_faulty(kind: str, marks: Path, times: int, _place: int) -> Toy:
    return Faulty(kind, marks, times)


def refuse(_place: int) -> Toy:
    raise ModelError("toy: 3 weights missing")


def vanish(_place: int) -> Toy:
    os._exit(7)


def items(n: int = N) -> list[Item]:
    return [Item(text=f"{1 + 7 * i % 23} {i}", images=[page(i % 250)] if i % 3 == 0 else []) for i in range(n)]


def plan(store: VectorStore, tasks: int = 2, n: int = N) -> Plan:
    """Tasks that share out the items, and each of which also has the last one's first item."""
    made = Plan(Toy(), store, BUDGET)
    for task in range(tasks):
        own = items(n)[task::tasks]
        made.add(TaskSide(f"task{task}", Side.CANDIDATE, [items(n)[0], *own[1:]], [f"id{i}" for i in range(len(own))]))
    return made


def worker_settings(folder: Path | None, open_model: Any = open_toy) -> WorkerSettings:
    return WorkerSettings(open_model, folder, "float32", BUDGET, 0, 1)


def vectors(made: Plan) -> list[list[float]]:
    keys = dict.fromkeys(key for window in made.windows for key in window.part.keys)
    return np.concatenate(made.store.get(list(keys))).tolist()


def all_done(engine: Any, made: Plan) -> list[Done]:
    done = []
    for news in engine.run(made):
        if isinstance(news, Done):
            made.note(news)
            done.append(news)
    return done


@pytest.fixture(scope="module")
def expected() -> list[list[float]]:
    made = plan(VectorStore(None))
    with Loader(0) as loader:
        assert not [done.error for done in all_done(Inline(Toy(), loader), made) if done.error]
    return vectors(made)


@pytest.fixture(scope="module")
def ray() -> Iterator[None]:
    pytest.importorskip("ray")
    cluster()
    yield
    import ray as library

    library.shutdown()


def test_every_item_is_in_one_window_whatever_shares_it():
    made = plan(VectorStore(None))
    texts = [unit.item.text for job in made.jobs() for unit in job.units]
    assert sorted(texts) == sorted({item.text for item in items()} - {items()[1].text})
    assert made.n_items == N - 1


def test_the_longest_items_of_all_tasks_come_first():
    made = plan(VectorStore(None))
    most = [made.windows[number].most for number in made.order()]
    assert most[0] == max(most)
    assert sorted(made.order()[1:]) == made.order()[1:]


@pytest.mark.parametrize(("size", "kept"), [(1, True), (3, False)], ids=["one, in the store", "three, sent back"])
def test_a_pool_of_any_size_makes_the_same_vectors_to_the_bit(
    tmp_path: Path, expected: list[list[float]], size: int, kept: bool
):
    made = plan(VectorStore(tmp_path if kept else None))
    done = all_done(Supervisor(ProcessPool(size, worker_settings(made.store.folder)), 60), made)
    assert len(done) == sum(1 for window in made.windows if len(window.places))
    assert vectors(made) == expected
    assert not +made.open


@pytest.mark.usefixtures("ray")
def test_actors_make_the_same_vectors_to_the_bit(tmp_path: Path, expected: list[list[float]]):
    made = plan(VectorStore(tmp_path))
    all_done(Supervisor(RayPool(2, worker_settings(tmp_path), 0), 60), made)
    assert vectors(made) == expected


def pool_of(kind: str, size: int, settings: WorkerSettings) -> WorkerPool:
    return ProcessPool(size, settings) if kind == "pool" else RayPool(size, settings, 0)


@pytest.mark.parametrize("kind", ["pool", "ray"])
def test_a_worker_that_dies_is_replaced_and_nothing_is_lost(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, expected: list[list[float]]
):
    if kind == "ray":
        request.getfixturevalue("ray")
    (marks := tmp_path / "marks").mkdir()
    made = plan(VectorStore(tmp_path / "store"))
    settings = worker_settings(made.store.folder, partial(open_faulty, "dies", marks, 2))
    done = all_done(Supervisor(pool_of(kind, 2, settings), 60), made)
    assert not [one.error for one in done if one.error]
    assert len(list(marks.iterdir())) == 2
    assert vectors(made) == expected


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


def test_a_worker_that_hangs_is_replaced(tmp_path: Path, expected: list[list[float]]):
    (marks := tmp_path / "marks").mkdir()
    made = plan(VectorStore(tmp_path / "store"))
    settings = worker_settings(made.store.folder, partial(open_faulty, "hangs", marks, 1))
    assert not [one.error for one in all_done(Supervisor(ProcessPool(1, settings), 2), made) if one.error]
    assert vectors(made) == expected


def test_a_worker_that_hangs_every_time_is_named_with_the_time_that_it_had(tmp_path: Path):
    (marks := tmp_path / "marks").mkdir()
    made = plan(VectorStore(tmp_path / "store"))
    settings = worker_settings(made.store.folder, partial(open_faulty, "hangs", marks, 99))
    errors = [str(one.error) for one in all_done(Supervisor(ProcessPool(1, settings), 1), made) if one.error]
    assert ["no batch finished in 1 s" in error for error in errors] == [True]


@pytest.mark.parametrize("seed", range(2))
def test_workers_killed_at_random_moments_change_nothing(
    seed: int, tmp_path: Path, expected: list[list[float]], monkeypatch: pytest.MonkeyPatch
):
    made = plan(VectorStore(tmp_path))
    pool = ProcessPool(2, worker_settings(tmp_path))
    random, stop = np.random.default_rng(seed), threading.Event()

    def kill() -> None:
        for _ in range(5):
            if stop.wait(random.uniform(0, 0.6)):
                return
            if pool._workers:
                worker = pool._workers.get(int(random.integers(2)))
                if worker:
                    worker.process.kill()

    monkeypatch.setattr("rzen_eval.engine.supervisor.DEATHS", 9)
    killer = threading.Thread(target=kill)
    killer.start()
    done = all_done(Supervisor(pool, 60), made)
    stop.set()
    killer.join()
    assert not [one.error for one in done if one.error]
    assert vectors(made) == expected


def test_a_model_that_cannot_be_loaded_ends_the_run_with_its_own_message(tmp_path: Path):
    with pytest.raises(ModelError, match="toy: 3 weights missing"):
        all_done(Supervisor(ProcessPool(2, worker_settings(tmp_path, refuse)), 60), plan(VectorStore(tmp_path)))


def test_workers_that_die_before_they_are_ready_end_the_run(tmp_path: Path):
    with pytest.raises(ModelError, match=r"3 workers in a row died before their model was loaded \(exit code 7\)"):
        all_done(Supervisor(ProcessPool(1, worker_settings(tmp_path, vanish)), 60), plan(VectorStore(tmp_path)))


def test_a_picture_that_is_missing_fails_its_task_alone(tmp_path: Path):
    made = Plan(Toy(), VectorStore(tmp_path / "store"), BUDGET)
    made.add(TaskSide("bad", Side.QUERY, [Item(text="3 1", images=[tmp_path / "none.png"])], ["q0"]))
    made.add(TaskSide("good", Side.QUERY, [Item(text="3 2", images=[page(5)])], ["q0"]))
    pool = ProcessPool(9, worker_settings(made.store.folder))
    done = all_done(Supervisor(pool, 60), made)
    assert next(str(one.error) for one in done if one.error).startswith("query 'q0': ")
    assert list(made.failed) == ["bad"]
    assert pool.size == 2  # one a window


def test_a_pool_has_no_more_processes_than_the_machine_can_use():
    many = Runtime(kind="pool", processes=10**6)
    assert [many.models(gpus) for gpus in (0, 1, 8)] == [cores(), 4, 32]
    assert [Runtime(kind="pool").models(gpus) for gpus in (0, 1, 8)] == [cores(), 1, 8]
    assert Runtime(kind="pool", processes=1).models(8) == 1


def test_nothing_to_embed_starts_no_worker(tmp_path: Path):
    made = Plan(Toy(), VectorStore(tmp_path), BUDGET)
    assert all_done(Supervisor(ProcessPool(2, worker_settings(tmp_path, refuse)), 60), made) == []


def test_ranks_share_the_windows_and_the_first_waits_for_the_others(tmp_path: Path, expected: list[list[float]]):
    done: dict[int, list[Done]] = {}

    def take_part(rank: int) -> None:
        made = plan(VectorStore(tmp_path))
        with Loader(0) as loader:
            done[rank] = all_done(Ranks(Toy(), loader, Rank(rank, 3, rank), patience=60), made)
        if rank == 0:
            done[-1] = vectors(made)  # type: ignore[assignment]

    threads = [threading.Thread(target=take_part, args=(rank,)) for rank in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done[-1] == expected
    windows = len(plan(VectorStore(None)).order())
    assert len(done[0]) == windows
    assert len(done[1]) + len(done[2]) < windows


def test_the_first_rank_takes_over_what_a_dead_one_has_left(tmp_path: Path, expected: list[list[float]]):
    made = plan(VectorStore(tmp_path))
    with Loader(0) as loader:
        all_done(Ranks(Toy(), loader, Rank(0, 2, 0), patience=0.3), made)
    assert vectors(made) == expected


@pytest.mark.parametrize(
    ("environment", "rank"),
    [
        ({}, Rank(0, 1, 0)),
        ({"RANK": "3", "WORLD_SIZE": "8", "LOCAL_RANK": "1"}, Rank(3, 8, 1)),
        ({"SLURM_PROCID": "5", "SLURM_NTASKS": "16", "SLURM_LOCALID": "5"}, Rank(5, 16, 5)),
        ({"SLURM_PROCID": "0"}, Rank(0, 1, 0)),
    ],
)
def test_a_rank_is_what_torchrun_or_slurm_says(
    environment: dict[str, str], rank: Rank, monkeypatch: pytest.MonkeyPatch
):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Rank.of_environment() == rank


def test_workers_are_spread_over_the_gpus_unless_one_was_asked_for():
    spec = load(["task=visdoc/vidore_arxivqa", "model=mini"]).model
    assert [on_device(spec, 2, place).device for place in range(4)] == ["cuda:0", "cuda:1", "cuda:0", "cuda:1"]
    assert on_device(spec, 0, 3).device == "auto"
    assert on_device(spec.model_copy(update={"device": "cpu"}), 2, 1).device == "cpu"


def test_processes_that_load_pictures_share_the_cores(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(64)))
    assert [Runtime().loaders(sharing) for sharing in (1, 4, 8, 16, 64)] == [8, 8, 7, 3, 1]
    assert Runtime().loaders(4, gpu=False) == 0
    assert Runtime(workers=5).loaders(4, gpu=False) == 5


def test_batches_suit_the_memory_of_the_device():
    from transformers import Qwen2VLConfig

    seven = Qwen2VLConfig(
        text_config={
            "hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28, "vocab_size": 152064,
        },
        vision_config={"depth": 32, "embed_dim": 1280, "mlp_ratio": 4},
    )  # fmt: skip
    # By hand: 28 x 3584 x (2 x 3584 + 3 x 18944) + 152064 x 3584 + 32 x 1280^2 x 12 = 7.60e9 weights;
    # a token takes 1.5 x (8 x 3584 + 3 x 18944 + 4 x (8 x 1280 + 2 x 5120)) = 251,136 numbers.
    # 24 GB: (0.9 x 12e9 - 7.60e9) / 251136 = 12,742 tokens; 80 GB: 113,092 tokens.
    assert _fitting(24 * 10**9, seven, 2) == 8192
    assert _fitting(80 * 10**9, seven, 2) == 65_536
    assert _fitting(8 * 10**9, seven, 2) == 1024


def test_steps_count_every_item_and_token_once():
    made = plan(VectorStore(None))
    with Loader(0) as loader:
        steps = [news for news in Inline(Toy(), loader).run(made) if isinstance(news, Step)]
    assert sum(step.items for step in steps) == N - 1
    shown = {item.text: int((item.text or "").split()[0]) for item in items()}
    assert sum(step.tokens for step in steps) == sum(shown.values()) - shown[items()[1].text]


def test_torchrun_ranks_score_once_and_agree_with_one_process(tmp_path: Path, mirror: Path, checkpoint: Path):
    words = [
        "task=visdoc/vidore_docvqa", "model=rzenembed_v2_7b", f"model.checkpoint={checkpoint}", "data=mirror",
        f"data.root={mirror}", "runtime.workers=0",
    ]  # fmt: skip

    def start(name: str, **environment: str) -> subprocess.Popen[str]:
        program = [sys.executable, "-m", "rzen_eval", *words, f"cache_dir={tmp_path / name}"]
        return subprocess.Popen(
            [*program, f"results_dir={tmp_path / name}"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment},
        )  # fmt: skip

    runs = [
        start("alone"),
        start("ranks", RANK="0", WORLD_SIZE="2", LOCAL_RANK="0"),
        start("ranks", RANK="1", WORLD_SIZE="2", LOCAL_RANK="1"),
    ]
    said = [run.communicate(timeout=300) for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0], said
    assert "ViDoRe_docvqa" in said[0][0]
    shown = [out.replace(str(tmp_path / "ranks"), str(tmp_path / "alone")) for out, _ in said]
    assert shown == [said[0][0], said[0][0], ""]


def test_a_failure_is_reported_by_the_first_rank_alone(
    tmp_path: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
):
    words = [
        "task=visdoc/vidore_docvqa", "model=rzenembed_v2_7b", f"model.checkpoint={checkpoint}", "data=mirror",
        f"data.root={tmp_path}", "runtime.workers=0", f"cache_dir={tmp_path}", f"results_dir={tmp_path / 'results'}",
    ]  # fmt: skip
    codes = []
    for rank in "01":
        monkeypatch.setenv("RANK", rank)
        monkeypatch.setenv("WORLD_SIZE", "2")
        codes.append(main(words))
    assert codes == [1, 0]


def test_a_shared_item_of_a_task_that_fails_is_embedded_for_the_other(tmp_path: Path):
    shared = Item(text="9 77")
    made = Plan(Toy(), VectorStore(None), BUDGET)
    bad = TaskSide("bad", Side.QUERY, [Item(text="60 1", images=[tmp_path / "none.png"]), shared], ["a", "b"])
    good = TaskSide("good", Side.QUERY, [shared], ["a"])
    for side in (bad, good):
        made.add(side)
    with Loader(0) as loader:
        all_done(Inline(Toy(), loader), made)
        assert good.keys[0] not in made.store
        again = Plan(Toy(), made.store, BUDGET)
        again.add(replace(good, keys=[]))
        all_done(Inline(Toy(), loader), again)
    assert good.keys[0] in made.store


def test_a_run_killed_eight_times_ends_with_the_vectors_of_an_undisturbed_one(
    tmp_path: Path, expected: list[list[float]]
):
    random = np.random.default_rng(5)
    there = []
    for _ in range(8):
        made = plan(store := VectorStore(tmp_path))
        store.refresh()
        there.append(sum(key in store for window in made.windows for key in window.part.keys))
        child = forked.context().Process(target=run_slowly, args=(tmp_path,))
        child.start()
        before, patience = len(list(tmp_path.iterdir())), time.monotonic() + 60
        while len(list(tmp_path.iterdir())) == before and time.monotonic() < patience and there[-1] < N:
            time.sleep(0.001)
        time.sleep(random.uniform(0, 0.005))
        child.kill()
        child.join()
    assert there == sorted(there)
    assert there[-1] > 0
    made = plan(store := VectorStore(tmp_path))
    store.refresh()
    with Loader(0) as loader:
        all_done(Inline(Toy(), loader), made)
    assert vectors(made) == expected
    assert not list(tmp_path.glob("*.damaged"))


class Slow(Toy):
    def forward(self, planned: Sequence[Planned], pixels: Sequence[Sequence[Pixels]]) -> Vectors:
        time.sleep(0.002)
        return super().forward(planned, pixels)


def run_slowly(folder: Path) -> None:
    with Loader(0) as loader:
        all_done(Inline(Slow(), loader), plan(VectorStore(folder)))


def test_two_runs_at_once_on_one_store_do_not_disturb_each_other(tmp_path: Path, expected: list[list[float]]):
    found: list[list[list[float]]] = []

    def run() -> None:
        made = plan(VectorStore(tmp_path))
        with Loader(0) as loader:
            all_done(Inline(Slow(), loader), made)
        found.append(vectors(made))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected, expected]


class Tokens(Toy):
    """A vector a token, as late interaction has it."""

    def forward(self, planned: Sequence[Planned], pixels: Sequence[Sequence[Pixels]]) -> list[Vectors]:  # type: ignore[override]
        return [np.full((plan.length, 2), plan.input_ids[0], dtype=np.float32) for plan in planned]


@pytest.mark.parametrize("kept", [True, False], ids=["on disk", "in memory"])
def test_several_vectors_an_item_go_through_plan_and_store_in_the_order_of_the_items(tmp_path: Path, kept: bool):
    store = VectorStore(tmp_path if kept else None)
    with Loader(0) as loader:
        done = embed(
            Tokens(), TaskSide("", Side.QUERY, items(20), [str(i) for i in range(20)]),
            loader=loader, tokens_per_batch=BUDGET, store=store,
        )  # fmt: skip
    assert isinstance(done.vectors, MultiVectors)
    assert done.vectors.lengths.tolist() == [1 + 7 * i % 23 for i in range(20)]
    assert [done.vectors[i].tolist() for i in (0, 3)] == [[[0.0, 0.0]], [[3.0, 3.0]] * 22]

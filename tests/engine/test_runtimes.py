"""Runtimes: what a run plans, what it takes of a machine, and the same vectors after kills and beside another run."""

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rzen_eval.config.compose import load
from rzen_eval.core import Item, MultiVectors, Side, Vectors
from rzen_eval.engine.embed import embed
from rzen_eval.engine.inline import Inline
from rzen_eval.engine.job import Step
from rzen_eval.engine.picture_loader import Loader
from rzen_eval.engine.plan import Plan, TaskSide
from rzen_eval.engine.settings import Runtime, cores
from rzen_eval.engine.start import on_device
from rzen_eval.engine.vector_store import VectorStore
from rzen_eval.models.device import _fitting
from rzen_eval.models.interface import Planned
from rzen_eval.models.pictures.resize import Pixels
from tests import forked
from tests.engine.toy import BUDGET, N, Slow, Toy, all_done, expected, items, plan, vectors


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


def test_a_pool_has_no_more_processes_than_the_machine_can_use():
    many = Runtime(kind="pool", processes=10**6)
    assert [many.models(gpus) for gpus in (0, 1, 8)] == [cores(), 4, 32]
    assert [Runtime(kind="pool").models(gpus) for gpus in (0, 1, 8)] == [cores(), 1, 8]
    assert Runtime(kind="pool", processes=1).models(8) == 1


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


def test_a_run_killed_eight_times_ends_with_the_vectors_of_an_undisturbed_one(tmp_path: Path):
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
    assert vectors(made) == expected()
    assert not list(tmp_path.glob("*.damaged"))


def run_slowly(folder: Path) -> None:
    with Loader(0) as loader:
        all_done(Inline(Slow(), loader), plan(VectorStore(folder)))


def test_two_runs_at_once_on_one_store_do_not_disturb_each_other(tmp_path: Path):
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
    assert found == [expected(), expected()]


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

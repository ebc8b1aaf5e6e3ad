"""Pairs on their way to a worker and back."""

import pickle
import queue
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rzen_eval import Item, TaskData, load_reranker
from rzen_eval.engine.inline import Inline
from rzen_eval.engine.job import Done, Job
from rzen_eval.engine.pair_plan import PairPlan, TaskPairs, pairs_of
from rzen_eval.engine.picture_loader import Loader
from rzen_eval.engine.vector_store import VectorStore
from rzen_eval.engine.worker import Worker, WorkerSettings
from tests.conftest import FIXTURES

IMAGES = FIXTURES / "rzen" / "images"


@pytest.fixture(scope="module")
def judge() -> Any:
    return load_reranker("mini_judge", "device=cpu", "dtype=float32")


def task() -> TaskPairs:
    """Two queries with the same three candidates, one of which is like another."""
    names = ("i01_448.png", "i15_640x480.jpg", "i01_448.png")
    data = TaskData(
        query_ids=["a", "b"],
        queries=[Item(text="a red square", instruction="Find."), Item(images=[str(IMAGES / names[0])], text="alike")],
        candidate_ids=["x", "y", "z"],
        candidates=[Item(images=[(IMAGES / name).read_bytes()]) for name in names],
        qrels={"a": {"x": 1}, "b": {"y": 1}},
    )
    return pairs_of("toy", data, {"a": ["x", "y", "z"], "b": ["z", "y"]})


def test_pairs_of_a_window_are_scored_as_one_by_one_and_those_that_are_alike_once(judge: Any):
    plan, part = PairPlan(judge, VectorStore(None), 8192), task()
    plan.add(part)
    assert plan.n_items == 4
    with Loader(0) as loader:
        for done in Inline(judge, loader).run(plan):
            assert not isinstance(done, Done) or done.error is None
    scores = np.concatenate(plan.store.get(part.keys))[:, 0]
    alone = [
        judge.score(part.items[query], [part.candidates[candidate]])[0] for query, candidate in part.places.tolist()
    ]
    assert scores == pytest.approx(alone, abs=1e-5)
    assert scores[0] == scores[2]
    assert len({*scores.tolist()}) == 4


def test_a_worker_gives_the_scores_of_this_process(judge: Any, tmp_path: Path):
    here, part = PairPlan(judge, VectorStore(None), 64), task()
    here.add(part)
    with Loader(0) as loader:
        for _ in Inline(judge, loader).run(here):
            pass
    there = PairPlan(judge, VectorStore(tmp_path), 64)
    there.add(task())
    jobs = list(there.jobs())
    assert len(jobs) > 1
    inbox: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
    for job in jobs:
        inbox.put(pickle.loads(pickle.dumps(job.portable())))  # noqa: S301 - our own
    inbox.put(None)
    settings = WorkerSettings(lambda _place: judge, tmp_path, "float32", 64, 0, None)
    for done in Worker(settings, 0).run(inbox):
        if isinstance(done, Done):
            assert done.chunk is not None
            there.store.enter(done.chunk)
    found, expected = (np.concatenate(plan.store.get(part.keys)) for plan in (there, here))
    assert found.tolist() == expected.tolist()


def test_an_item_that_cannot_be_read_is_named_with_its_query(judge: Any):
    data = TaskData(
        query_ids=["a"],
        queries=[Item(text="x")],
        candidate_ids=["c"],
        candidates=[Item(images=[b"no picture"])],
        qrels={"a": {"c": 1}},
    )
    plan = PairPlan(judge, VectorStore(None), 64)
    plan.add(pairs_of("toy", data, {"a": ["c"]}))
    with Loader(0) as loader:
        [done] = [one for one in Inline(judge, loader).run(plan) if isinstance(one, Done)]
    assert str(done.error).startswith("query 'a' with candidate 'c': ")

"""A model so small that what embeds with it is all that takes time; it is opened in workers too."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from rzen_eval.core import Item, Side, Vectors
from rzen_eval.engine.inline import Inline
from rzen_eval.engine.job import Done
from rzen_eval.engine.picture_loader import Loader
from rzen_eval.engine.plan import Plan, TaskSide
from rzen_eval.engine.vector_store import VectorStore
from rzen_eval.engine.worker import WorkerSettings
from rzen_eval.errors import ModelError
from rzen_eval.models.declaration.local import Budget
from rzen_eval.models.interface import Planned, Rendered
from rzen_eval.models.pictures.resize import Pictures, Pixels, Sizing, Visual
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


@dataclass
class Slow(Toy):
    """Takes its time for each batch."""

    seconds: float = 0.002

    def forward(self, planned: Sequence[Planned], pixels: Sequence[Sequence[Pixels]]) -> Vectors:
        time.sleep(self.seconds)
        return super().forward(planned, pixels)


def open_toy(_place: int) -> Toy:
    return Toy()


def open_slow(seconds: float, _place: int) -> Toy:
    return Slow(seconds)


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


@cache
def expected() -> list[list[float]]:
    """What every run has to come to."""
    made = plan(VectorStore(None))
    with Loader(0) as loader:
        assert not [done.error for done in all_done(Inline(Toy(), loader), made) if done.error]
    return vectors(made)

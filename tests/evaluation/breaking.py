"""A recipe and a model that fail where a task asks them to, each in the manner it asks for."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rzen_eval.core import Item, Side, Task, TaskData, Vectors
from rzen_eval.data.lazy import LazySequence
from rzen_eval.data.repository import Repository
from rzen_eval.errors import DataError

ERRORS = {
    "ours": DataError("the thing is gone"),
    "foreign": KeyError("thing"),
    "exit": SystemExit(0),
    "base": BaseException("thing"),
}


def load(task: Task, repository: Repository) -> TaskData:  # noqa: ARG001 - it makes its own rows
    """Four queries, each about the candidate of its own number.

    Options: `stage`, where it fails (`rows`, `planning`, `made again`, `picture`, or what the model is told); `how`,
    a key of ERRORS.
    """
    stage, how = task.options.get("stage"), task.options.get("how", "ours")
    if stage == "rows":
        raise ERRORS[how]
    made = 0

    def candidate(number: int) -> Item:
        nonlocal made
        made += number == 2
        # Made to be hashed, to be planned and to be embedded.
        if number == 2 and (stage == "planning" or (stage == "made again" and made > 2)):
            raise ERRORS[how]
        picture = (Path(task.options["picture"]),) if stage == "picture" else ()
        return Item(text=f"{task.id} {number}", images=picture, instruction=f"{stage} {how}")

    ids = [f"{task.id}-{number}" for number in range(4)]
    return TaskData(
        query_ids=ids,
        queries=[Item(text=f"{task.id} {number}", instruction="ask") for number in range(4)],
        candidate_ids=ids,
        candidates=LazySequence(4, candidate),
        qrels={name: {name: 1.0} for name in ids},
        revision="none",
    )


class Numbers:
    """Knows every number; fails where the instruction says `model`, `ranking` or `shape`."""

    def embed(self, items: Sequence[Item], side: Side) -> Vectors | list[Any]:
        stage, _, how = (items[0].instruction or "").partition(" ")
        if stage == "model":
            raise ERRORS[how]
        if stage == "shape":
            return ["abc"] * len(items)
        vectors = np.eye(4, dtype=np.float32)[[int((item.text or "").split()[-1]) for item in items]]
        return vectors * np.nan if stage == "ranking" else vectors


class Waits(Numbers):
    """Answers once somebody has asked what it is at, or after half a minute."""

    def embed(self, items: Sequence[Item], side: Side) -> Vectors | list[Any]:
        for _ in range(3000):
            if "waiting for" in sys.stderr.getvalue():  # type: ignore[attr-defined]
                break
            time.sleep(0.01)
        return super().embed(items, side)


class Leaving:
    """Ends the process."""

    def embed(self, items: Sequence[Item], side: Side) -> Vectors:
        sys.exit(0)

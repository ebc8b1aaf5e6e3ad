"""How often an item is looked at on its way to a vector."""

import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from rzen_eval import Item, Side, load_model
from rzen_eval.data.lazy import LazySequence
from rzen_eval.engine.embed import embed
from rzen_eval.engine.picture_loader import Loader
from rzen_eval.engine.plan import Plan, TaskSide
from rzen_eval.engine.vector_store import VectorStore
from rzen_eval.models import prompt
from rzen_eval.models.families.local_model import LocalModel
from rzen_eval.models.pictures.resize import Sizing
from tests.toys import page

WATCHED = {
    "shown": prompt.shown,
    "prompts": prompt.render,
    "pictures": Sizing.pictures,
    "planned": LocalModel.planned,
}


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Calls of the functions of interest, in this thread and those that it starts."""
    names: dict[CodeType, str] = {function.__code__: name for name, function in WATCHED.items()}  # type: ignore[attr-defined]
    calls: Counter[str] = Counter()

    def note(frame: FrameType, event: str, _argument: Any) -> None:
        if event == "call" and frame.f_code in names:
            calls[names[frame.f_code]] += 1

    before = sys.getprofile()
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(before)
        threading.setprofile(None)  # type: ignore[arg-type]


def test_an_item_is_rendered_once_to_be_planned_and_once_to_be_embedded(tmp_path: Path):
    model = load_model("mini", "device=cpu", f"cache_dir={tmp_path}")
    model.load()
    items = [Item(text=f"page {shade}", images=[page(shade)]) for shade in range(6)]
    with Loader(0) as loader, counted() as calls:
        done = embed(model, TaskSide("", Side.QUERY, items, list("abcdef")), loader=loader, tokens_per_batch=512)
    assert done.spent.items == 6
    assert calls == {"shown": 12, "prompts": 12, "pictures": 12, "planned": 6}


def test_embedding_without_an_engine_looks_at_an_item_once(tmp_path: Path):
    model = load_model("mini", "device=cpu", f"cache_dir={tmp_path}")
    with counted() as calls:
        model.embed([Item(text=f"page {shade}", images=[page(shade)]) for shade in range(6)], "query")
    assert calls == {"shown": 6, "prompts": 6, "pictures": 6, "planned": 6}


def test_items_that_two_tasks_have_are_rendered_once_and_texts_that_are_cut_count_for_both(checkpoint: Path):
    model = load_model("gme_2b", f"checkpoint={checkpoint}", "dim=null", "max_length=60", "device=cpu")
    texts = ["a cat", "a cat " * 100, "a dog " * 100]
    plan = Plan(model, VectorStore(None), tokens_per_batch=512)
    items = [LazySequence(3, lambda place: Item(text=texts[place]), identity="the same") for _ in "ab"]
    parts = [TaskSide(task, Side.CANDIDATE, same, list("xyz")) for task, same in zip("ab", items, strict=True)]
    with counted() as calls:
        for part in parts:
            plan.add(part)
    assert [part.n_cut for part in parts] == [2, 2]
    assert parts[0].keys == parts[1].keys
    assert calls["prompts"] == 3
    assert plan.n_items == 3

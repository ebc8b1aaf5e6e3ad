"""How busy a model is kept while pages load: a stand-in that takes a set time a batch, real PNG pages, real workers.

The share is of the clock, so it holds on a machine with nothing else to do. CPU time of a batch holds on any: of
loading and of this process, which goes on with the next batch meanwhile; a model is kept busy where each is below its
time.

usage: python scripts/bench_loader.py [--batches 60] [--seconds 0.05] [--workers 1] [--pages 4]
"""

import argparse
import io
import resource
import time
from collections.abc import Sequence
from typing import Any

import machine
import numpy as np
from PIL import Image

from rzen_eval.core import Item, Side, Vectors
from rzen_eval.engine.embed import embed
from rzen_eval.engine.picture_loader import Loader
from rzen_eval.engine.plan import TaskSide
from rzen_eval.models.declaration.local import Budget
from rzen_eval.models.interface import Planned, Rendered
from rzen_eval.models.pictures.resize import Pictures, Pixels, Sizing, Visual

BUDGET = Budget(min_tokens=780, max_tokens=820)
SIZING = Sizing(image=BUDGET, frame=BUDGET)


class StandIn:
    """A model that sleeps: its device would be busy elsewhere, and no core of this machine is."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    tokens_per_batch = 8192

    def prompt(self, item: Item, side: Side) -> str:  # noqa: ARG002 - the interface
        return ""

    def rendered(self, item: Item, side: Side) -> Rendered:
        return Rendered(item, side, "", Pictures(SIZING, tuple(item.images)))

    def planned(self, rendered: Rendered, visuals: Sequence[Visual]) -> Planned:  # noqa: ARG002 - the interface
        return Planned("", np.zeros(800, dtype=np.int64), np.zeros(0, dtype=np.int64))

    def forward(self, planned: Sequence[Planned], pixels: Sequence[Sequence[Pixels]]) -> Vectors:
        time.sleep(self.seconds)
        return np.array([[loaded[0][0, 0, 0], 1] for loaded in pixels], dtype=np.float32)[: len(planned)]

    def provenance(self) -> dict[str, Any]:
        return {"name": "stand-in"}


def page(seed: int) -> bytes:
    """A page of text-like noise, 448 by 560, as a PNG."""
    rng = np.random.default_rng(seed)
    ink = np.full((560, 448), 255, np.uint8)
    ink[::14, 40:400] = rng.integers(0, 255, (40, 360))
    stream = io.BytesIO()
    Image.fromarray(ink).convert("RGB").save(stream, format="PNG")
    return stream.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=0.05)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--pages", type=int, default=4, help="pages a batch")
    options = parser.parse_args()
    n = options.batches * options.pages
    items = [Item(images=[page(seed)]) for seed in range(n)]
    model = StandIn(options.seconds)
    start = time.process_time()
    for item in items[: options.pages * 5]:
        model.rendered(item, Side.CANDIDATE).pictures.load()
    alone = (time.process_time() - start) / 5
    with Loader(options.workers) as loader:
        embed(model, TaskSide("", Side.CANDIDATE, items[:1], ["warm"]), loader=loader, tokens_per_batch=1)
        start = time.process_time()
        done = embed(
            model,
            TaskSide("", Side.CANDIDATE, items, [str(i) for i in range(n)]),
            loader=loader,
            tokens_per_batch=800 * options.pages,
        )
        own = (time.process_time() - start) / options.batches
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    loaders = (used.ru_utime + used.ru_stime) / options.batches
    print(f"batches {options.batches} of {options.pages} pages, {options.workers} workers")
    print(f"loading alone    {1000 * alone:6.1f} ms of CPU a batch")
    print(f"workers          {1000 * loaders:6.1f} ms of CPU a batch, their start included")
    print(f"this process     {1000 * own:6.1f} ms of CPU a batch, model apart")
    print(f"model            {1000 * options.seconds:6.1f} ms a batch")
    spent = done.spent
    busy = 100 * spent.model_seconds / spent.seconds
    print(f"embedding stage  {spent.seconds:6.2f} s, model busy {busy:.1f} % of it; {machine.told()}")


if __name__ == "__main__":
    main()

"""The forward pass of 960 items against that of a plain loop, in CPU time, since other work may be on the machine.

400 pictures and 100 labels, 100 clips of four frames and their captions, 60 queries and 200 pages, through the
checkpoint of `bench_engine.py` on one thread in float32; nothing is loaded or tokenized meanwhile. Ours cuts each of
the six sides into batches by tokens and counts putting them together, too. The plain loop is that of
`bench_engine_baselines.py`: stock transformers, sixteen rows in their order, padded to the longest, with all hidden
states; without logits unless --head, which the official evaluator computes and nobody needs. Side by side they take
turns, so that what else runs falls on both.

usage: python scripts/bench_forward.py [--rounds 2] [--share 1.0] [--tokens N] [--head]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from bench_engine_baselines import BATCH, Encoder, Work
from bench_engine_mirror import WORDS, make_checkpoint
from PIL import Image

from rzen_eval import Item, load_model
from rzen_eval.core import Side
from rzen_eval.models.token_budget import cut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SETTINGS = ("image.min_tokens=1", "image.max_tokens=24", "frame.min_tokens=1", "frame.max_tokens=6")


def sides(share: float) -> dict[str, list[Item]]:
    """Items of each kind.

    Args:
        share: of 960 items.
    """
    random = np.random.default_rng(0)

    def many(count: int, make: Callable[[], Item]) -> list[Item]:
        return [make() for _ in range(max(1, round(share * count)))]

    def text(least: int, most: int) -> str:
        return " ".join(random.choice(WORDS, random.integers(least, most + 1)))

    def picture(least: int, most: int) -> Image.Image:
        width, height = random.integers(least, most, 2)
        return Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8))

    return {
        "pictures": many(400, lambda: Item(images=[picture(80, 200)])),
        "labels": many(100, lambda: Item(text=text(1, 3))),
        "clips": many(100, lambda: Item(frames=[picture(112, 113) for _ in range(4)])),
        "captions": many(100, lambda: Item(text=text(5, 20))),
        "queries": many(60, lambda: Item(text=text(5, 25))),
        "pages": many(200, lambda: Item(images=[picture(150, 300)])),
    }


def ours(model: Any, items: Sequence[Item], tokens: int) -> Iterator[Callable[[], int]]:
    """Batches to be computed, each of which says how many items it has."""
    rendered = [model.rendered(item, Side.CANDIDATE) for item in items]
    pixels = [one.pictures.load() for one in rendered]
    planned = [model.planned(one, one.pictures.visuals(loaded)) for one, loaded in zip(rendered, pixels, strict=True)]
    for places in cut([plan.length for plan in planned], tokens, packed=model.packed):
        yield lambda places=places: len(
            model.forward([planned[place] for place in places], [pixels[place] for place in places])
        )


def plain(encoder: Encoder, items: Sequence[Item]) -> Iterator[Callable[[], int]]:
    """Likewise, of the plain loop."""
    for start in range(0, len(items), BATCH):
        rows = encoder.batch(items[start : start + BATCH], Side.CANDIDATE)
        yield lambda rows=rows: len(encoder.vectors(rows, Work()))


def spent(batches: Iterator[Callable[[], int]]) -> float:
    """CPU seconds of batches, making them ready left out."""
    total = 0.0
    for batch in list(batches):
        began = time.process_time()
        batch()
        total += time.process_time() - began
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--share", type=float, default=1.0, help="of the 960 items")
    parser.add_argument("--tokens", type=int, help="budget of a batch of ours; that of the CPU if left out")
    parser.add_argument("--head", action="store_true", help="the plain loop computes logits, too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        make_checkpoint(Path(scratch))
        words = (f"checkpoint={scratch}", "name=bench", "device=cpu", "prompt.system=Embed.", *SETTINGS)
        model: Any = load_model("mini", *words)
        encoder = Encoder(model.spec, head=options.head)
        tokens = options.tokens or model.tokens_per_batch
        seconds: dict[str, dict[str, float]] = {}
        for _ in range(options.rounds):
            for kind, items in sides(options.share).items():
                both = {"ours": spent(ours(model, items, tokens)), "plain": spent(plain(encoder, items))}
                known = seconds.setdefault(kind, both)
                seconds[kind] = {name: min(took, known[name]) for name, took in both.items()}
                print(f"{kind:<10} ours {both['ours']:6.2f} s, plain loop {both['plain']:6.2f} s", flush=True)
    total = {name: sum(one[name] for one in seconds.values()) for name in ("ours", "plain")}
    print(f"the least of {options.rounds} of each, at {tokens} tokens a batch:")
    for kind, both in [*seconds.items(), ("in all", total)]:
        mine, other = both["ours"], both["plain"]
        print(f"{kind:<10} ours {mine:6.2f} s, plain loop {other:6.2f} s, {other / mine:.2f} times")


if __name__ == "__main__":
    main()

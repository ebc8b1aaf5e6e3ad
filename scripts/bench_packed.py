"""Items end to end in one row against rows with padding, in CPU time, since other work may be on the machine.

The checkpoint is that of `bench_engine.py` (`bench_engine_mirror.py`), on one thread and in float32: 150 texts of 5 to
60 words, 60 pictures of up to 64 tokens, 20 clips of four frames. Both ways take turns in one process. What is counted
is `embed` of items whose pictures are in memory: user and system time of this process, the least of --rounds and the
most; and how far the vectors are apart.

usage: python scripts/bench_packed.py [--kinds texts,pictures,clips] [--rounds 5] [--tokens 8192]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from bench_engine_mirror import WORDS, make_checkpoint
from PIL import Image

from rzen_eval import Item, load_model

if TYPE_CHECKING:
    from collections.abc import Sequence


def texts(random: np.random.Generator) -> list[Item]:
    """Of 5 to 60 words."""
    return [Item(text=" ".join(random.choice(WORDS, int(length)))) for length in random.integers(5, 61, 150)]


def pictures(random: np.random.Generator) -> list[Item]:
    """Of up to 64 tokens."""
    return [Item(images=[_noise(random, *random.integers(100, 300, 2))]) for _ in range(60)]


def clips(random: np.random.Generator) -> list[Item]:
    """Of four frames."""
    return [Item(frames=[_noise(random, 112, 112) for _ in range(4)]) for _ in range(20)]


KINDS = {"texts": texts, "pictures": pictures, "clips": clips}


def _noise(random: np.random.Generator, width: int, height: int) -> Image.Image:
    return Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8))


def opened(folder: Path, *, packed: bool) -> Any:
    """The model of the benchmark, loaded."""
    settings = ("image.min_tokens=1", "image.max_tokens=64", "frame.min_tokens=1", "frame.max_tokens=16")
    model = load_model("mini", f"checkpoint={folder}", "name=bench", "device=cpu", *settings)
    model.load()
    if not packed:
        model.pad()
    return model


def spent(model: Any, items: Sequence[Item], tokens: int) -> tuple[float, Any]:
    """CPU seconds, and the vectors."""
    began = time.process_time()
    vectors = model.embed(items, tokens_per_batch=tokens)
    return time.process_time() - began, vectors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, help="budget of a batch; that of the CPU if left out")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        make_checkpoint(Path(scratch))
        models = {name: opened(Path(scratch), packed=name == "packed") for name in ("padded", "packed")}
        tokens = options.tokens or models["packed"].tokens_per_batch
        print(
            f"{'items':<10} {'padded s':>15} {'packed s':>15} {'packed/padded':>14} {'apart':>9}   at {tokens} tokens"
        )
        for kind in options.kinds.split(","):
            items = KINDS[kind](np.random.default_rng(0))
            seconds: dict[str, list[float]] = {name: [] for name in models}
            vectors = {}
            for _ in range(options.rounds):
                for name, model in models.items():
                    took, vectors[name] = spent(model, items, tokens)
                    seconds[name].append(took)
            padded, packed = (seconds[name] for name in models)
            apart = float(np.abs(vectors["padded"] - vectors["packed"]).max())
            print(
                f"{kind:<10} {min(padded):7.2f}-{max(padded):<7.2f} {min(packed):7.2f}-{max(packed):<7.2f}"
                f" {min(packed) / min(padded):14.3f} {apart:9.1e}",
                flush=True,
            )


if __name__ == "__main__":
    main()

"""How much more two processes of one thread do than one, with nothing but a forward pass: the most a pool can gain.

    python scripts/bench_cores.py

The model is that of `bench_engine.py`; each process makes its own and forwards the same batch of texts.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import machine
from bench_engine_mirror import make_checkpoint

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier


def work(folder: str, batches: int, ready: Barrier) -> float:
    """Batches a second of one process, once all are ready."""
    import torch
    from transformers import Qwen2VLModel

    torch.set_num_threads(1)
    model = Qwen2VLModel.from_pretrained(folder, dtype=torch.float32).eval()
    tokens = torch.randint(0, 200, (16, 256), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        model(input_ids=tokens, use_cache=False)
        ready.wait()
        begun = time.monotonic()
        for _ in range(batches):
            model(input_ids=tokens, use_cache=False)
    return batches / (time.monotonic() - begun)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    context = get_context("spawn")
    best: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as scratch, context.Manager() as manager:
        make_checkpoint(Path(scratch))
        for _ in range(arguments.rounds):
            for count in (1, 2):
                ready = manager.Barrier(count)
                with context.Pool(count) as pool:
                    rates = pool.starmap(work, [(scratch, arguments.batches, ready)] * count, chunksize=1)
                    pool.close()
                    pool.join()
                best[count] = max(best.get(count, 0.0), sum(rates))
    for count, rate in best.items():
        print(f"{count} processes: {rate:.2f} batches/s")
    print(f"two over one: {best[2] / best[1]:.2f}; {machine.told()}")


if __name__ == "__main__":
    main()

"""What it saves to compute once what the pairs of a query share, on one core.

    python scripts/bench_rerank.py

The model is the small random reranker of the tests; the best of three, in seconds of CPU time. Scores of both ways are
equal within 1e-6.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from rzen_eval import Item, load_reranker  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Sequence

FIXTURES = ROOT / "tests" / "fixtures"
IMAGES = FIXTURES / "rzen" / "images"
PICTURE = str(IMAGES / "i15_640x480.jpg")
FRAMES = [str(IMAGES / f"v01_0{number}.jpg") for number in range(8)]
CASES = {
    "a picture with 50 captions": (Item(images=[PICTURE]), [Item(text=f"caption {number}") for number in range(50)]),
    "a text with 12 pictures": (Item(text="a red circle above a green square"), [Item(images=[PICTURE])] * 12),
    "a clip of 8 with 10 clips of 4": (Item(text="x", frames=FRAMES), [Item(frames=FRAMES[:4])] * 10),
}


def main() -> None:
    """Measure and print."""
    import torch

    torch.set_num_threads(1)
    folder = FIXTURES / "reranker" / "tiny"
    model = load_reranker("qwen3_vl_reranker_2b", f"checkpoint={folder}", "device=cpu", "dtype=float32")

    def best(query: Item, candidates: Sequence[Item], at_once: int) -> float:
        found = []
        for _ in range(3):
            begun = time.process_time()
            for start in range(0, len(candidates), at_once):
                model.score(query, candidates[start : start + at_once])
            found.append(time.process_time() - begun)
        return min(found)

    for name, (query, candidates) in CASES.items():
        together, apart = (best(query, candidates, at_once) for at_once in (len(candidates), 1))
        print(f"{name}: {together:.2f} s together, {apart:.2f} s one by one")


if __name__ == "__main__":
    main()

"""Measure exact ranking beside the bare matrix product, and the metrics.

Both sides use the same blocks and take turns, so that other work on the machine falls on both.
The memory figure reads /proc, so this runs on Linux only.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import machine
import numpy as np
import torch

from rzen_eval.ranking.dot import rank
from rzen_eval.ranking.metrics import score_run
from rzen_eval.ranking.top_k import RankSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from rzen_eval.core import Vectors

K = 10
BLOCK_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Cost:
    """What one piece of work took."""

    wall: float
    """Seconds on the clock."""
    cpu: float
    """Seconds of all threads together."""
    memory: float
    """GB at the peak, above what was held before."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--candidates", type=int, default=100_000)
    parser.add_argument("--dimensions", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--judged", type=int, default=100_000, help="queries whose metrics are computed")
    size = parser.parse_args()
    compare_ranking(size.queries, size.candidates, size.dimensions, size.rounds)
    time_metrics(size.judged)
    print(machine.told())


def compare_ranking(n: int, m: int, dimensions: int, rounds: int) -> None:
    rng = np.random.default_rng(0)
    queries, candidates = unit_rows(rng, n, dimensions), unit_rows(rng, m, dimensions)
    query_ids, candidate_ids = [f"q{i:07}" for i in range(n)], [f"c{i:07}" for i in range(m)]
    print(f"top {K} of {n:,} queries over {m:,} candidates of {dimensions:,} dimensions")
    bare, ours = [], []
    for _ in range(rounds):
        bare.append(cost(lambda: bare_top(queries, candidates)))
        ours.append(
            cost(
                lambda: rank(
                    queries, candidates, query_ids, candidate_ids, settings=RankSettings(k=K, block_bytes=BLOCK_BYTES)
                )
            )
        )
    show("product and topk", bare)
    show("rank", ours)
    for unit in ("wall", "cpu"):
        ratio = median(getattr(cost, unit) for cost in ours) / median(getattr(cost, unit) for cost in bare)
        print(f"  ratio of {unit:<18} {ratio:8.2f}    (goal: at most 1.3)")


def bare_top(queries: Vectors, candidates: Vectors) -> None:
    rows = max(1, BLOCK_BYTES // (4 * len(candidates)))
    transposed = torch.from_numpy(candidates).T
    for block in torch.from_numpy(queries).split(rows):  # type: ignore[no-untyped-call]
        (block @ transposed).topk(K)


def time_metrics(n: int) -> None:
    rng = np.random.default_rng(0)
    print(f"24 metrics of {n:,} queries, ten places, one to three positives")
    ranked = rng.integers(1000, size=(n, 1)) + np.arange(10)
    run = {f"q{row}": [str(candidate) for candidate in ranked[row].tolist()] for row in range(n)}
    positives = [rng.choice(1000, size=count, replace=False) for count in rng.integers(1, 4, size=n)]
    qrels = {f"q{row}": {str(candidate): 1.0 for candidate in positives[row].tolist()} for row in range(n)}
    show("exact (goal: 2 s)", [cost(lambda: score_run(run, qrels)) for _ in range(3)])
    show("official", [cost(lambda: score_run(run, qrels, "official")) for _ in range(3)])


def unit_rows(rng: np.random.Generator, n: int, dimensions: int) -> Vectors:
    rows = rng.standard_normal((n, dimensions), dtype=np.float32)
    rows /= np.sqrt(np.einsum("nd,nd->n", rows, rows))[:, None]
    return rows


def cost(work: Callable[[], object]) -> Cost:
    Path("/proc/self/clear_refs").write_text("5")  # forget earlier peaks
    before, wall, cpu = kilobytes("VmRSS"), time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Cost(wall, cpu, (kilobytes("VmHWM") - before) / 1e6)


def kilobytes(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def show(what: str, costs: list[Cost]) -> None:
    wall, cpu = median(each.wall for each in costs), median(each.cpu for each in costs)
    print(f"  {what:<27} {wall:8.2f} s {cpu:8.2f} s of CPU {max(each.memory for each in costs):6.2f} GB more")


if __name__ == "__main__":
    main()

"""Measure exact MaxSim beside the bare matrix product of all vectors, which it contains.

Both take turns, so that other work on the machine falls on both.
The memory figure reads /proc, so this runs on Linux only.
"""

from __future__ import annotations

import argparse
from statistics import median

import numpy as np
import torch
from bench_rank import cost, show, unit_rows

from rzen_eval.core import MultiVectors
from rzen_eval.ranking.maxsim import rank_maxsim
from rzen_eval.ranking.top_k import RankSettings

TILE = 4096


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queries", type=int, default=1_000)
    parser.add_argument("--query-vectors", type=int, default=20)
    parser.add_argument("--candidates", type=int, default=5_000)
    parser.add_argument("--candidate-vectors", type=int, default=200)
    parser.add_argument("--dimensions", type=int, default=128)
    parser.add_argument("--spread", type=float, default=0.0, help="lengths vary by this part up and down")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    size = parser.parse_args()
    rng = np.random.default_rng(0)
    queries = ragged(rng, size.queries, size.query_vectors, size.dimensions, size.spread)
    candidates = ragged(rng, size.candidates, size.candidate_vectors, size.dimensions, size.spread)
    query_ids, candidate_ids = [f"q{i:07}" for i in range(len(queries))], [f"c{i:07}" for i in range(len(candidates))]
    print(
        f"MaxSim of {len(queries):,} queries, {len(queries.rows):,} vectors, over {len(candidates):,} candidates,"
        f" {len(candidates.rows):,} vectors of {size.dimensions} dimensions"
    )
    bare, ours = [], []
    for _ in range(size.rounds):
        bare.append(cost(lambda: product(queries, candidates, size.device)))
        ours.append(
            cost(
                lambda: rank_maxsim(
                    queries, candidates, query_ids, candidate_ids, settings=RankSettings(device=size.device)
                )
            )
        )
    show("product alone", bare)
    show("rank_maxsim", ours)
    print(f"  ratio of cpu {median(each.cpu for each in ours) / median(each.cpu for each in bare):19.2f}")


def product(queries: MultiVectors, candidates: MultiVectors, device: str) -> None:
    left, right = torch.from_numpy(queries.rows).to(device), torch.from_numpy(candidates.rows).to(device)
    found = torch.zeros((), device=device)
    for rows in left.split(1024):  # type: ignore[no-untyped-call]
        for columns in right.split(TILE):  # type: ignore[no-untyped-call]
            found += (rows @ columns.T)[0, 0]
    found.item()


def ragged(rng: np.random.Generator, n: int, length: int, dimensions: int, spread: float) -> MultiVectors:
    lengths = rng.integers(int(length * (1 - spread)), int(length * (1 + spread)) + 1, size=n)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return MultiVectors(unit_rows(rng, int(offsets[-1]), dimensions), offsets)


if __name__ == "__main__":
    main()

"""From many vectors an item to a run: late interaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rzen_eval.errors import DataError
from rzen_eval.ranking.top_k import ROWS, USUAL, Indices, RankSettings, Scores, best_first, by_id, distinct, filled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from rzen_eval.core import MultiVectors, Run

QUERY_VECTORS = 1024
"""Of one product, unless a single query has more."""
BYTES_AN_ENTRY = 16
"""Of a product at worst: itself and its maxima in float32, these and what they are added from in float64."""
SPREAD = 1.25
"""How many times as many vectors as its shortest candidate the longest of a tile may have."""


def rank_maxsim(
    queries: MultiVectors,
    candidates: MultiVectors,
    query_ids: Sequence[str],
    candidate_ids: Sequence[str],
    pools: Mapping[str, Sequence[str]] | None = None,
    *,
    settings: RankSettings = USUAL,
) -> Run:
    """Rank each query's pool by MaxSim, best first; equal scores by id, in string order.

    MaxSim is the sum, over the vectors of the query, of the highest dot product with a vector of the candidate
    (Khattab and Zaharia 2020, ColBERT, eq. 3; Faysse et al. 2024, ColPali, eq. 1). Nothing is left out or
    approximated. Products and maxima are float32, sums float64 in the order of the query's vectors, scores float32; so
    neither the memory given nor what else is ranked changes a score, and with one vector an item every score is that
    of `rank`. As there, equal candidates are scored once.

    Args:
        queries: float32 unit rows, at least one an item.
        candidates: float32 unit rows of as many dimensions, at least one an item.
        query_ids: one an item of `queries`.
        candidate_ids: one an item of `candidates`.
        pools: candidates each query may be ranked against; None means all of them. A candidate that a pool lists
            twice is ranked twice, as the official evaluator does.
        settings: how many places, where, and with how much memory.

    Returns:
        Rankings and their scores, queries by id.

    Raises:
        DataError: ids that are not unique or do not fit the vectors, or a pool that is missing or lists strangers.
    """
    import torch

    query_rows, query_ids = by_id(query_ids, len(queries), "query")
    larger_first, device = settings.larger_id_first, settings.device
    candidate_rows, candidate_ids = by_id(candidate_ids, len(candidates), "candidate", larger_first=larger_first)
    _check_dimensions(queries, candidates)
    group, first = distinct(candidates, candidate_rows)
    items = candidate_rows[first]
    matrix = torch.from_numpy(candidates.rows).to(device)
    room = max(settings.tile_bytes // (BYTES_AN_ENTRY * QUERY_VECTORS), ROWS)
    longest = int(candidates.lengths.max(initial=0))

    def against(columns: Indices) -> Scores:
        lengths = candidates.lengths[items[columns]]
        starts = candidates.offsets[items[columns]]
        plan = tiles(lengths, room)

        def scores(rows: Indices) -> Tensor:
            own = query_rows[rows]
            batches = [_Batch.of(queries, own, run, device) for run in runs(queries.lengths[own])]
            found = torch.empty(len(rows), len(columns), device=device)
            for tile in plan:
                vectors = _widened(matrix, starts, lengths, tile)
                short = torch.from_numpy(lengths[tile.columns] < longest).to(device) if settings.padded else None
                for batch in batches:
                    found[batch.rows, tile.columns] = batch.maxsim(vectors, tile, short)
            return found

        return scores

    return best_first(against, query_ids, candidate_ids, group, pools, settings=settings)


def _check_dimensions(queries: MultiVectors, candidates: MultiVectors) -> None:
    of_queries, of_candidates = queries.rows.shape[1], candidates.rows.shape[1]
    if of_queries != of_candidates:
        raise DataError(f"queries have {of_queries} dimensions and candidates {of_candidates}")


def _widened(matrix: Tensor, starts: Indices, lengths: Indices, tile: Tile) -> Tensor:
    """Vectors of a tile's candidates, all of its width: the last one is repeated, which changes no maximum.

    Args:
        matrix: vectors of all candidates, (vectors, dims).
        starts: where those of each candidate of a pool begin, (candidates,).
        lengths: how many it has, (candidates,).
        tile: of that pool.
    """
    place = np.minimum(np.arange(tile.width), lengths[tile.columns, None] - 1)
    return _whole(matrix[(starts[tile.columns, None] + place).ravel()])


@dataclass(frozen=True, slots=True)
class Tile:
    """Candidates of like length that are multiplied together."""

    columns: Indices
    """Which of a pool's candidates: (candidates,)."""
    width: int
    """Vectors of the longest."""


def tiles(lengths: Indices, room: int) -> list[Tile]:
    """Split candidates into tiles of at most `room` vectors, each candidate counted with the width of its tile.

    Args:
        lengths: vectors of each candidate, (candidates,).
        room: vectors of a tile; a longer candidate has a tile of its own.
    """
    order = np.argsort(lengths, kind="stable")
    ascending = lengths[order].tolist()
    found: list[Tile] = []
    start = 0
    for end in range(1, len(order) + 1):
        if end == len(order) or ascending[end] * (end + 1 - start) > room or ascending[end] > SPREAD * ascending[start]:
            found.append(Tile(order[start:end], ascending[end - 1]))
            start = end
    return found


def runs(lengths: Indices, room: int = QUERY_VECTORS) -> list[slice]:
    """Split queries, in their order, into runs of at most `room` vectors; a longer query is a run of its own.

    Args:
        lengths: vectors of each query, (queries,).
        room: vectors of a run.
    """
    found: list[slice] = []
    start = held = 0
    for end, length in enumerate(lengths.tolist()):
        if end > start and held + length > room:
            found.append(slice(start, end))
            start, held = end, 0
        held += length
    return [*found, slice(start, len(lengths))] if len(lengths) else []


@dataclass(frozen=True, slots=True)
class _Batch:
    """Queries that are multiplied together."""

    rows: slice
    """Which of a block's queries."""
    lengths: Tensor
    """Vectors of each: (queries,)."""
    vectors: Tensor
    """Of all of them, filled up with zeros to whole rows."""

    @classmethod
    def of(cls, queries: MultiVectors, items: Indices, run: slice, device: str) -> _Batch:
        """Queries `items[run]`."""
        import torch

        vectors = np.concatenate([queries[item] for item in items[run].tolist()])
        lengths = torch.from_numpy(queries.lengths[items[run]])
        return cls(run, lengths.to(device), _whole(torch.from_numpy(vectors).to(device)))

    def maxsim(self, vectors: Tensor, tile: Tile, with_zero: Tensor | None) -> Tensor:
        """Scores against the candidates of a tile, float32: (queries, candidates).

        Args:
            vectors: of the candidates, each with as many as the tile is wide.
            tile: which candidates.
            with_zero: whether a vector of zeros is among those of each candidate: (candidates,); None: of none.
        """
        import torch

        n, width = len(tile.columns), tile.width
        products = (self.vectors @ vectors.T)[:, : n * width]
        highest = products.as_strided((len(products), n, width), (products.stride(0), width, 1)).amax(dim=2)
        if with_zero is not None:
            highest = torch.where(with_zero, highest.clamp(min=0), highest)
        highest = highest[: int(self.lengths.sum())].double()
        return torch.segment_reduce(highest, "sum", lengths=self.lengths, axis=0).float()


def _whole(vectors: Tensor) -> Tensor:
    """The vectors, filled up with zeros to a number whose products do not depend on it."""
    return filled(vectors, -(-len(vectors) // ROWS) * ROWS)

"""From scores to a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rzen_eval.core import MultiVectors, Run, Vectors
from rzen_eval.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

Indices = NDArray[np.int64]
Scores = Callable[[Indices], "Tensor"]
"""From rows of queries, a block, to their float32 scores: (rows, columns)."""

DEEPEST_METRIC = 10
ROWS = 16
"""BLAS rounds the last rows of an odd block, and the products of a narrow one, in another order than the rest. Blocks
that are filled up to sixteen rows and columns give a pair of vectors the same score wherever it stands."""


@dataclass(frozen=True, slots=True)
class RankSettings:
    """How rankings are made; of these only what `k`, `larger_id_first` and `padded` say shows in them."""

    k: int = 100
    """Places to keep of each ranking."""
    larger_id_first: bool = False
    """Whether equal scores are in the reverse of string order."""
    padded: bool = False
    """Of MaxSim: whether candidates are filled up with vectors of zeros to the longest of them all, so that no maximum
    is below zero where a candidate is shorter than that."""
    device: str = "cpu"
    """Where torch multiplies."""
    block_bytes: int = 64 << 20
    """Memory for the scores of one block of queries."""
    tile_bytes: int = 64 << 20
    """Of MaxSim: memory for what one product needs; more only where one query against one candidate needs more."""


USUAL = RankSettings()


def best_first(
    against: Callable[[Indices], Scores],
    query_ids: Sequence[str],
    candidate_ids: Sequence[str],
    group: Indices,
    pools: Mapping[str, Sequence[str]] | None,
    *,
    settings: RankSettings,
) -> Run:
    """Rank each query's pool by its scores, best first; equal scores in the order of the candidates.

    Args:
        against: from the numbers of distinct candidates, a pool's columns, to the scores of queries against them.
        query_ids: sorted, see `by_id`.
        candidate_ids: sorted, or in the reverse of that order.
        group: for each candidate the number of the distinct one that it equals, see `distinct`: (candidates,).
        pools: candidates each query may be ranked against; None means all of them.
        settings: places to keep, and memory.

    Returns:
        Rankings and their scores, queries by id.

    Raises:
        DataError: a pool that is missing or lists strangers.
    """
    import torch

    sharing = _group_by_pool(pools, query_ids, candidate_ids)
    depth = min(max(settings.k, DEEPEST_METRIC + 1), max((len(members) for members, _ in sharing), default=0))
    empty = np.full((len(query_ids), depth), -1)
    table = _Table(empty, np.full(empty.shape, np.nan, dtype=np.float32))
    with ExitStack() as after:  # a model may have allowed TensorFloat-32 or bfloat16 products
        after.callback(torch.set_float32_matmul_precision, torch.get_float32_matmul_precision())
        torch.set_float32_matmul_precision("highest")
        for members, rows in sharing:
            pool = _Pool.of(members, group)
            scores = against(pool.columns)
            step = pool.rows_within(settings.block_bytes, depth)
            for start in range(0, len(rows), step):
                block = rows[start : start + step]
                values, columns = _best(scores(block), depth)
                table.fill(block, pool, values.cpu().numpy(), columns.cpu().numpy())
    return table.run(query_ids, candidate_ids, settings.k)


def by_id(ids: Sequence[str], n: int, what: str, *, larger_first: bool = False) -> tuple[Indices, list[str]]:
    """Rows in the order of their ids, or its reverse, (n,), and the ids in that order."""
    ids = list(ids)
    if len(ids) != n:
        raise DataError(f"expected one {what} id a vector, found {len(ids)} ids and {n} vectors")
    if len(set(ids)) < n:
        twice = next(name for name, count in Counter(ids).items() if count > 1)
        raise DataError(f"{what} id {twice!r} is listed {ids.count(twice)} times; ids must be unique")
    rows = sorted(range(n), key=ids.__getitem__, reverse=larger_first)
    return np.array(rows, dtype=np.int64), [ids[row] for row in rows]


def distinct(vectors: Vectors | MultiVectors, rows: Indices) -> tuple[Indices, Indices]:
    """Which vectors are equal.

    Args:
        vectors: (items, dimensions), or several an item.
        rows: of the items to look at, in the order to look at them: (rows,).

    Returns:
        Number of each row's vector or vectors, counting distinct ones in order: (rows,). Where in `rows` each number
        first occurs: (distinct,).
    """
    numbers: dict[bytes, int] = {}  # adding zero below turns -0.0 into 0.0, which is equal but has other bytes
    digests = (blake2b((vectors[row] + 0.0).tobytes(), digest_size=16).digest() for row in rows)
    group = np.fromiter((numbers.setdefault(digest, len(numbers)) for digest in digests), np.int64, len(rows))
    return group, np.unique(group, return_index=True)[1]


def filled(rows: Tensor, n: int) -> Tensor:
    """The rows, (rows, dimensions), followed by rows of zeros if they are fewer than n."""
    from torch.nn.functional import pad

    return pad(rows, (0, 0, 0, n - len(rows))) if len(rows) < n else rows


@dataclass(frozen=True, slots=True)
class _Pool:
    """Candidates ranked together. A column is a distinct vector; its members are the candidates that have it."""

    columns: Indices
    """Rows of the matrix of distinct vectors, in the order of their first members: (columns,)."""
    members: Indices
    """Candidates by column, then by id: (entries,)."""
    starts: Indices
    """Where the members of each column begin: (columns,)."""
    sizes: Indices
    """How many there are: (columns,)."""

    @classmethod
    def of(cls, members: Indices, group: Indices) -> _Pool:
        """Pool of the given candidates (in order, perhaps with copies); `group` tells the vector of each."""
        columns, first, place = np.unique(group[members], return_index=True, return_inverse=True)
        order = np.argsort(first)
        place = np.argsort(order)[place]
        sizes = np.bincount(place, minlength=len(columns))
        return cls(columns[order], members[np.argsort(place, kind="stable")], np.cumsum(sizes) - sizes, sizes)

    def rows_within(self, block_bytes: int, depth: int) -> int:
        """Queries whose scores, and at worst whose members in the first `depth` columns, fit the memory."""
        entries = min(depth, len(self.columns)) * min(depth, int(self.sizes.max(initial=0)))
        rows = block_bytes // (4 * len(self.columns) + 48 * entries + 1)
        return max(rows // ROWS, 1) * ROWS


@dataclass(frozen=True, slots=True)
class _Table:
    """Rankings as they are filled in."""

    places: Indices
    """Candidate at each place, -1 after the end: (queries, depth)."""
    scores: Vectors
    """Its score, NaN after the end: (queries, depth)."""

    def fill(self, rows: Indices, pool: _Pool, values: Vectors, columns: Indices) -> None:
        """Put the members of each query's best columns, which come best first, into their places; rows ascend."""
        depth = self.places.shape[1]
        sizes = pool.sizes[columns]
        before = np.cumsum(sizes, axis=1) - sizes
        before[:, 1:][values[:, 1:] == values[:, :-1]] = 0
        better = np.maximum.accumulate(before, axis=1)
        wanted = np.minimum(sizes, np.maximum(depth - better, 0))
        lengths = wanted.sum(axis=1)
        row = np.repeat(rows, lengths)
        score = np.repeat(values.ravel(), wanted.ravel())
        member = pool.members[np.repeat(pool.starts[columns].ravel(), wanted.ravel()) + _count_up(wanted.ravel())]
        order = np.lexsort((member, -score, row))
        place = np.empty_like(member)
        place[order] = _count_up(lengths)
        kept = place < depth
        self.places[row[kept], place[kept]] = member[kept]
        self.scores[row[kept], place[kept]] = score[kept]

    def run(self, query_ids: Sequence[str], candidate_ids: Sequence[str], k: int) -> Run:
        """The first k places under their ids; tied are queries with equal scores within, or at the edge of, ten."""
        changes = self.places[:, 1:] != self.places[:, :-1]
        ties = changes & (self.scores[:, 1:] == self.scores[:, :-1]) & (changes.cumsum(axis=1) <= DEEPEST_METRIC)
        tied = [query_ids[row] for row in np.flatnonzero(ties.any(axis=1)).tolist()]
        lengths = np.minimum((self.places >= 0).sum(axis=1), k).tolist()
        ranking, scores = {}, {}
        for row, (query_id, length) in enumerate(zip(query_ids, lengths, strict=True)):
            ranking[query_id] = [candidate_ids[candidate] for candidate in self.places[row, :length].tolist()]
            scores[query_id] = self.scores[row, :length].tolist()
        return Run(ranking, scores, tied)


def _best(scores: Tensor, depth: int) -> tuple[Tensor, Tensor]:
    """The best columns of each row, best first, and equal scores at the edge by column.

    Which of several equal values `topk` takes is not defined, so a row whose value at the edge goes on beyond it
    takes everything above that value, then the first columns that have it.
    """
    import torch

    n_columns = scores.shape[1]
    values, columns = scores.topk(min(depth + 1, n_columns))
    if n_columns <= depth:
        return values, columns
    values, beyond, columns = values[:, :depth], values[:, depth], columns[:, :depth]
    place = torch.arange(depth, device=scores.device)
    first_is_highest = torch.arange(n_columns, 0, -1, dtype=torch.int32, device=scores.device)
    for rows in torch.nonzero(values[:, -1] == beyond)[:, 0].chunk(4):
        edge = values[rows, -1:]
        equal = torch.where(scores[rows] == edge, first_is_highest, 0).topk(depth).indices
        skipped = (values[rows] > edge).sum(dim=1, keepdim=True)
        columns[rows] = torch.where(place < skipped, columns[rows], equal.gather(1, (place - skipped).clamp(min=0)))
    return values, columns


def _group_by_pool(
    pools: Mapping[str, Sequence[str]] | None, query_ids: Sequence[str], candidate_ids: Sequence[str]
) -> list[tuple[Indices, Indices]]:
    """Each pool as sorted candidates, with the rows of the queries that have it."""
    if pools is None:
        return [(np.arange(len(candidate_ids)), np.arange(len(query_ids)))]
    index = {candidate_id: place for place, candidate_id in enumerate(candidate_ids)}
    known: dict[tuple[str, ...], bytes] = {}
    sharing: dict[bytes, list[int]] = {}
    for row, query_id in enumerate(query_ids):
        if query_id not in pools:
            raise DataError(f"query {query_id!r} has no pool; give it one, or rank all queries without pools")
        pool = tuple(pools[query_id])
        if pool not in known:
            try:
                known[pool] = np.sort(np.array([index[name] for name in pool], dtype=np.int64)).tobytes()
            except KeyError as error:
                raise DataError(f"the pool of query {query_id!r} lists {error}, which is not a candidate") from None
        sharing.setdefault(known[pool], []).append(row)
    return [(np.frombuffer(members, dtype=np.int64), np.array(rows)) for members, rows in sharing.items()]


def _count_up(lengths: Indices) -> Indices:
    """0, 1, ... for each of the lengths, one after the other."""
    return np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)

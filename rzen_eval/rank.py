"""From vectors to a run."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rzen_eval.core import Run, Vectors
from rzen_eval.errors import DataError, ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

Indices = NDArray[np.int64]

DEEPEST_METRIC = 10
ROWS = 16
"""BLAS rounds the last rows of an odd block, and the products of a narrow one, in another order than the rest. Blocks
that are filled up to sixteen rows and columns give a pair of vectors the same score wherever it stands."""


@dataclass(frozen=True, slots=True)
class CheckedVectors:
    """Vectors that can be ranked, with what is odd about them."""

    vectors: Vectors
    """Unit rows (zero rows stay zero), float32 and contiguous: (n, dimensions)."""
    warnings: list[str]
    collapsed: bool
    """Whether the vectors are practically all alike, so that a ranking says nothing."""


def check_vectors(vectors: Any, n: int, what: str) -> CheckedVectors:
    """Refuse vectors that cannot be ranked, and give rows unit length where they lack it.

    Args:
        vectors: an array of shape (n, dimensions), as a model returned it.
        n: rows expected.
        what: the model and the items, for messages: "constant on ViDoRe_arxivqa, candidates".

    Returns:
        The vectors as float32. Rows within 0.001 of unit length are left as they are.

    Raises:
        ModelError: another shape, another number of rows, or values that are not finite.
    """
    with np.errstate(over="ignore"):
        found = np.ascontiguousarray(vectors, dtype=np.float32)
    if found.ndim != 2 or found.shape[0] != n or found.shape[1] == 0:
        raise ModelError(f"{what}: expected vectors of shape ({n}, dimensions), found {found.shape}")
    lengths = np.sqrt(np.einsum("nd,nd->n", found, found, dtype=np.float64))
    broken = np.flatnonzero(~np.isfinite(lengths))
    if len(broken):
        raise ModelError(
            f"{what}: {len(broken)} of {n} vectors are not finite, the first at row {broken[0]};"
            " look at that item, or at the precision of the model"
        )
    warnings = []
    zero = lengths == 0
    if zero.any():
        warnings.append(f"{what}: {zero.sum()} of {n} vectors are zero, the first at row {np.argmax(zero)}")
    off = ~zero & (np.abs(lengths - 1) > 1e-3)
    if off.any():
        warnings.append(
            f"{what}: {off.sum()} of {n} vectors were not of unit length (from {lengths[off].min():.4g}"
            f" to {lengths[off].max():.4g}) and were normalised"
        )
        found = np.divide(found, lengths[:, None], out=found.copy(), where=off[:, None], casting="same_kind")
    likeness = 1.0 if zero.all() else float(np.square(found.mean(axis=0, dtype=np.float64)).sum())
    collapsed = n > 1 and likeness > 0.999
    if collapsed:
        warnings.append(
            f"{what}: collapsed: all {n} vectors are practically alike (mean cosine {likeness:.6f}), so the scores mean"
            " nothing; see whether the weights were loaded"
        )
    return CheckedVectors(found, warnings, collapsed)


def rank(
    queries: Vectors,
    candidates: Vectors,
    query_ids: Sequence[str],
    candidate_ids: Sequence[str],
    pools: Mapping[str, Sequence[str]] | None = None,
    *,
    k: int = 100,
    device: str = "cpu",
    block_bytes: int = 256 << 20,
) -> Run:
    """Rank each query's pool by dot product, best first; equal scores by id, in string order.

    The order in which things are listed must not matter: MMEB lists the relevant candidate first in every image pool,
    so keeping that order on a tie would give a model that embeds everything alike a perfect score. Queries and
    candidates are therefore sorted by id before anything is computed, and equal vectors are scored once, since a
    matrix product may round the same sum differently at another position.

    Args:
        queries: float32 unit rows, (queries, dimensions).
        candidates: float32 unit rows, (candidates, dimensions).
        query_ids: one a row of `queries`.
        candidate_ids: one a row of `candidates`.
        pools: candidates each query may be ranked against; None means all of them. A candidate that a pool lists
            twice is ranked twice, as the official evaluator does.
        k: places to keep of each ranking.
        device: where torch multiplies.
        block_bytes: memory for the scores of one block of queries.

    Returns:
        Rankings and their float32 dot products, queries by id.

    Raises:
        DataError: ids that are not unique or do not fit the vectors, or a pool that is missing or lists strangers.
    """
    import torch

    query_rows, query_ids = _by_id(query_ids, len(queries), "query")
    candidate_rows, candidate_ids = _by_id(candidate_ids, len(candidates), "candidate")
    if queries.shape[1] != candidates.shape[1]:
        raise DataError(f"queries have {queries.shape[1]} dimensions and candidates {candidates.shape[1]}")
    group, first = _distinct(candidates, candidate_rows)
    distinct = torch.from_numpy(np.take(candidates, candidate_rows[first], axis=0)).to(device)
    sharing = _group_by_pool(pools, query_ids, candidate_ids)
    depth = min(max(k, DEEPEST_METRIC + 1), max((len(members) for members, _ in sharing), default=0))
    empty = np.full((len(query_ids), depth), -1)
    table = _Table(empty, np.full(empty.shape, np.nan, dtype=np.float32))
    with ExitStack() as after:  # a model may have allowed TensorFloat-32 or bfloat16 products
        after.callback(torch.set_float32_matmul_precision, torch.get_float32_matmul_precision())
        torch.set_float32_matmul_precision("highest")
        for members, rows in sharing:
            pool = _Pool.of(members, group)
            vectors = _filled(pool.pick(distinct), ROWS)
            step = pool.rows_within(block_bytes, depth)
            for start in range(0, len(rows), step):
                block = rows[start : start + step]
                asked = torch.from_numpy(np.take(queries, query_rows[block], axis=0)).to(device)
                scores = (_filled(asked, -(-len(asked) // ROWS) * ROWS) @ vectors.T)[: len(block), : len(pool.columns)]
                values, columns = _best(scores, depth)
                del scores  # the next block needs its memory
                table.fill(block, pool, values.cpu().numpy(), columns.cpu().numpy())
    return table.run(query_ids, candidate_ids, k)


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
        """Pool of the given candidates (sorted, perhaps with copies), `group` telling the vector of each candidate."""
        columns, first, place = np.unique(group[members], return_index=True, return_inverse=True)
        order = np.argsort(first)
        place = np.argsort(order)[place]
        sizes = np.bincount(place, minlength=len(columns))
        return cls(columns[order], members[np.argsort(place, kind="stable")], np.cumsum(sizes) - sizes, sizes)

    def pick(self, distinct: Tensor) -> Tensor:
        """The vectors of the columns; the whole matrix, without a copy, where they are just that."""
        return distinct if np.array_equal(self.columns, np.arange(len(distinct))) else distinct[self.columns]

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


def _by_id(ids: Sequence[str], n: int, what: str) -> tuple[Indices, list[str]]:
    """Rows in the order of their ids, and the ids in that order."""
    ids = list(ids)
    if len(ids) != n:
        raise DataError(f"expected one {what} id a vector, found {len(ids)} ids and {n} vectors")
    if len(set(ids)) < n:
        twice = next(name for name, count in Counter(ids).items() if count > 1)
        raise DataError(f"{what} id {twice!r} is listed {ids.count(twice)} times; ids must be unique")
    rows = sorted(range(n), key=ids.__getitem__)
    return np.array(rows, dtype=np.int64), [ids[row] for row in rows]


def _distinct(vectors: Vectors, rows: Indices) -> tuple[Indices, Indices]:
    """Number of each row's vector, counting distinct vectors in order; and where each number first occurs."""
    numbers: dict[bytes, int] = {}  # adding zero below turns -0.0 into 0.0, which is equal but has other bytes
    digests = (blake2b((vectors[row] + 0.0).tobytes(), digest_size=16).digest() for row in rows)
    group = np.fromiter((numbers.setdefault(digest, len(numbers)) for digest in digests), np.int64, len(rows))
    return group, np.unique(group, return_index=True)[1]


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


def _filled(rows: Tensor, n: int) -> Tensor:
    """The rows, followed by zeros if they are fewer than n."""
    from torch.nn.functional import pad

    return pad(rows, (0, 0, 0, n - len(rows))) if len(rows) < n else rows

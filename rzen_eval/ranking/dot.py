"""From vectors to a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rzen_eval.errors import DataError, ModelError
from rzen_eval.ranking.top_k import ROWS, USUAL, Indices, RankSettings, Scores, best_first, by_id, distinct, filled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor

    from rzen_eval.core import Run, Vectors


ALIKE = 0.999
"""Mean cosine above which items count as all alike."""


@dataclass(frozen=True, slots=True)
class CheckedVectors:
    """Vectors that can be ranked, with what is odd about them."""

    vectors: Vectors
    """Unit rows (zero rows stay zero) unless lengths were asked to be kept, float32, contiguous: (n, dimensions)."""
    warnings: list[str]
    collapsed: bool
    """Whether the vectors are practically all alike, so that a ranking says nothing."""


def check_vectors(vectors: Any, ids: Sequence[str], what: str, *, unit: bool = True) -> CheckedVectors:
    """Refuse vectors that cannot be ranked, and give rows unit length where they lack it.

    Args:
        vectors: an array of shape (n, dimensions), as a model returned it.
        ids: of the items, for messages.
        what: the model and the items, for messages: "constant on ViDoRe_arxivqa, candidates".
        unit: whether rows are made unit length; else they are left as they are.

    Returns:
        The vectors as float32. Rows within 0.001 of unit length are left as they are.

    Raises:
        ModelError: another shape, another number of rows, or values that are not finite.
    """
    n = len(ids)
    with np.errstate(over="ignore"):
        found = np.ascontiguousarray(vectors, dtype=np.float32)
    if found.ndim != 2 or found.shape[0] != n or found.shape[1] == 0:
        raise ModelError(f"{what}: expected vectors of shape ({n}, dimensions), found {found.shape}")
    rows = unit_rows(found, what, lambda row: f"of item {ids[row]!r}")
    zero = not rows.vectors.any()
    likeness = 1.0 if zero else float(np.square(rows.vectors.mean(axis=0, dtype=np.float64)).sum())
    collapsed, warning = collapse(likeness, n, what)
    if unit:
        return CheckedVectors(rows.vectors, [*rows.zero, *rows.normalised, *warning], collapsed)
    return CheckedVectors(found, [*rows.zero, *warning], collapsed)


@dataclass(frozen=True, slots=True)
class UnitRows:
    """Vectors made unit length, with warnings of what was not."""

    vectors: Vectors
    """Zero rows stay zero: (n, dimensions)."""
    zero: list[str]
    normalised: list[str]


def unit_rows(rows: Vectors, what: str, place: Callable[[int], str]) -> UnitRows:
    """Rows of unit length.

    Args:
        rows: any number of vectors, (n, dimensions).
        what: the model and the items, for messages.
        place: where a row is, for messages.

    Raises:
        ModelError: values that are not finite.
    """
    n = len(rows)
    found = np.ascontiguousarray(rows, dtype=np.float32)
    lengths = np.sqrt(np.einsum("nd,nd->n", found, found, dtype=np.float64))
    broken = np.flatnonzero(~np.isfinite(lengths))
    if len(broken):
        raise ModelError(
            f"{what}: {len(broken)} of {n} vectors are not finite, the first {place(int(broken[0]))};"
            " look at that item, or at the precision of the model"
        )
    bare, normalised = [], []
    zero = lengths == 0
    if zero.any():
        bare.append(f"{what}: {zero.sum()} of {n} vectors are zero, the first {place(int(np.argmax(zero)))}")
    off = ~zero & (np.abs(lengths - 1) > 1e-3)
    if off.any():
        normalised.append(
            f"{what}: {off.sum()} of {n} vectors were not of unit length (from {lengths[off].min():.4g}"
            f" to {lengths[off].max():.4g}) and were normalised"
        )
        found = np.divide(found, lengths[:, None], out=found.copy(), where=off[:, None], casting="same_kind")
    return UnitRows(found, bare, normalised)


def collapse(likeness: float, n: int, what: str) -> tuple[bool, list[str]]:
    """Whether n items are practically all alike, and the warning that says so."""
    if n == 1 or likeness <= ALIKE:
        return False, []
    warning = (
        f"{what}: collapsed: all {n} vectors are practically alike (mean cosine {likeness:.6f}), so the scores mean"
        " nothing; see whether the weights were loaded"
    )
    return True, [warning]


def rank(
    queries: Vectors,
    candidates: Vectors,
    query_ids: Sequence[str],
    candidate_ids: Sequence[str],
    pools: Mapping[str, Sequence[str]] | None = None,
    *,
    settings: RankSettings = USUAL,
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
        settings: how many places, where, and with how much memory.

    Returns:
        Rankings and their float32 dot products, queries by id.

    Raises:
        DataError: ids that are not unique or do not fit the vectors, or a pool that is missing or lists strangers.
    """
    import torch

    query_rows, query_ids = by_id(query_ids, len(queries), "query")
    larger_first = settings.larger_id_first
    candidate_rows, candidate_ids = by_id(candidate_ids, len(candidates), "candidate", larger_first=larger_first)
    if queries.shape[1] != candidates.shape[1]:
        raise DataError(f"queries have {queries.shape[1]} dimensions and candidates {candidates.shape[1]}")
    group, first = distinct(candidates, candidate_rows)
    pick = _picker(candidates, candidate_rows[first], settings.device)

    def against(columns: Indices) -> Scores:
        vectors = filled(pick(columns), ROWS)

        def scores(rows: Indices) -> Tensor:
            asked = torch.from_numpy(np.take(queries, query_rows[rows], axis=0)).to(settings.device)
            return (filled(asked, -(-len(asked) // ROWS) * ROWS) @ vectors.T)[: len(rows), : len(columns)]

        return scores

    return best_first(against, query_ids, candidate_ids, group, pools, settings=settings)


def _picker(candidates: Vectors, rows: Indices, device: str) -> Callable[[Indices], Tensor]:
    """Takes some of the given rows to a device; to another than the CPU all go at once, and are picked there."""
    import torch

    if device == "cpu":
        return lambda columns: torch.from_numpy(np.take(candidates, rows[columns], axis=0))
    there = torch.from_numpy(np.take(candidates, rows, axis=0)).to(device)
    return lambda columns: there if np.array_equal(columns, np.arange(len(rows))) else there[columns]

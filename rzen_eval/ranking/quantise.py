"""Vectors made smaller: fewer dimensions, fewer bits."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from rzen_eval.core import MultiVectors

if TYPE_CHECKING:
    from rzen_eval.core import Vectors


class Precision(StrEnum):
    """How a dimension of a stored vector is written down."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    INT8 = "int8"
    BINARY = "binary"

    def bytes(self, dims: int) -> int:
        """Bytes that a vector takes; the ranges of int8, one pair a dimension of the whole corpus, are not counted."""
        bits = {Precision.FLOAT32: 32, Precision.FLOAT16: 16, Precision.INT8: 8, Precision.BINARY: 1}[self]
        return -(-dims * bits // 8)


def shrink(
    queries: Vectors | MultiVectors, candidates: Vectors | MultiVectors, dims: int, precision: Precision
) -> tuple[Vectors | MultiVectors, Vectors | MultiVectors]:
    """Both sides with fewer dimensions, then at a precision: `truncate` and `quantise` of all their vectors.

    Args:
        queries: float32 unit rows, (queries, dimensions), or several an item.
        candidates: likewise, (candidates, dimensions).
        dims: how many to keep.
        precision: of what is stored.

    Returns:
        Both in their forms, (queries, dims) and (candidates, dims).
    """
    left, right = (side.rows if isinstance(side, MultiVectors) else side for side in (queries, candidates))
    left, right = quantise(truncate(left, dims), truncate(right, dims), precision)
    return (
        MultiVectors(left, queries.offsets) if isinstance(queries, MultiVectors) else left,
        MultiVectors(right, candidates.offsets) if isinstance(candidates, MultiVectors) else right,
    )


def truncate(vectors: Vectors, dims: int) -> Vectors:
    """The first dimensions of each vector, made unit length again; zero rows stay zero.

    Source: Kusupati et al. 2022, Matryoshka Representation Learning. A model that was not trained so loses more.

    Args:
        vectors: float32 unit rows, (n, dimensions).
        dims: how many to keep; all of them returns the vectors as they are.
    """
    if dims == vectors.shape[1]:
        return vectors
    kept = vectors[:, :dims]
    lengths = np.sqrt(np.einsum("nd,nd->n", kept, kept, dtype=np.float64))[:, None]
    unit: Vectors = np.divide(kept, lengths, out=np.zeros_like(kept), where=lengths > 0, casting="same_kind")
    return unit


def quantise(queries: Vectors, candidates: Vectors, precision: Precision) -> tuple[Vectors, Vectors]:
    """Queries and candidates whose float32 dot products are the scores at a precision.

    float16 and int8 are what a corpus is stored in: a query, which is not stored, stays float32 and is compared with
    the values that the stored codes stand for, as FAISS's scalar quantiser does. int8 cuts each dimension's range over
    the candidates into 255 equal steps and rounds to the nearest, as Sentence-Transformers' `quantize_embeddings`,
    but for rounding, does. Products of the bare codes would weigh each dimension by the inverse of its range, which is
    another similarity; values are therefore compared.

    binary keeps of both sides whether a dimension is above zero. The score is dimensions - 2 x Hamming distance,
    exact in float32; equal distances are many, and are ties.

    Args:
        queries: float32, (queries, dimensions).
        candidates: float32, (candidates, dimensions); ranges are measured on them.
        precision: of what is stored.
    """
    if precision is Precision.FLOAT16:
        return queries, candidates.astype(np.float16).astype(np.float32)
    if precision is Precision.INT8:
        return queries, _through_int8(candidates)
    if precision is Precision.BINARY:
        return _signs(queries), _signs(candidates)
    return queries, candidates


def _through_int8(vectors: Vectors) -> Vectors:
    low, high = vectors.min(axis=0), vectors.max(axis=0)
    step = (high - low) / np.float32(255)
    scaled = np.divide(vectors - low, step, out=np.zeros_like(vectors), where=step > 0)
    codes = (np.rint(scaled) - 128).astype(np.int8)
    values: Vectors = low + (codes.astype(np.float32) + 128) * step
    return values


def _signs(vectors: Vectors) -> Vectors:
    return np.where(vectors > 0, np.float32(1), np.float32(-1))

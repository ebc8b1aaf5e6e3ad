"""Many vectors an item: taken from an embedder, and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rzen_eval.core import MultiVectors
from rzen_eval.errors import ModelError
from rzen_eval.ranking.dot import ALIKE, collapse, unit_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rzen_eval.core import Vectors


@dataclass(frozen=True, slots=True)
class CheckedMultiVectors:
    """Vectors that can be ranked by MaxSim, with what is odd about them."""

    vectors: MultiVectors
    """Unit rows (zero rows stay zero) unless lengths were asked to be kept, float32; at least one an item."""
    warnings: list[str]
    collapsed: bool
    """Whether the items are practically all alike, so that a ranking says nothing."""


def as_vectors(returned: Any) -> Vectors | MultiVectors:
    """What an embedder returned, as float32 and not yet checked.

    Args:
        returned: an array of shape (n, dim), a list of n arrays of shape (vectors, dim), or MultiVectors; torch tensors
            of any kind count as arrays.

    Returns:
        MultiVectors where items have rows of their own, else an array.

    Raises:
        ModelError: it is none of these, or the dimensions of the items differ.
    """
    if isinstance(returned, MultiVectors):
        return returned
    try:
        if isinstance(returned, (list, tuple)) and any(getattr(part, "ndim", 0) == 2 for part in returned):
            return _stacked([_array(part) for part in returned])
        return _array(returned)
    except (TypeError, ValueError) as error:
        raise ModelError(
            "expected an array of shape (n, dim) from embed, or a list of n arrays of shape (vectors, dim), found"
            f" {type(returned).__name__} ({error})"
        ) from error


def _array(returned: Any) -> NDArray[np.float32]:
    if hasattr(returned, "detach"):
        returned = returned.detach().float().cpu()
    with np.errstate(over="ignore"):
        return np.asarray(returned, dtype=np.float32)


def _stacked(parts: Sequence[NDArray[np.float32]]) -> MultiVectors:
    dim = parts[0].shape[-1]
    for place, part in enumerate(parts):
        if part.ndim != 2 or part.shape[1] != dim:
            raise ModelError(
                f"item {place} of {len(parts)}: expected vectors of shape (vectors, {dim}), found {part.shape}"
            )
    return MultiVectors.of(parts)


def same_form(
    left: Vectors | MultiVectors, right: Vectors | MultiVectors
) -> tuple[Vectors, Vectors] | tuple[MultiVectors, MultiVectors]:
    """Both sides of a task as MultiVectors if one is: where all queries have but one token, say.

    Args:
        left: one vector an item, (items, dimensions), or several.
        right: likewise; of another number of items.
    """
    if not isinstance(left, MultiVectors) and not isinstance(right, MultiVectors):
        return left, right
    return _several(left), _several(right)


def _several(vectors: Vectors | MultiVectors) -> MultiVectors:
    if isinstance(vectors, MultiVectors):
        return vectors
    return MultiVectors(vectors, np.arange(len(vectors) + 1))


def check_multi_vectors(
    vectors: MultiVectors, ids: Sequence[str], what: str, *, unit: bool = True
) -> CheckedMultiVectors:
    """Refuse vectors that cannot be ranked, and give rows unit length where they lack it.

    Args:
        vectors: as a model returned them.
        ids: of the items, for messages.
        what: the model and the items, for messages: "constant on ViDoRe_arxivqa, candidates".
        unit: whether rows are made unit length; else they are left as they are.

    Returns:
        The vectors. Rows within 0.001 of unit length are left as they are.

    Raises:
        ModelError: another number of items, an item without a vector, or values that are not finite.
    """
    if len(vectors) != len(ids) or vectors.rows.shape[1] == 0:
        raise ModelError(
            f"{what}: expected vectors of {len(ids)} items, found {len(vectors)} items of {vectors.rows.shape[1]}"
            " dimensions"
        )
    bare = np.flatnonzero(vectors.lengths == 0)
    if len(bare):
        raise ModelError(
            f"{what}: {len(bare)} of {len(ids)} items have no vector, the first is {ids[bare[0]]!r};"
            " a model must give each item at least one"
        )

    def place(row: int) -> str:
        return f"in item {ids[int(np.searchsorted(vectors.offsets, row, side='right')) - 1]!r}"

    rows = unit_rows(vectors.rows, what, place)
    checked = MultiVectors(rows.vectors, vectors.offsets)
    collapsed, warning = collapse(_likeness(checked), len(ids), what)
    if unit:
        return CheckedMultiVectors(checked, [*rows.zero, *rows.normalised, *warning], collapsed)
    return CheckedMultiVectors(vectors, [*rows.zero, *warning], collapsed)


def _likeness(vectors: MultiVectors) -> float:
    """How much like the first item the others are: 1 where each has the same vectors, in any order and number.

    Of an item and the first, each vector of one is compared with the one nearest to it in the other; the lower of the
    two means counts, so that an item which is a part of another is not alike. A mean over items that is sure to stay
    below what counts as collapsed is not worked out to the end.
    """
    lacking, first = 0.0, vectors[0]
    for item in range(len(vectors)):
        products = vectors[item] @ first.T
        lacking += 1 - min(float(products.max(axis=axis).mean(dtype=np.float64)) for axis in (0, 1))
        if lacking > 2 * (1 - ALIKE) * len(vectors):
            break
    return 1 - lacking / len(vectors)

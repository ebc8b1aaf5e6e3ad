"""Many vectors an item: taken from an embedder, and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rzen_eval.core import MultiVectors
from rzen_eval.errors import ModelError, reason
from rzen_eval.ranking.dot import ALIKE, collapse, unit_rows

if TYPE_CHECKING:
    from collections.abc import Collection

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


def as_vectors(made: Any, n: int) -> Vectors | MultiVectors:
    """What an embedder returned for n items, as float32; values are not yet checked.

    Args:
        made: an array of shape (n, dim) or (n, vectors, dim), a list of n arrays of shape (dim,) or (vectors, dim), or
            MultiVectors; torch tensors of any kind count as arrays, wherever they are.
        n: items that it was given.

    Returns:
        MultiVectors where items have rows of their own, else an array.

    Raises:
        ModelError: it is none of these, of another number of items, or the dimensions of the items differ.
    """
    try:
        found = _form(made)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ModelError(_refusal(n, f"{type(made).__name__} ({reason(error, 100)})")) from error
    if len(found) != n:
        raise ModelError(_refusal(n, f"{len(found)}"))
    return found


def _refusal(n: int, instead: str) -> str:
    return (
        f"expected vectors of {n} items from embed, an array of shape ({n}, dimensions) or {n} arrays of shape"
        f" (vectors, dimensions), found {instead}"
    )


def _form(made: Any) -> Vectors | MultiVectors:
    if isinstance(made, MultiVectors):
        return made
    if not hasattr(made, "ndim"):
        if not isinstance(made, Sequence) or isinstance(made, (str, bytes)):
            raise TypeError("neither an array nor a list")
        return _of_parts([real_numbers(part) for part in made])
    array = real_numbers(made)
    if array.ndim not in (2, 3):
        raise ValueError(f"of shape {array.shape}")
    return array if array.ndim == 2 else MultiVectors.of(list(array))


def _of_parts(parts: Sequence[NDArray[np.float32]]) -> Vectors | MultiVectors:
    """Of one array an item."""
    if not parts:
        return np.zeros((0, 0), dtype=np.float32)
    first = parts[0]
    for place, part in enumerate(parts):
        if part.ndim not in (1, 2) or part.ndim != first.ndim or part.shape[-1] != first.shape[-1]:
            wanted = "(dimensions,) or (vectors, dimensions)" if part is first else f"that of item 0, {first.shape}"
            raise ValueError(f"item {place} of {len(parts)} has shape {part.shape}, expected {wanted}")
    return np.stack(parts) if first.ndim == 1 else MultiVectors.of(parts)


def real_numbers(value: Any) -> NDArray[np.float32]:
    """An array of the same shape as what a model returned; a tensor may be of any kind, and on a device.

    Raises:
        TypeError: it holds something else, texts or complex numbers, say.
        ValueError, RuntimeError: it cannot be made an array.
    """
    if hasattr(value, "detach"):
        value = value.detach()
        value = (value if value.is_complex() else value.float()).cpu().numpy()
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"values of type {array.dtype}, no real numbers")
    with np.errstate(over="ignore"):
        return array.astype(np.float32, copy=False)


def by_item(vectors: Vectors | MultiVectors) -> list[Vectors]:
    """For each item its vectors, shape (vectors, dim)."""
    several = _several(vectors)
    return [several[place] for place in range(len(several))]


def joined(rows: Sequence[Vectors]) -> Vectors | MultiVectors:
    """Vectors of items, given item by item, each of shape (vectors, dim).

    Returns:
        An array of shape (n, dim) where each item has one, else MultiVectors.

    Raises:
        ModelError: the dimensions of the items differ.
    """
    need_one_dimension({part.shape[1] for part in rows})
    if not rows:
        return np.zeros((0, 0), dtype=np.float32)
    return np.concatenate(rows) if all(len(part) == 1 for part in rows) else MultiVectors.of(rows)


def need_one_dimension(found: Collection[int]) -> None:
    """Refuse vectors of several dimensions.

    Raises:
        ModelError: there are several.
    """
    if len(found) > 1:
        raise ModelError(
            f"items have vectors of {min(found)} and of {max(found)} dimensions; a model must give all the same"
        )


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
        return f"of item {ids[int(np.searchsorted(vectors.offsets, row, side='right')) - 1]!r}"

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

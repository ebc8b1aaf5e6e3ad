"""What the vision towers of Qwen2-VL, Qwen2.5-VL and Qwen3-VL derive from the sizes of pictures, known beforehand.

The stock towers work it out on the device, which has to be waited for; they take it ready made, too, and then nothing
is read back.

Source: `transformers.vision_utils`, which these equal.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from rzen_eval.models.families.attention import Segments
from rzen_eval.models.pictures.patches import SHAPES, Grid, order

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch
    from numpy.typing import NDArray


def taken_ready_made() -> bool:
    """Whether the installed transformers has towers that take these numbers; before 5.23 or so they do not."""
    from importlib.util import find_spec

    if find_spec("transformers.vision_utils") is None:
        return False
    from transformers import vision_utils

    needed = ("get_vision_attention_seqlens", "get_vision_interpolation_indices_and_weights")
    return all(hasattr(vision_utils, name) for name in needed)


@lru_cache(SHAPES)
def windows(grid: Grid, merge: int, side: int) -> tuple[NDArray[np.int64], tuple[int, ...]]:
    """Visual tokens window by window, shape (tokens,), and patches of each window.

    Args:
        grid: patches by time, row and column.
        merge: patches along the side of a visual token.
        side: visual tokens along the side of a window; those at the edges may be smaller.
    """
    time, rows, columns = grid[0], grid[1] // merge, grid[2] // merge
    when, row, column = np.indices((time, rows, columns)).reshape(3, -1)
    down, across = -(-rows // side), -(-columns // side)
    window = (when * down + row // side) * across + column // side
    return np.argsort(window, kind="stable"), tuple((np.bincount(window) * merge**2).tolist())


@lru_cache(SHAPES)
def interpolation(grid: Grid, merge: int, side: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The four learned positions around each patch and their weights, each of shape (patches, 4).

    Args:
        grid: patches by time, row and column.
        merge: patches along the side of a visual token.
        side: learned positions along the side of their square, which is stretched over the picture.
    """
    _, row, column = order(grid, merge).T
    (rows, by_row), (columns, by_column) = _around(row, grid[1], side), _around(column, grid[2], side)
    places = rows[:, :, None] * side + columns[:, None, :]
    return places.reshape(-1, 4), (by_row[:, :, None] * by_column[:, None, :]).reshape(-1, 4)


def _around(place: NDArray[np.int64], length: int, side: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    at = place.astype(np.float32) * np.float32(side - 1) / np.float32(max(length - 1, 1))
    below, both = np.floor(at), np.arange(2)
    near = np.clip(below.astype(np.int64)[:, None] + both, 0, side - 1)
    far = np.abs(at[:, None] - below[:, None] - both.astype(np.float32))
    return near, np.maximum(np.float32(1) - far, np.float32(0))


def arrays(grids: Sequence[Grid], vision: Any) -> dict[str, Any]:
    """All numbers that a tower takes ready made, under the names that it has for them.

    Args:
        grids: of the pictures of a batch.
        vision: the vision part of the model's configuration.
    """
    merge = vision.spatial_merge_size
    made: dict[str, Any] = {
        "grid_thw": np.array(grids, dtype=np.int64),
        "position_ids": np.concatenate([order(grid, merge)[:, 1:] for grid in grids]),
        "cu_seqlens": bounds(Segments.of(frames(grids))),
    }
    if side := window_side(vision):
        ordered = [windows(grid, merge, side)[0] for grid in grids]
        starts = np.cumsum([0, *map(len, ordered)])
        made["window_index"] = np.concatenate([part + start for part, start in zip(ordered, starts, strict=False)])
        made["cu_window_seqlens"] = bounds(Segments.of(in_windows(grids, vision)))
    if learned := getattr(vision, "num_position_embeddings", None):
        around = [interpolation(grid, merge, int(learned**0.5)) for grid in grids]
        made["interp_indices"] = np.concatenate([places for places, _ in around])
        made["interp_weights"] = np.concatenate([weights for _, weights in around])
    return made


def given(sent: Mapping[str, torch.Tensor], grids: Sequence[Grid], vision: Any) -> dict[str, Any]:
    """What a tower is called with beside patches: `arrays` on the device, bounds marked, longest ones as integers."""
    if not taken_ready_made():
        return {"grid_thw": sent["grid_thw"]}
    names = ("grid_thw", "position_ids", "window_index", "interp_indices", "interp_weights")
    whole = Segments.of(frames(grids))
    made: dict[str, Any] = {name: sent[name] for name in names if name in sent}
    made |= {"cu_seqlens": whole.marked(sent["cu_seqlens"]), "max_seqlen": whole.longest}
    if "cu_window_seqlens" in sent:
        part = Segments.of(in_windows(grids, vision))
        made |= {"cu_window_seqlens": part.marked(sent["cu_window_seqlens"]), "max_window_seqlen": part.longest}
    return made


def frames(grids: Sequence[Grid]) -> list[int]:
    """Patches of each picture and of each pair of frames, which see each other alone."""
    return [rows * columns for time, rows, columns in grids for _ in range(time)]


def in_windows(grids: Sequence[Grid], vision: Any) -> list[int]:
    """Patches of each window."""
    merge, side = vision.spatial_merge_size, window_side(vision)
    return [length for grid in grids for length in windows(grid, merge, side)[1]]


def window_side(vision: Any) -> int:
    """Visual tokens along the side of a window; 0: there are none."""
    size = getattr(vision, "window_size", None)
    return size // vision.spatial_merge_size // vision.patch_size if size else 0


def bounds(segments: Segments) -> NDArray[np.int32]:
    """As attention takes them."""
    return np.array(segments.bounds, dtype=np.int32)

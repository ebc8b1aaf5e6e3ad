"""From pixels to the patches that Qwen2-VL's vision tower reads, all pictures of a batch at once."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch
    from numpy.typing import NDArray

    from rzen_eval.models.checkpoint.image_settings import ImageSettings
    from rzen_eval.models.pictures.resize import Pixels

Grid = tuple[int, int, int]
"""Patches of a picture or clip by time, row and column."""
SHAPES = 64
"""Shapes of pictures whose tables are kept."""


def grid(visual: Pixels, vision: Any) -> Grid:
    """Of an image, shape (height, width, 3), or a clip, shape (frames, height, width, 3); sides fit the patches."""
    frames = len(visual) if visual.ndim == 4 else 1
    height, width = visual.shape[-3:-1]
    return -(-frames // vision.temporal_patch_size), height // vision.patch_size, width // vision.patch_size


@lru_cache(SHAPES)
def order(grid: Grid, merge: int) -> NDArray[np.int64]:
    """Time, row and column of each patch, shape (patches, 3): two by two as they are merged, then by row, column, time.

    Args:
        grid: of a picture.
        merge: patches along the side of a visual token.
    """
    time, rows, columns = grid
    places = np.indices(grid).reshape(3, time, rows // merge, merge, columns // merge, merge)
    return np.ascontiguousarray(places.transpose(0, 1, 2, 4, 3, 5).reshape(3, -1).T)


@lru_cache(SHAPES)
def _strips(grid: Grid, frames: int, vision: tuple[int, int, int]) -> NDArray[np.int64]:
    """Of each patch the strip of pixels that it begins with in each of its frames, and how many strips a line has.

    A strip is as many pixels of a line as a patch is wide, so that a picture is whole strips.

    Returns:
        Shape (patches, frames of a patch + 1).
    """
    size, merge, time = vision
    when, row, column = order(grid, merge).T
    # A still image stands for both halves of a temporal patch, and so does an odd last frame.
    frame = np.minimum(when[:, None] * time + np.arange(time), frames - 1)
    first = frame * grid[1] * size * grid[2] + (row * size * grid[2] + column)[:, None]
    return np.concatenate([first, np.full((len(first), 1), grid[2])], axis=1)


def table(visuals: Sequence[Pixels], vision: Any) -> NDArray[np.int64]:
    """Where the patches of all pictures of a batch lie in their pixels, one picture after the other; see `_strips`."""
    settings = vision.patch_size, vision.spatial_merge_size, vision.temporal_patch_size
    parts, start = [], 0
    for visual in visuals:
        part = _strips(grid(visual, vision), len(visual) if visual.ndim == 4 else 1, settings).copy()
        part[:, :-1] += start
        parts.append(part)
        start += visual.size // (3 * vision.patch_size)
    return np.concatenate(parts)


def cut(sent: Mapping[str, torch.Tensor], settings: ImageSettings, vision: Any, dtype: torch.dtype) -> torch.Tensor:
    """Normalised patches of all pictures of a batch, shape (patches, values of a patch).

    Args:
        sent: on the device, `pixels`, uint8, all pictures as one flat array, `table`, and `channels` of the settings.
        settings: how pixels become numbers.
        vision: the vision part of the model's configuration.
        dtype: of the result.
    """
    import torch

    size, found = vision.patch_size, sent["table"]
    lines = found[:, -1:, None] * torch.arange(size, device=found.device)
    strips = sent["pixels"].view(-1, 3 * size).index_select(0, (found[:, :-1, None] + lines).flatten())
    split = strips.view(len(found), -1, size, size, 3).permute(0, 1, 4, 2, 3)
    return settings.normalised(split, sent["channels"]).to(dtype).transpose(1, 2).flatten(1)

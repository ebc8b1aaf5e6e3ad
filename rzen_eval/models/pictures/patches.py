"""From pixels to the patches that Qwen2-VL's vision tower reads."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from rzen_eval.models.checkpoint.image_settings import ImageSettings
    from rzen_eval.models.pictures.resize import Pixels


def cut(
    visuals: Sequence[Pixels], settings: ImageSettings, vision: Any, dtype: torch.dtype, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Normalised patches in Qwen2-VL's order: two by two as they are merged, then by row, column and time.

    Args:
        visuals: images, shape (height, width, 3), and clips, shape (frames, height, width, 3); sides fit the patches.
        settings: how pixels become numbers.
        vision: the vision part of the model's configuration.
        dtype: of the result.
        device: to work on.

    Returns:
        Patches, shape (n, values of a patch), and grids (t, h, w), shape (visuals, 3).
    """
    import torch

    size, merge, time = vision.patch_size, vision.spatial_merge_size, vision.temporal_patch_size
    flat, grids = [], []
    for visual in visuals:
        frames = torch.tensor(visual, device=device).view(-1, *visual.shape[-3:])
        frames = settings.normalised(frames.permute(0, 3, 1, 2))
        # A still image stands for both halves of a temporal patch, and so does an odd last frame.
        frames = torch.cat([frames, frames[-1:].expand(-len(frames) % time, -1, -1, -1)])
        grid = [len(frames) // time, frames.shape[2] // size, frames.shape[3] // size]
        split = frames.view(grid[0], time, 3, grid[1] // merge, merge, size, grid[2] // merge, merge, size)
        flat.append(split.permute(0, 3, 6, 4, 7, 2, 1, 5, 8).reshape(math.prod(grid), -1).to(dtype))
        grids.append(grid)
    return torch.cat(flat), torch.tensor(grids, device=device)

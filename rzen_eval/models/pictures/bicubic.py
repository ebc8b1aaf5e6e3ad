"""Bicubic resizing in floating point, rounded once, as torchvision resizes the frames of a clip.

Pillow rounds after each of its two passes, and of one byte in ten comes to a neighbour of torchvision's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from rzen_eval.models.pictures.fit import Size

Floats = NDArray[np.float32]
SHARPNESS = np.float32(-0.5)
"""Of the bicubic filter where a picture may shrink; Pillow's too."""
REACH = np.float32(2.0)
"""Pixels that it reaches to each side, of the coarser of the two grids."""


def resized(pixels: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """A picture of another size.

    Args:
        pixels: shape (height, width, 3).
        size: width and height wanted.
    """
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1)).astype(np.float32)
    across, down = (_weights(*lengths) for lengths in zip(planes.shape[:0:-1], size, strict=True))
    made = np.matmul(down, np.matmul(planes, across.T))
    rounded: NDArray[np.uint8] = np.round(np.clip(made, 0, 255)).astype(np.uint8).transpose(1, 2, 0)
    return np.ascontiguousarray(rounded)


def _weights(length: int, wanted: int) -> Floats:
    """How much of each pixel of a row is in each of the wanted ones, shape (wanted, length)."""
    scale = np.float32(length) / np.float32(wanted)
    coarser = max(scale, np.float32(1.0))
    support = REACH * coarser
    centers = scale * (np.arange(wanted, dtype=np.float32) + np.float32(0.5))
    places = np.arange(length, dtype=np.float32)
    first = np.maximum((centers - support + np.float32(0.5)).astype(np.int64), 0)
    end = np.minimum((centers + support + np.float32(0.5)).astype(np.int64), length)
    distances: Floats = (np.abs(places - centers[:, None] + np.float32(0.5)) / coarser).astype(np.float32)
    weights = _filter(distances)
    weights[(places < first[:, None]) | (places >= end[:, None])] = 0
    normalised: Floats = weights / weights.sum(axis=1, keepdims=True, dtype=np.float32)
    return normalised


def _filter(distance: Floats) -> Floats:
    near = ((SHARPNESS + 2) * distance - (SHARPNESS + 3)) * distance * distance + 1
    far = (((distance - 5) * distance + 8) * distance - 4) * SHARPNESS
    found: Floats = np.where(distance < 1, near, np.where(distance < REACH, far, 0)).astype(np.float32)
    return found

"""From a picture to the pixels of its patches, in workers that need nothing but Pillow and numpy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rzen_eval.media import open_rgb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.core import Media
    from rzen_eval.models.spec import Budget

TOKEN = 28
"""Side in pixels of the square that one visual token covers: patches of 14, merged two by two."""
MAX_RATIO = 200
"""Longest side over shortest; what is beyond is squeezed, as the reference does."""

Pixels = NDArray[np.uint8]
"""One picture, shape (height, width, 3)."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture to load, with the sizes (width, height) that it is resized to in turn."""

    media: Media
    sizes: tuple[tuple[int, int], ...]

    @property
    def n_tokens(self) -> int:
        """Tokens that the picture takes in the prompt."""
        width, height = self.sizes[-1]
        return (width // TOKEN) * (height // TOKEN)


def fit(width: int, height: int, budget: Budget) -> tuple[int, int]:
    """The size nearest to a picture's own with sides in multiples of 28 and an area within the budget.

    Source: `smart_resize` of Qwen2-VL's image processor, with the reference's limit on the aspect ratio.
    """
    area = width * height
    low, high = budget.min_tokens * TOKEN**2, budget.max_tokens * TOKEN**2
    fitted = [max(TOKEN, round(side / TOKEN) * TOKEN) for side in (width, height)]
    if fitted[0] * fitted[1] > high:
        shrink = math.sqrt(area / high)
        fitted = [max(TOKEN, math.floor(side / shrink / TOKEN) * TOKEN) for side in (width, height)]
    elif fitted[0] * fitted[1] < low:
        grow = math.sqrt(low / area)
        fitted = [math.ceil(side * grow / TOKEN) * TOKEN for side in (width, height)]
    limit = min(fitted) * MAX_RATIO
    return min(fitted[0], limit), min(fitted[1], limit)


def load(pictures: Sequence[Picture]) -> list[Pixels]:
    """Decode and resize pictures, bicubic, once for each of their sizes.

    Raises:
        DataError: a picture is missing or damaged.
    """
    loaded = []
    for picture in pictures:
        image = open_rgb(picture.media)
        for size in picture.sizes:
            if image.size != size:
                image = image.resize(size, Image.Resampling.BICUBIC)
        loaded.append(np.asarray(image))
    return loaded

"""From a picture to the pixels of its patches, in workers that need nothing but Pillow and numpy."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rzen_eval.media import image_size, open_rgb, portable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.core import Media
    from rzen_eval.models.spec import Budget, ModelSpec

TOKEN = 28
"""Side in pixels of the square that one visual token covers: patches of 14, merged two by two."""
MAX_RATIO = 200
"""Longest side over shortest; what is beyond is squeezed, as the reference does."""

Size = tuple[int, int]
"""Width and height."""
Pixels = NDArray[np.uint8]
"""One picture, shape (height, width, 3), or a clip, shape (frames, height, width, 3)."""


@dataclass(frozen=True, slots=True)
class Visual:
    """What takes one run of visual tokens in a prompt: a still image or a clip."""

    width: int
    height: int
    frames: int = 0
    """Frames of a clip; 0: a still image."""

    @classmethod
    def of(cls, pixels: Pixels) -> Visual:
        """The size of loaded pixels."""
        return cls(pixels.shape[-2], pixels.shape[-3], len(pixels) if pixels.ndim == 4 else 0)

    @property
    def clip(self) -> bool:
        """Whether it is a clip."""
        return self.frames > 0

    @property
    def n_tokens(self) -> int:
        """Tokens that it takes: every two frames of a clip share theirs, an odd last one is repeated."""
        return (self.width // TOKEN) * (self.height // TOKEN) * max(1, -(-self.frames // 2))


@dataclass(frozen=True, slots=True)
class Sizing:
    """What size a model gives to pictures."""

    image: Budget
    frame: Budget
    first: Budget | None = None
    """Budget of a resize that comes before; None: there is only one."""
    small_side: int | None = None
    """An image with a side below 28 pixels is first made a square of this side; None: it is not."""
    square: int | None = None
    """Side of the square that every picture is made first; None: pictures keep their shape."""
    clip: bool = False
    """Frames go in as one clip, all of the size that suits the first; else each as an image of its own."""

    @classmethod
    def of(cls, spec: ModelSpec) -> Sizing:
        """As a model declares it."""
        return cls(spec.image, spec.frame, spec.first_resize, spec.small_side, spec.square, clip=spec.video == "video")

    def steps(self, size: Size, *, frame: bool) -> list[Size]:
        """The sizes that a picture is resized to in turn."""
        steps = []
        if self.square:
            steps.append(size := (self.square, self.square))
        if self.small_side and not frame and min(size) < TOKEN:
            steps.append(size := (self.small_side, self.small_side))
        budgets = (self.first, self.frame if frame else self.image)
        return steps + [size := fit(*size, budget) for budget in budgets if budget]


@dataclass(frozen=True, slots=True)
class Pictures:
    """The pictures of one item, with how to size them: what travels to a worker."""

    sizing: Sizing
    images: tuple[Media, ...] = ()
    frames: tuple[Media, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.images or self.frames)

    @property
    def most_tokens(self) -> int:
        """No more than this many tokens."""
        frames = -(-len(self.frames) // 2) if self.sizing.clip else len(self.frames)
        return len(self.images) * self.sizing.image.max_tokens + frames * self.sizing.frame.max_tokens

    def portable(self) -> Pictures:
        """The same in a form that can be sent to another process."""
        return replace(self, images=tuple(map(portable, self.images)), frames=tuple(map(portable, self.frames)))

    def load(self) -> list[Pixels]:
        """Decode and resize, bicubic; every file is opened once.

        Returns:
            Images, then frames: each apart, or all of them stacked as one clip.

        Raises:
            DataError: a picture is missing or damaged.
        """
        stills = [_resized(image, self.sizing.steps(image.size, frame=False)) for image in map(open_rgb, self.images)]
        frames: list[Pixels] = []
        steps: list[Size] = []
        for number, image in enumerate(map(open_rgb, self.frames)):
            if number == 0 or not self.sizing.clip:
                steps = self.sizing.steps(image.size, frame=True)
            frames.append(_resized(image, steps))
        return stills + ([np.stack(frames)] if self.sizing.clip and frames else frames)

    def measure(self) -> list[Visual]:
        """The sizes that loading would give, from the headers alone.

        Raises:
            DataError: a picture is missing or is none.
        """
        stills = [Visual(*self.sizing.steps(image_size(media), frame=False)[-1]) for media in self.images]
        if self.sizing.clip and self.frames:
            return [*stills, Visual(*self.sizing.steps(image_size(self.frames[0]), frame=True)[-1], len(self.frames))]
        return stills + [Visual(*self.sizing.steps(image_size(media), frame=True)[-1]) for media in self.frames]


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


def _resized(image: Image.Image, steps: Sequence[Size]) -> Pixels:
    for size in steps:
        if image.size != size:
            image = image.resize(size, Image.Resampling.BICUBIC)
    return np.asarray(image)

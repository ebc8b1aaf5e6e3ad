"""From a picture to the pixels of its patches, in workers that need nothing but Pillow and numpy."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rzen_eval.media import image_size, open_rgb, portable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.core import Media
    from rzen_eval.models.declaration.local import Budget, ModelSpec

TOKEN = 28
"""Side in pixels of the square that one visual token covers: patches of 14, merged two by two."""
MARGIN = 1.05
"""How much more than the least a frame may always take."""
MAX_RATIO = 200
"""Longest side over shortest; what is beyond is squeezed, as the reference does."""

Size = tuple[int, int]
"""Width and height."""
Pixels = NDArray[np.uint8]
"""One picture, shape (height, width, 3), or a clip, shape (frames, height, width, 3)."""
How = TypeVar("How")
"""How pictures are prepared."""


@dataclass(frozen=True, slots=True)
class Visual:
    """What takes one run of visual tokens in a prompt: a still image or a clip."""

    width: int
    height: int
    frames: int = 0
    """Frames of a clip; 0: a still image."""
    side: int = TOKEN
    """Of the square that one visual token covers, in pixels."""

    @classmethod
    def of(cls, pixels: Pixels, side: int = TOKEN) -> Visual:
        """The size of loaded pixels."""
        return cls(pixels.shape[-2], pixels.shape[-3], len(pixels) if pixels.ndim == 4 else 0, side)

    @property
    def clip(self) -> bool:
        """Whether it is a clip."""
        return self.frames > 0

    @property
    def n_pieces(self) -> int:
        """Parts that the vision tower sees apart: every two frames of a clip are one."""
        return max(1, -(-self.frames // 2))

    @property
    def n_tokens(self) -> int:
        """Tokens that it takes: every two frames of a clip share theirs, an odd last one is repeated."""
        return (self.width // self.side) * (self.height // self.side) * self.n_pieces


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
    first_of_images: bool = True
    """Whether the resize that comes before is one of images too; else it is one of frames alone."""
    clip_tokens: int | None = None
    """Most tokens of a whole clip, so that many frames are smaller each; None: frames do not depend on their number."""
    side: int = TOKEN
    """Of the square that one visual token covers, in pixels."""

    @classmethod
    def of(cls, spec: ModelSpec, side: int = TOKEN) -> Sizing:
        """As a model declares it, with visual tokens of so many pixels a side."""
        image, frame = spec.budgets
        return cls(
            image=image,
            frame=frame,
            first=spec.first_resize,
            small_side=spec.small_side,
            square=spec.square,
            clip=spec.video == "video",
            first_of_images=spec.first_resize_of == "all",
            clip_tokens=spec.clip_tokens,
            side=side,
        )

    def pictures(self, images: tuple[Media, ...], frames: tuple[Media, ...]) -> Pictures:
        """Those of an item, to be sized so."""
        return Pictures(self, images, frames)

    def steps(self, size: Size, *, frames: int = 0) -> list[Size]:
        """The sizes that a picture is resized to in turn.

        Args:
            size: its own.
            frames: how many there are of the video that it is of; 0: it is a still image.
        """
        steps = []
        if self.square:
            steps.append(size := (self.square, self.square))
        if self.small_side and not frames and min(size) < self.side:
            steps.append(size := (self.small_side, self.small_side))
        budget = self.frame if frames else self.image
        low, high = float(budget.min_tokens), float(budget.max_tokens)
        if frames and self.clip_tokens:
            # Two frames share their tokens. Source: `fetch_video` of qwen-vl-utils 0.0.14.
            high = max(min(high, 2 * self.clip_tokens / (frames + frames % 2)), MARGIN * low)
        if self.first and (frames or self.first_of_images):
            steps.append(size := fit(*size, self.first.min_tokens, self.first.max_tokens, self.side))
        return [*steps, fit(*size, low, high, self.side)]


@dataclass(frozen=True, slots=True)
class Prepared(Generic[How]):
    """The pictures of one item, with how to prepare them: what travels to a worker."""

    how: How
    images: tuple[Media, ...] = ()
    frames: tuple[Media, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.images or self.frames)

    def portable(self) -> Self:
        """The same in a form that can be sent to another process."""
        return replace(self, images=tuple(map(portable, self.images)), frames=tuple(map(portable, self.frames)))


@dataclass(frozen=True, slots=True)
class Pictures(Prepared[Sizing]):
    """Pictures to be sized."""

    @property
    def most_tokens(self) -> int:
        """No more than this many tokens."""
        frames = -(-len(self.frames) // 2) if self.how.clip else len(self.frames)
        return len(self.images) * self.how.image.max_tokens + frames * self.how.frame.max_tokens

    def load(self) -> list[Pixels]:
        """Decode and resize, bicubic; every file is opened once.

        Returns:
            Images, then frames: each apart, or all of them stacked as one clip.

        Raises:
            DataError: a picture is missing or damaged.
        """
        stills = [_resized(image, self.how.steps(image.size)) for image in map(open_rgb, self.images)]
        frames: list[Pixels] = []
        steps: list[Size] = []
        for number, image in enumerate(map(open_rgb, self.frames)):
            if number == 0 or not self.how.clip:
                steps = self.how.steps(image.size, frames=len(self.frames))
            frames.append(_resized(image, steps))
        return stills + ([np.stack(frames)] if self.how.clip and frames else frames)

    def measure(self) -> list[Visual]:
        """The sizes that loading would give, from the headers alone.

        Raises:
            DataError: a picture is missing or is none.
        """
        stills = [self._visual(media) for media in self.images]
        if self.how.clip and self.frames:
            return [*stills, replace(self._visual(self.frames[0], len(self.frames)), frames=len(self.frames))]
        return stills + [self._visual(media, len(self.frames)) for media in self.frames]

    def visuals(self, loaded: Sequence[Pixels]) -> list[Visual]:
        """What takes visual tokens, of these pictures as they were loaded."""
        return [Visual.of(pixels, self.how.side) for pixels in loaded]

    def _visual(self, media: Media, frames: int = 0) -> Visual:
        return Visual(*self.how.steps(image_size(media), frames=frames)[-1], side=self.how.side)


def fit(width: int, height: int, least: float, most: float, token: int = TOKEN) -> tuple[int, int]:
    """The size nearest to a picture's own with sides in multiples of a token's and an area within a budget.

    Args:
        width: of the picture.
        height: of the picture.
        least: tokens to take.
        most: tokens to take.
        token: side of the square that a token covers.

    Source: `smart_resize` of Qwen2-VL's image processor, with the reference's limit on the aspect ratio.
    """
    area = width * height
    low, high = least * token**2, most * token**2
    fitted = [max(token, round(side / token) * token) for side in (width, height)]
    if fitted[0] * fitted[1] > high:
        shrink = math.sqrt(area / high)
        fitted = [max(token, math.floor(side / shrink / token) * token) for side in (width, height)]
    elif fitted[0] * fitted[1] < low:
        grow = math.sqrt(low / area)
        fitted = [math.ceil(side * grow / token) * token for side in (width, height)]
    limit = min(fitted) * MAX_RATIO
    return min(fitted[0], limit), min(fitted[1], limit)


def _resized(image: Image.Image, steps: Sequence[Size]) -> Pixels:
    for size in steps:
        if image.size != size:
            image = image.resize(size, Image.Resampling.BICUBIC)
    return np.asarray(image)

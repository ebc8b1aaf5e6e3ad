"""From a picture to the pixels of its patches, in workers that need nothing but Pillow and numpy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, Literal, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rzen_eval.errors import DataError
from rzen_eval.media import describe, image_size, open_as_stored, open_rgb, portable, to_rgb
from rzen_eval.models.declaration.local import Budget
from rzen_eval.models.pictures import bicubic
from rzen_eval.models.pictures.fit import MAX_RATIO, TOKEN, Size, beyond_ratio, clamped, fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.core import Media
    from rzen_eval.models.declaration.local import Alpha, BeyondRatio, FirstBudget, ModelSpec

MARGIN = 1.05
"""How much more than the least a frame may always take."""
Pixels = NDArray[np.uint8]
"""One picture, shape (height, width, 3), or a clip, shape (frames, height, width, 3)."""
Part = TypeVar("Part")
"""What one picture or clip becomes."""
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
        """The size of loaded pixels, shape (height, width, 3), or of a clip (frames, height, width, 3)."""
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
    first: FirstBudget | None = None
    """Budget of a resize that comes before; None: there is only one."""
    small_side: int | Literal["longest"] | None = None
    """An image with a side below `small_below` is first made a square of this side; None: it is not."""
    small_below: int = TOKEN
    margin: int | None = None
    """Pixels up to which a shorter side of a picture gets a black margin; None: it gets none."""
    square: int | None = None
    """Side of the square that every picture is made first; None: pictures keep their shape."""
    clip: bool = False
    """Frames go in as one clip, all of the size that suits the first; else each as an image of its own."""
    first_of_images: bool = True
    """Whether the resize that comes before is one of images too; else it is one of frames alone."""
    clip_tokens: int | None = None
    """Most tokens of a whole video; None: frames do not depend on how many there are."""
    side: int = TOKEN
    """Of the square that one visual token covers, in pixels."""
    fixed: Size | None = None
    """The size that every picture gets in the end; None: what its budget says."""
    alpha: Alpha = "drop"
    beyond_ratio: BeyondRatio = "clamp"
    frames_first: bool = False
    resample: Image.Resampling = Image.Resampling.BICUBIC
    """Filter of the last resize; others are bicubic."""
    clips_in_float: bool = False
    """Whether the last resize of a clip's frames is computed in floating point; else all are Pillow's."""

    @classmethod
    def of(cls, spec: ModelSpec, side: int = TOKEN) -> Sizing:
        """As a model declares it, with visual tokens of so many pixels a side."""
        image, frame = spec.budgets
        return cls(
            image=image,
            frame=frame,
            first=spec.first_resize,
            small_side=spec.small_side,
            small_below=spec.small_below,
            margin=spec.margin,
            square=spec.square,
            clip=spec.video == "video",
            first_of_images=spec.first_resize_of == "all",
            clip_tokens=spec.clip_tokens,
            side=side,
            alpha=spec.alpha,
            beyond_ratio=spec.beyond_ratio,
            frames_first=spec.prompt.frames_first,
            clips_in_float=spec.clips_in_float,
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
        squares = self.squares(size, frames=frames)
        return [*squares, *self._fitted(squares[-1] if squares else size, frames)]

    def squares(self, size: Size, *, frames: int = 0) -> list[Size]:
        """The first of these sizes, which a picture gets as it is stored where alpha is resized with it."""
        squares = [(self.square, self.square)] if self.square else []
        size = squares[0] if squares else size
        if self.small_side and not frames and min(size) < self.small_below:
            side = max(size) if self.small_side == "longest" else self.small_side
            squares.append((side, side))
        return squares

    def widened(self, size: Size) -> Size:
        """A picture's size with its margin."""
        least = self.margin or 0
        return max(size[0], least), max(size[1], least)

    def _fitted(self, size: Size, frames: int) -> list[Size]:
        if self.fixed:
            return [self.fixed]
        low, high = self._budget(frames)
        if self.first and (frames or self.first_of_images):
            first = fit(*size, self.first.min_tokens, self.first.max_tokens, self.first.side or self.side)
            first = clamped(first) if self.beyond_ratio == "clamp" else first
            return [first, fit(*first, low, high, self.side)]
        if self.beyond_ratio == "square" and (beyond_ratio(size) or min(size) < self.side):
            size = (max(self.side, *size),) * 2
        fitted = fit(*size, low, high, self.side)
        return [clamped(fitted) if self.beyond_ratio == "clamp" else fitted]

    def _budget(self, frames: int) -> tuple[float, float]:
        """Least and most tokens of an image, or of each frame of a video."""
        budget = self.frame if frames else self.image
        low, high = float(budget.min_tokens), float(budget.max_tokens)
        if frames and self.clip_tokens and self.clip:
            # Two frames share their tokens. Source: `fetch_video` of qwen-vl-utils 0.0.14.
            return low, max(min(high, 2 * self.clip_tokens / (frames + frames % 2)), MARGIN * low)
        if frames and self.clip_tokens:
            high = min(high, self.clip_tokens / frames)
        return min(low, high), high


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
        """Decode and resize; every file is opened once.

        Returns:
            Images, then frames, or these first: each apart, shape (height, width, 3), or all frames stacked as one
            clip, shape (frames, height, width, 3). Nothing where a picture is not read, and with it none of its item.

        Raises:
            DataError: a picture is missing or damaged, or beyond the ratio that the model reads.
        """
        if self._unread():
            return []
        stills = [self._pixels(media) for media in self.images]
        number = len(self.frames)
        if not self.how.clip or not number:
            return self._ordered(stills, [self._pixels(media, number) for media in self.frames])
        first = self._opened(self.frames[0])
        later = [self._pixels(media, number, first.size) for media in self.frames[1:]]
        return self._ordered(stills, [np.stack([self._resized(first, self.frames[0], number, first.size), *later])])

    def measure(self) -> list[Visual]:
        """The sizes that loading would give, from the headers alone.

        Raises:
            DataError: a picture is missing or is none, or beyond the ratio that the model reads.
        """
        if self._unread():
            return []
        stills = [self._visual(media) for media in self.images]
        if self.how.clip and self.frames:
            clip = replace(self._visual(self.frames[0], len(self.frames)), frames=len(self.frames))
            return self._ordered(stills, [clip])
        return self._ordered(stills, [self._visual(media, len(self.frames)) for media in self.frames])

    def visuals(self, loaded: Sequence[Pixels]) -> list[Visual]:
        """What takes visual tokens, of these pictures as `load` returned them."""
        return [Visual.of(pixels, self.how.side) for pixels in loaded]

    def _ordered(self, stills: list[Part], frames: list[Part]) -> list[Part]:
        return [*frames, *stills] if self.how.frames_first else [*stills, *frames]

    def _unread(self) -> bool:
        if self.how.beyond_ratio != "unread":
            return False
        return any(beyond_ratio(image_size(media)) for media in (*self.images, *self.frames))

    def _visual(self, media: Media, frames: int = 0) -> Visual:
        size = self.how.widened(image_size(media))
        return Visual(*self._steps(media, size, frames)[-1], side=self.how.side)

    def _steps(self, media: Media, size: Size, frames: int) -> list[Size]:
        if self.how.beyond_ratio == "error" and beyond_ratio(size):
            raise DataError(
                f"{describe(media)} is {size[0]}x{size[1]}, beyond {MAX_RATIO} to 1, which beyond_ratio: error"
                " refuses; clamp takes it"
            )
        return self.how.steps(size, frames=frames)

    def _pixels(self, media: Media, frames: int = 0, size: Size | None = None) -> Pixels:
        """One picture, resized as suits its own size, or that of the first frame of its clip."""
        image = self._opened(media)
        return self._resized(image, media, frames, size or image.size)

    def _opened(self, media: Media) -> Image.Image:
        if self.how.alpha == "resize_first":
            return open_as_stored(media)
        opened = open_rgb(media, self.how.alpha)
        if (size := self.how.widened(opened.size)) == opened.size:
            return opened
        canvas = Image.new("RGB", size)
        canvas.paste(opened, ((size[0] - opened.width) // 2, (size[1] - opened.height) // 2))
        return canvas

    def _resized(self, image: Image.Image, media: Media, frames: int, size: Size) -> Pixels:
        steps = self._steps(media, size, frames)
        if self.how.alpha == "resize_first":
            n_squares = len(self.how.squares(size, frames=frames))
            for square in steps[:n_squares]:
                image = image.resize(square)  # bicubic but for palettes and single bits, of which the nearest is taken
            image, steps = to_rgb(image, name=describe(media)), steps[n_squares:]
        for number, step in enumerate(steps, start=1):
            if frames and number == len(steps) and self.how.clips_in_float and image.size != step:
                return bicubic.resized(np.asarray(image), step)
            if image.size != step:
                image = image.resize(step, self.how.resample if number == len(steps) else Image.Resampling.BICUBIC)
        return np.asarray(image)


_ONE = Budget(min_tokens=1, max_tokens=1)
NO_PICTURES = Pictures(Sizing(_ONE, _ONE))
"""There is nothing to load."""

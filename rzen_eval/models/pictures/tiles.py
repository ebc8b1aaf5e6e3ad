"""From a picture to tiles of one size, as LLaVA-OneVision reads it, in workers that need only Pillow and numpy.

A picture alone is read as a whole, squeezed into one tile, and again larger, cut into tiles: of several sheets of tiles
that which keeps most of it and wastes least. Features of the margins that fill up a sheet are left out afterwards, and
every row of the rest ends with a token of its own. Several pictures of one item take a tile each, filled up to a
square, and a token that ends them; frames are squeezed into a tile each, take a quarter of its tokens, and one token
ends them all.

Source: `LlavaOnevisionImageProcessor` and `LlavaOnevisionProcessor` of transformers, which follow LLaVA-NeXT.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from rzen_eval.media import image_size, open_as_stored, open_rgb, to_rgb
from rzen_eval.models.pictures.resize import Prepared, Visual

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.core import Media
    from rzen_eval.models.declaration.local import Alpha
    from rzen_eval.models.pictures.fit import Size
    from rzen_eval.models.pictures.resize import Pixels


@dataclass(frozen=True, slots=True)
class Tiles(Visual):
    """What takes one run of visual tokens; width and height are the picture's own."""

    tokens: int = 0
    tiles: int = 1
    """That it is cut into, the one of the whole picture included."""

    @property
    def n_pieces(self) -> int:
        """Its tiles."""
        return self.tiles

    @property
    def n_tokens(self) -> int:
        """Tokens that it takes."""
        return self.tokens


@dataclass(frozen=True, slots=True)
class Laid:
    """Tokens of a picture on a sheet of tiles."""

    columns: int
    rows: int
    margins: tuple[int, int]
    """Left out at either end of a row, and of a column."""
    kept: tuple[int, int]
    """Columns and rows in the end: what the margins leave, or to what that is resampled."""


@dataclass(frozen=True, slots=True)
class Tiling:
    """How a model tiles pictures."""

    tile: int
    """Side of a tile in pixels."""
    side: int
    """Tokens along the side of a tile."""
    sheets: tuple[Size, ...]
    """Width and height of the sheets that a picture may be laid out on; multiples of a tile."""
    most: int
    """Tiles whose tokens a sheet may have; more are resampled to so many."""
    background: int
    """Shade that fills up a picture to a square."""
    alpha: Alpha = "drop"
    resample: Image.Resampling = Image.Resampling.BICUBIC

    def pictures(self, images: tuple[Media, ...], frames: tuple[Media, ...]) -> TiledPictures:
        """Those of an item, to be cut so."""
        return TiledPictures(self, images, frames)

    def sheet(self, size: Size) -> Size:
        """The sheet that keeps most pixels of a picture, and of those that keep as many the smallest."""

        def merit(sheet: Size) -> tuple[int, int]:
            scale = min(sheet[0] / size[0], sheet[1] / size[1])
            kept = min(int(size[0] * scale) * int(size[1] * scale), size[0] * size[1])
            return kept, kept - sheet[0] * sheet[1]

        return max(self.sheets, key=merit)

    def fitted(self, size: Size) -> Size:
        """The size that a picture has on its sheet."""
        sheet = self.sheet(size)
        by_width, by_height = sheet[0] / size[0], sheet[1] / size[1]
        if by_width < by_height:
            return sheet[0], min(math.ceil(size[1] * by_width), sheet[1])
        return min(math.ceil(size[0] * by_height), sheet[0]), sheet[1]

    def still(self, size: Size, *, alone: bool) -> Tiles:
        """What a picture of a size takes."""
        whole = self.side**2
        if not alone:
            return Tiles(*size, tokens=whole + 1)
        laid = self.laid(size)
        columns, rows = laid.kept
        return Tiles(*size, tokens=whole + (columns + 1) * rows, tiles=1 + laid.columns * laid.rows // whole)

    def laid(self, size: Size) -> Laid:
        """Where the tokens of a picture alone, of a size, are on its sheet."""
        columns, rows = (self.side * extent // self.tile for extent in self.sheet(size))
        across = down = 0
        if size[0] / size[1] > columns / rows:
            down = (rows - int(round(size[1] * (columns / size[0]), 7))) // 2
        else:
            across = (columns - int(round(size[0] * (rows / size[1]), 7))) // 2
        kept = columns - 2 * across, rows - 2 * down
        excess = math.sqrt(kept[0] * kept[1] / (self.most * self.side**2))
        if excess > RESAMPLED:
            kept = int(kept[0] // excess), int(kept[1] // excess)
        return Laid(columns, rows, (across, down), kept)

    def clip(self, size: Size, frames: int) -> Tiles:
        """What frames take, the first of which has this size."""
        return Tiles(*size, frames=frames, tokens=frames * math.ceil(self.side / 2) ** 2 + 1, tiles=frames)

    def cut(self, image: Image.Image) -> Pixels:
        """A picture alone: squeezed, then the tiles of its sheet by row, shape (1 + tiles, tile, tile, 3)."""
        width, height = self.sheet(image.size)
        larger = self.resized(image, self.fitted(image.size))
        sheet = Image.new("RGB", (width, height))
        sheet.paste(larger, ((width - larger.width) // 2, (height - larger.height) // 2))
        rows, columns = height // self.tile, width // self.tile
        tiles = np.asarray(sheet).reshape(rows, self.tile, columns, self.tile, 3).swapaxes(1, 2)
        return np.concatenate([self.squeezed(image)[None], tiles.reshape(-1, self.tile, self.tile, 3)])

    def squared(self, image: Image.Image) -> Pixels:
        """One of several pictures, shape (1, tile, tile, 3)."""
        side = max(image.size)
        square = Image.new("RGB", (side, side), (self.background,) * 3)
        square.paste(to_rgb(image), ((side - image.width) // 2, (side - image.height) // 2))
        return self.squeezed(square)[None]

    def squeezed(self, image: Image.Image) -> Pixels:
        """A picture as one tile, shape (tile, tile, 3)."""
        return np.asarray(self.resized(image, (self.tile, self.tile)))

    def opened(self, media: Media) -> Image.Image:
        """A picture in RGB, or as it is stored where it is resized so."""
        alpha = self.alpha
        return open_as_stored(media) if alpha == "resize_first" else open_rgb(media, alpha)

    def resized(self, image: Image.Image, size: Size) -> Image.Image:
        """An opened picture of another size, in RGB."""
        if image.mode == "RGB":
            return image.resize(size, self.resample)
        return to_rgb(image.resize(size))


RESAMPLED = 1.1
"""How many times too long the side of a sheet's tokens must be before they are resampled."""


@dataclass(frozen=True, slots=True)
class TiledPictures(Prepared[Tiling]):
    """Pictures to be tiled."""

    @property
    def most_tokens(self) -> int:
        """No more than this many tokens."""
        alone = len(self.images) == 1
        # The fullest sheet, just not resampled: a square of tiles with a token more a row.
        most = self.how.side**2 * (1 + self.how.most * RESAMPLED**2) + 6 * self.how.side
        return math.ceil(most if alone else len(self.images) * (self.how.side**2 + 1)) + self._clip_tokens

    @property
    def _clip_tokens(self) -> int:
        return self.how.clip((1, 1), len(self.frames)).tokens if self.frames else 0

    def load(self) -> list[Pixels]:
        """Decode, resize and cut; every file is opened once.

        Returns:
            The tiles of each image, then those of all frames as one clip, shape (tiles, tile, tile, 3).

        Raises:
            DataError: a picture is missing or damaged.
        """
        cut = self.how.cut if len(self.images) == 1 else self.how.squared
        loaded = [cut(self.how.opened(media)) for media in self.images]
        if self.frames:
            loaded.append(np.stack([self.how.squeezed(self.how.opened(media)) for media in self.frames]))
        return loaded

    def measure(self) -> list[Tiles]:
        """What takes visual tokens, from the headers alone.

        Raises:
            DataError: a picture is missing or is none.
        """
        alone = len(self.images) == 1
        stills = [self.how.still(image_size(media), alone=alone) for media in self.images]
        return stills + ([self.how.clip(image_size(self.frames[0]), len(self.frames))] if self.frames else [])

    def visuals(self, loaded: Sequence[Pixels]) -> list[Tiles]:  # noqa: ARG002 - tiles do not tell a picture's own size
        """What takes visual tokens; headers are read once more, since tiles do not tell a picture's own size."""
        return self.measure()

"""Thumbnails, each kept once."""

from __future__ import annotations

import base64
import io
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PIL import Image

from rzen_eval.errors import DataError, reason
from rzen_eval.media import open_rgb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.core import Item, Media

QUALITY = 60
"""Of WebP; text on a page stays as legible as its size allows."""
TILES = 4
"""Pictures of an item that are shown, evenly spread; more would be too small to see."""
GAP = 2
"""Pixels between tiles."""


@dataclass(slots=True)
class Album:
    """Thumbnails of one task."""

    side: int
    """Longest side of a thumbnail, in pixels."""
    shots: dict[str, int] = field(default_factory=dict)
    """Places of thumbnails, in base64, equal ones once."""
    failed: list[str] = field(default_factory=list)
    """Why pictures are missing, an entry an item."""

    def add(self, items: Sequence[Item]) -> list[int | None]:
        """Make the thumbnails of items.

        Frames of one video are decoded by one thread, since that is how their decoder wants it.

        Returns:
            The place of each among `pictures`; None where an item has none, or where it cannot be opened, which is
            noted.
        """
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            stills = pool.map(self._shot, (item for item in items if not item.frames))
            made = [self._shot(item) if item.frames else next(stills) for item in items]
        return [None if shot is None else self.shots.setdefault(shot, len(self.shots)) for shot in made]

    def notes(self) -> list[str]:
        """How many pictures are missing, and why the first of them is."""
        more = f"; so for {len(self.failed) - 1} more" if len(self.failed) > 1 else ""
        return [f"A picture cannot be shown: {min(self.failed)}{more}."] if self.failed else []

    def _shot(self, item: Item) -> str | None:
        media = _spread([*item.images, *item.frames])
        if not media:
            return None
        try:
            return base64.b64encode(thumbnail(media, self.side)).decode()
        except (DataError, OSError) as error:
            self.failed.append(reason(error, 1000))
            return None

    @property
    def pictures(self) -> list[str]:
        """WebP pictures in base64."""
        return list(self.shots)


def _spread(media: Sequence[Media]) -> list[Media]:
    return [media[i * (len(media) - 1) // (TILES - 1)] for i in range(TILES)] if len(media) > TILES else list(media)


def thumbnail(media: Sequence[Media], side: int) -> bytes:
    """One WebP of one to four pictures, two in a row.

    Args:
        media: the pictures.
        side: pixels of the longest side.

    Raises:
        DataError: one of them is missing or damaged.
    """
    across = 1 if len(media) == 1 else 2
    width = (side - GAP * (across - 1)) // across
    tiles = []
    for one in media:
        tile = open_rgb(one)
        tile.thumbnail((width, width), Image.Resampling.LANCZOS, reducing_gap=2.0)
        tiles.append(tile)
    rows = [tiles[start : start + across] for start in range(0, len(tiles), across)]
    heights = [max(tile.height for tile in row) for row in rows]
    widths = [max(row[column].width for row in rows if column < len(row)) for column in range(across)]
    size = sum(widths) + GAP * (across - 1), sum(heights) + GAP * (len(rows) - 1)
    sheet = Image.new("RGB", size, "white")
    for place, tile in enumerate(tiles):
        row, column = divmod(place, across)
        sheet.paste(tile, (sum(widths[:column]) + GAP * column, sum(heights[:row]) + GAP * row))
    stream = io.BytesIO()
    sheet.save(stream, format="WEBP", quality=QUALITY, method=4)
    return stream.getvalue()

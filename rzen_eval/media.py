"""Opening of pictures, wherever their bytes are."""

from __future__ import annotations

import io
import os
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, UnidentifiedImageError

from rzen_eval.core import Encoded, SavedAsJpeg
from rzen_eval.errors import DataError

if TYPE_CHECKING:
    from rzen_eval.core import Media


def describe(media: Media) -> str:
    """What to call a picture in a message."""
    if isinstance(media, SavedAsJpeg):
        return describe(media.media)
    if isinstance(media, Image.Image):
        return f"a PIL image of {media.width}x{media.height}"
    if isinstance(media, bytes):
        return f"{len(media)} encoded bytes"
    return str(media)


def portable(media: Media) -> Media:
    """The same picture in a form that can be sent to another process; encoded bytes stay encoded."""
    if isinstance(media, SavedAsJpeg):
        inner = media.media
        return replace(media, media=inner.read()) if isinstance(inner, Encoded) else media
    return media.read() if isinstance(media, Encoded) else media


def image_size(media: Media) -> tuple[int, int]:
    """Width and height in pixels, read from the header alone.

    Raises:
        DataError: the file is missing or is not a picture.
    """
    if isinstance(media, SavedAsJpeg):
        return image_size(media.media)
    if isinstance(media, Image.Image):
        return media.size
    with _open(media) as image:
        return image.size


def open_rgb(media: Media) -> Image.Image:
    """Decode a picture the way the reference does: `convert("RGB")`, so alpha is dropped and EXIF rotation ignored.

    Raises:
        DataError: the picture is missing, damaged, truncated or absurdly large.
    """
    if isinstance(media, SavedAsJpeg):
        saved = io.BytesIO()
        open_rgb(media.media).save(saved, format="JPEG")
        return open_rgb(saved.getvalue())
    try:
        image = (media if isinstance(media, Image.Image) else _open(media)).convert("RGB")
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise DataError(f"{describe(media)} cannot be decoded: {error}") from error
    # A palette's transparency outlives the conversion, and image processors would composite it on white.
    image.info.pop("transparency", None)
    return image


def _open(media: Media) -> Image.Image:
    source: io.BytesIO | Path
    if isinstance(media, bytes):
        source = io.BytesIO(media)
    elif isinstance(media, Encoded):
        source = io.BytesIO(media.read())
    elif isinstance(media, (str, os.PathLike)):
        source = Path(media)
    else:
        raise DataError(
            f"an image is a path, encoded bytes or a PIL image, found {type(media).__name__}; convert it first"
        )
    try:
        with warnings.catch_warnings():
            # Between one and two times Pillow's limit is large but real for scanned pages; beyond it raises.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(source)
    except UnidentifiedImageError as error:
        raise DataError(f"{describe(media)} is not a picture that Pillow can read, or is damaged") from error
    except (OSError, Image.DecompressionBombError) as error:
        raise DataError(f"{describe(media)} cannot be opened: {error}") from error

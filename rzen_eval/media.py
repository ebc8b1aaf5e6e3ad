"""Opening of pictures, wherever their bytes are."""

from __future__ import annotations

import io
import os
import warnings
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeGuard, runtime_checkable

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from rzen_eval.core import Encoded, SavedAsJpeg
from rzen_eval.errors import DataError, reason
from rzen_eval.files import nearest_there, need_regular
from rzen_eval.files.bounds import PIXELS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rzen_eval.core import Media

Alpha = Literal["drop", "white"]
"""What becomes of a picture's alpha channel: dropped, or laid on white."""
WHITE = (255, 255, 255)
DAMAGE = (OSError, ValueError, SyntaxError, EOFError, RuntimeError, LookupError, Image.DecompressionBombError)
"""What Pillow's decoders raise on damaged files, found by damaging files of twenty formats."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
"""What pictures of the benchmark are, and what people convert them to. Pillow reads more, of which some start programs
(EPS starts Ghostscript) and some are read by nobody but those who look for holes."""
ORIENTATION = 0x0112
"""The EXIF tag."""


@runtime_checkable
class Portable(Encoded, Protocol):
    """An encoded picture that any process can read, and that knows its size without being read."""

    def image_size(self) -> tuple[int, int]:
        """Width and height in pixels."""

    def identity(self) -> str:
        """What tells its content from that of others, without reading it."""


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
        return replace(media, media=inner.read()) if _here_only(inner) else media
    return media.read() if _here_only(media) else media


def image_size(media: Media) -> tuple[int, int]:
    """Width and height in pixels, read from the header alone.

    Raises:
        DataError: the file is missing or is not a picture.
    """
    if isinstance(media, SavedAsJpeg):
        return image_size(media.media)
    if isinstance(media, Image.Image):
        return media.size
    # Asking for a protocol takes longer than for a type, and most pictures are paths.
    if not isinstance(media, (str, bytes, os.PathLike)) and isinstance(media, Portable):
        return media.image_size()
    with _opened(media) as image:
        return image.size


def open_rgb(media: Media, alpha: Alpha = "drop") -> Image.Image:
    """Decode a picture the way the reference does: `convert("RGB")`.

    So EXIF rotation is ignored, of an animation the first frame is taken and 16-bit grey is cut off at 255. A truncated
    picture is refused, never filled up with grey.

    Args:
        media: the picture.
        alpha: `white` lays an RGBA picture on white first; of every other kind the transparency is always dropped, as
            qwen-vl-utils does.

    Raises:
        DataError: the picture is missing, damaged, truncated or absurdly large.
    """
    return to_rgb(open_as_stored(media), alpha, describe(media))


def open_as_stored(media: Media) -> Image.Image:
    """Decode a picture in the mode that it is stored in: with its alpha channel, or a palette.

    Raises:
        DataError: the picture is missing, damaged, truncated or absurdly large.
    """
    if isinstance(media, SavedAsJpeg):
        saved = io.BytesIO()
        open_rgb(media.media).save(saved, format="JPEG")
        return open_as_stored(saved.getvalue())
    if isinstance(media, Image.Image):
        return _decoded(media, media)
    with _opened(media) as image:
        return _decoded(image, media)


def to_rgb(image: Image.Image, alpha: Alpha = "drop", name: str = "a picture") -> Image.Image:
    """A decoded picture in RGB, with nothing left that an image processor would composite.

    Raises:
        DataError: its mode has no way to RGB; it is called by its name.
    """
    if alpha == "white" and image.mode == "RGBA":
        canvas = Image.new("RGB", image.size, WHITE)
        canvas.paste(image, mask=image.getchannel("A"))
        return canvas
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on transparency in palettes, which does not reach the pixels
            converted = image.convert("RGB")
    except DAMAGE as error:
        raise DataError(f"{name} cannot be decoded: {reason(error, 200)}") from error
    # A palette's transparency outlives the conversion, and image processors would composite it on white.
    converted.info.pop("transparency", None)
    return converted


def upright(encoded: bytes) -> bytes:
    """An encoded picture turned as its EXIF orientation says; the same bytes where it says nothing.

    `datasets` does so when it decodes, and the official evaluator saves pages that it has decoded. Files on disk are
    left as they are, there as here. Orientation that cannot be read is none.
    """
    if encoded[:2] not in {b"II", b"MM"} and not any(mark in encoded for mark in (b"Exif", b"eXIf", b"EXIF")):
        return encoded
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(encoded), formats=FORMATS) as image:
                if _pixels(image) > PIXELS.most or image.getexif().get(ORIENTATION, 1) == 1:
                    return encoded
                turned = ImageOps.exif_transpose(image).convert("RGB")
    except DAMAGE:
        return encoded
    stream = io.BytesIO()
    turned.save(stream, format="PNG", compress_level=1)
    return stream.getvalue()


def _here_only(media: Media) -> TypeGuard[Encoded]:
    # Asking for a protocol takes longer than for a type, and most pictures are paths.
    return not isinstance(media, (str, bytes, os.PathLike)) and (
        isinstance(media, Encoded) and not isinstance(media, Portable)
    )


def _decoded(image: Image.Image, media: Media) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata, which does not reach the pixels
            image.load()
    except DAMAGE as error:
        raise DataError(f"{describe(media)} cannot be decoded: {reason(error, 200)}") from error
    if image.mode == "F" and not np.isfinite(np.asarray(image)).all():
        raise DataError(f"{describe(media)} has pixels that are not finite; expected shades of grey or colours")
    return image


@contextmanager
def _opened(media: Media) -> Iterator[Image.Image]:
    try:
        with warnings.catch_warnings():
            # Pillow warns from one and raises from two times a limit of its own, which is not ours.
            warnings.simplefilter("ignore")
            if Image.MAX_IMAGE_PIXELS and PIXELS.most > 2 * Image.MAX_IMAGE_PIXELS:
                Image.MAX_IMAGE_PIXELS = PIXELS.most
            image = Image.open(_source(media), formats=FORMATS)
    except FileNotFoundError as error:
        raise DataError(
            f"no file at {describe(media)}{_nearest(media)}; of the benchmark's own, `rzen-eval data verify` tells how"
            " to get it"
        ) from error
    except UnidentifiedImageError as error:
        raise DataError(
            f"{describe(media)} is {_found(media)}, not a picture of a kind that is read ({', '.join(FORMATS)})"
        ) from error
    except DAMAGE as error:
        raise DataError(f"{describe(media)} cannot be opened: {reason(error, 200)}") from error
    with image:
        if _pixels(image) > PIXELS.most:
            raise DataError(f"{describe(media)} is too large: {PIXELS.exceeded(_pixels(image))}")
        yield image


def _pixels(image: Image.Image) -> int:
    return image.width * image.height


def _source(media: Media) -> io.BytesIO | Path:
    if isinstance(media, bytes):
        return io.BytesIO(media)
    if isinstance(media, (str, os.PathLike)):
        need_regular(media)
        return Path(media)
    if isinstance(media, Encoded):
        return io.BytesIO(media.read())
    raise DataError(f"an image is a path, encoded bytes or a PIL image, found {type(media).__name__}; convert it first")


def _nearest(media: Media) -> str:
    return nearest_there(Path(media)) if isinstance(media, (str, os.PathLike)) else ""


def _found(media: Media) -> str:
    size = Path(media).stat().st_size if isinstance(media, (str, os.PathLike)) else None
    return "an empty file" if size == 0 or media == b"" else "damaged or something else"

"""Pages in rows stand as `datasets` hands them to the official evaluator."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rzen_eval import media
from rzen_eval.data.stored_image import StoredImage

ORIENTATION = 0x0112
PIXELS = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3) * 14
"""Of 3 by 2, no two alike."""


def encoded(orientation: int | None, kind: str, mode: str = "RGB") -> bytes:
    exif, stream = Image.Exif(), io.BytesIO()
    if orientation is not None:
        exif[ORIENTATION] = orientation
    Image.fromarray(PIXELS).convert(mode).save(stream, format=kind, exif=exif)
    return stream.getvalue()


def page(content: bytes) -> tuple[StoredImage, Image.Image]:
    """A page in a row, and what `datasets` makes of it."""
    import datasets

    kept, decoded = datasets.Image(decode=False), datasets.Image()
    features: Any = datasets.Features({"image": kept})
    rows = datasets.Dataset.from_dict({"image": [{"bytes": content, "path": None}]}, features=features)
    return StoredImage(rows, 0, "image", "page 1"), rows.cast_column("image", decoded)[0]["image"]


@pytest.mark.parametrize("orientation", [None, *range(1, 9)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_a_page_is_turned_as_datasets_turns_it(orientation: int | None, kind: str):
    ours, theirs = page(encoded(orientation, kind))
    assert media.image_size(ours) == theirs.size == ((2, 3) if (orientation or 1) > 4 else (3, 2))
    assert np.array_equal(np.asarray(media.open_rgb(ours)), np.asarray(theirs.convert("RGB")))


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK"])
def test_a_page_of_another_mode_is_turned_too(mode: str):
    ours, theirs = page(encoded(6, "JPEG" if mode == "CMYK" else "PNG", mode))
    assert np.array_equal(np.asarray(media.open_rgb(ours)), np.asarray(theirs.convert("RGB")))


def test_a_page_that_is_upright_keeps_its_bytes():
    content = encoded(None, "JPEG")
    assert page(content)[0].read() == content

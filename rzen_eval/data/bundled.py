"""The bundled sample on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rzen_eval.errors import DataError
from rzen_eval.files import make_once
from rzen_eval.sample import COUNTS, VERSION, make

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["COUNTS", "VERSION", "folder"]


def folder(cache_dir: Path) -> Path:
    """The mirror of the sample, made now if this version of it is not there yet.

    Raises:
        DataError: the cache folder cannot be written.
    """
    place = cache_dir / "sample" / VERSION
    try:
        return make_once(place, make)
    except OSError as error:
        raise DataError(f"the bundled sample cannot be written to {place} ({error}); give cache_dir=FOLDER") from error

"""Folders that are made once and then kept."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def make_once(place: Path, make: Callable[[Path], None]) -> Path:
    """The folder `place`, filled by `make` if it is not there yet.

    It is made beside its place and moved there whole, so that a killed run leaves no half of it and two
    runs that start together do not disturb each other.

    Raises:
        OSError: it is not there and cannot be written.
    """
    if place.is_dir():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".making-") as scratch:
        made = Path(scratch) / "made"
        make(made)
        try:
            made.rename(place)
        except OSError:
            if not place.is_dir():
                raise
    return place

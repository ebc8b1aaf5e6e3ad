"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
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


def write_whole(file: Path, content: bytes) -> None:
    """Write a file so that nobody ever sees half of it; what was there before stays until it is replaced.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(scratch).chmod(0o644)
        Path(scratch).replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(scratch).unlink()
        raise

"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


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


@contextmanager
def appearing(file: Path, scratch: Path | None = None) -> Iterator[Path]:
    """Where to write what becomes `file` once it is whole; what was there before stays until then.

    Args:
        file: its folder is made if it is not there.
        scratch: where to write it, in the same file system; None: hidden beside it, under a name of its own.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    scratch = scratch or file.with_name(f".{file.name}-{uuid.uuid4().hex}")
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield scratch
        scratch.replace(file)
    except BaseException:
        with suppress(OSError):
            scratch.unlink()
        raise


def write_whole(file: Path, content: bytes) -> None:
    """Write a file so that nobody ever sees half of it, and that is on the disk when this returns.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    with appearing(file) as scratch, scratch.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())

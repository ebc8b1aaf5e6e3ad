"""Memory-mapped tables of rows in the cache folder: noticed when they are not what was written, and made again."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from rzen_eval.files import digests, read_json, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable

    import datasets

NOTE = "written.json"
"""In a folder of tables: the digest of each file as it was written."""
DIGESTS = "digests.json"


def sound(folder: Path, load: Callable[[], datasets.Dataset]) -> datasets.Dataset:
    """A table whose files are as they were written.

    Args:
        folder: where tables of this content are kept.
        load: gives the table, from there or anew.

    Raises:
        Exception: whatever `load` raises where there was nothing to make again.
    """
    try:
        table = load()
    except Exception:
        if not (folder / NOTE).is_file():
            raise
        table = _anew(folder, load)
    written, found = _written(folder), _found(folder, table)
    if any(written.get(name, digest) != digest for name, digest in found.items()):
        table, written = _anew(folder, load), {}
        found = _found(folder, table)
    if found.items() - written.items():
        with contextlib.suppress(OSError):
            write_whole(folder / NOTE, json.dumps(written | found, indent=1).encode())
    return table


def _anew(folder: Path, load: Callable[[], datasets.Dataset]) -> datasets.Dataset:
    shutil.rmtree(folder, ignore_errors=True)
    return load()


def _found(folder: Path, table: datasets.Dataset) -> dict[str, str]:
    """Digests of the table's files, by their place in the folder."""
    files = [file for one in table.cache_files if (file := Path(one["filename"])).is_relative_to(folder)]
    try:
        return dict(
            zip([file.relative_to(folder).as_posix() for file in files], digests(files, folder / DIGESTS), strict=True)
        )
    except OSError:
        return {}


def _written(folder: Path) -> dict[str, str]:
    try:
        noted = read_json(folder / NOTE)
    except (OSError, ValueError):
        return {}
    return {name: str(digest) for name, digest in noted.items()} if isinstance(noted, dict) else {}

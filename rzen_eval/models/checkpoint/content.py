"""What identifies the content of a checkpoint's files."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from typing import TYPE_CHECKING

from rzen_eval.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SETTLED = 2 * 10**9
"""Nanoseconds after its last change from which on a further change of a file shows in its times, on any file system."""


def content_hash(files: Iterable[Path], folder: Path, notes: Path) -> str:
    """SHA-256 over names and contents of files.

    Digests are noted, so that gigabytes of weights are read once. A file counts as the one that was read while its
    place, size, time, inode and time of change are the same; the last of these is set by the system alone, so that a
    copy which keeps size and time is noticed. A file that has only just changed is read, and not noted.

    Args:
        files: which.
        folder: what their names are relative to.
        notes: where digests are kept.
    """
    try:
        known: dict[str, str] = dict(json.loads(notes.read_text()))
    except (OSError, ValueError):
        known = {}
    before, digest = len(known), hashlib.sha256()
    for file in files:
        stat = file.stat()
        place = f"{file.resolve()} {stat.st_size} {stat.st_mtime_ns} {stat.st_ino} {stat.st_ctime_ns}"
        if not (found := known.get(place)):
            with file.open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
            if time.time_ns() - max(stat.st_mtime_ns, stat.st_ctime_ns) > SETTLED:
                known[place] = found
        digest.update(f"{file.relative_to(folder).as_posix()}\0{found}\n".encode())
    if len(known) > before:
        # Where the cache cannot be written the files are read again next time.
        with contextlib.suppress(OSError):
            write_whole(notes, json.dumps(known, indent=1).encode())
    return f"sha256:{digest.hexdigest()}"

"""What tells the media files of a task from others: their content, whatever they are called and whenever they came."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from rzen_eval.errors import DataError
from rzen_eval.files import digests

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.core import Task

MISSING = "missing"


def content_of(task: Task, files: Sequence[str]) -> str:
    """A short hash of media files, in their order, after what it is of: `+media:` their content.

    Files are read once: digests are noted in the cache folder and hold while place, size, time, inode and time of
    status change are the same (`files.digests`). With `data.trust_files=true` nothing is read, and it is `+times:` the
    size and time of each.

    Args:
        task: that they are of.
        files: absolute paths, some of them many times; one that is not there counts as missing.

    Returns:
        Nothing where there are no files.

    Raises:
        DataError: one cannot be read.
    """
    if not files:
        return ""
    distinct = list(dict.fromkeys(files))
    if task.source.trust_files:
        known, kind = [_times(file) for file in distinct], "times"
    else:
        known, kind = _contents(task, distinct), "media"
    of = dict(zip(distinct, known, strict=True))
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{of[file]}\n".encode())
    return f"+{kind}:{digest.hexdigest()[:16]}"


def _contents(task: Task, files: Sequence[str]) -> list[str]:
    place = f"{task.id} {task.source.root} {task.source.media}"
    notes = task.cache_dir / "signatures" / f"media-{hashlib.sha256(place.encode()).hexdigest()[:24]}.json"
    there = [file for file in files if os.path.isfile(file)]  # noqa: PTH113 - a tenth of the time and of the memory
    try:
        known = dict(zip(there, digests(there, notes), strict=True))
    except OSError as error:
        raise DataError(f"{task.id}: {error.filename or 'a media file'} cannot be read ({error.strerror})") from error
    return [known.get(file, MISSING) for file in files]


def _times(file: str) -> str:
    try:
        told = os.stat(file)  # noqa: PTH116 - a tenth of the time
    except OSError:
        return MISSING
    return f"{told.st_size} {told.st_mtime_ns}"

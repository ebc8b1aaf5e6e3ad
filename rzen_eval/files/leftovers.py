"""What a kill leaves behind: what was being made, known by its name and removed by the next run."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import socket
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MADE = re.compile(r"\.(?P<name>.+)-(?P<host>[0-9a-f]{8})-(?P<process>[0-9]+)-[0-9a-f]{12}")
"""`.NAME-HOST-PROCESS-RANDOM`."""
OF_BEFORE = re.compile(r"\.making-[a-z0-9_]{8}|\..+-[0-9a-f]{32}")
"""Names that earlier versions gave, which tell no process."""
WORKERS = "rzen_eval"
"""Begins the names of what Python makes for worker processes: a folder for sockets, and semaphores."""
SEMAPHORES = Path("/dev/shm")  # noqa: S108 - where Linux keeps them
OLD = 24 * 3600
"""Seconds after which nobody is at work on such a file any more, wherever it runs."""


def scratch_name(name: str) -> str:
    """What a file or folder is called while it is being made: hidden, unique, and telling who makes it."""
    return f".{name}-{_host()}-{os.getpid()}-{uuid.uuid4().hex[:12]}"


def owned() -> str:
    """What names a process of this machine."""
    return f"{WORKERS}-{_host()}-{os.getpid()}"


def remove_of_workers() -> list[Path]:
    """Remove the folders and semaphores of worker processes whose run was killed; see `processes.prepare`.

    Returns:
        What was removed.
    """
    owner = rf"{WORKERS}-(?P<host>[0-9a-f]{{8}})-(?P<process>[0-9]+)-"
    kinds = {Path(tempfile.gettempdir()): rf"\.{owner}[0-9a-f]{{12}}", SEMAPHORES: rf"sem\.{owner}[a-z0-9_]{{8}}"}
    removed = []
    for folder, pattern in kinds.items():
        with contextlib.suppress(OSError):
            for entry in os.scandir(folder):
                if (made := re.fullmatch(pattern, entry.name)) and _dead(made, entry):
                    _remove(Path(entry.path))
                    removed.append(Path(entry.path))
    return removed


def remove(folders: Iterable[Path]) -> list[Path]:
    """Remove what processes have left in some folders that were killed while they made it.

    What a process makes that is still there, or one of another machine within a day, is left alone.

    Returns:
        What was removed.
    """
    removed = []
    for folder in folders:
        with contextlib.suppress(OSError):
            for entry in os.scandir(folder):
                if entry.name.startswith(".") and _left(entry):
                    _remove(Path(entry.path))
                    removed.append(Path(entry.path))
    return removed


def _left(entry: os.DirEntry[str]) -> bool:
    made = MADE.fullmatch(entry.name)
    return bool(made or OF_BEFORE.fullmatch(entry.name)) and _dead(made, entry)


def _dead(made: re.Match[str] | None, entry: os.DirEntry[str]) -> bool:
    """Whether nobody is at work on it any more."""
    if made and made["host"] == _host():
        return not _alive(int(made["process"]))
    with contextlib.suppress(OSError):
        return time.time() - entry.stat(follow_symlinks=False).st_mtime > OLD
    return False


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _remove(place: Path) -> None:
    with contextlib.suppress(OSError):
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place, ignore_errors=True)
        else:
            place.unlink()


def _host() -> str:
    return hashlib.blake2b(socket.gethostname().encode(), digest_size=4).hexdigest()

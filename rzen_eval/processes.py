"""What a process does before it starts workers, and what every worker does when it begins."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
from pathlib import Path

from rzen_eval.files import leftovers


def prepare() -> None:
    """Have what Python makes for the workers of this process under names that tell it: sockets and semaphores.

    A run that is killed with all its workers leaves them behind, and the next run knows them by these names. What runs
    before have left is removed here.
    """
    config, owner = multiprocessing.current_process()._config, leftovers.owned()  # type: ignore[attr-defined]  # noqa: SLF001
    if multiprocessing.parent_process() or config.get("semprefix") == f"/{owner}":
        return
    leftovers.remove_of_workers()
    config["semprefix"] = f"/{owner}"
    folder = Path(tempfile.gettempdir()) / leftovers.scratch_name(leftovers.WORKERS)
    folder.mkdir(mode=0o700)
    config["tempdir"] = str(folder)
    atexit.register(_tidy, folder, os.getpid())


def _tidy(folder: Path, process: int) -> None:
    """Remove a process's folder as it ends; a process that was forked from it has the same to do, and leaves it."""
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)


def begin() -> None:
    """Leave Ctrl-C to the parent, which shuts the pool down, and go when the parent is gone, however it went."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        # A worker that waits for work holds its own queue open, so it would wait for ever.
        parent.join()
        os._exit(1)

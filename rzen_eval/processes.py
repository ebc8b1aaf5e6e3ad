"""What every worker process does when it begins."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading


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

"""Work in processes that are forked from this one: nothing is imported twice, and it may die, hang or eat memory."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SECONDS = 90.0
"""A command that takes longer is ended."""
MEMORY = 2500
"""Megabytes of memory beside those that the process begins with, after which a command is ended."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    """Its exit code; negative: the signal it died of."""
    text: str
    """What it said, on standard output and standard error together."""
    seconds: float
    why: str = ""
    """Why it was ended, where it was."""

    @property
    def lines(self) -> list[str]:
        """What it said for people, without rules of tables and what libraries say."""
        return [line for line in self.text.splitlines() if line.startswith(("rzen-eval:", "- ", "* "))]


def ended(work: Callable[[], int], folder: Path, *, seconds: float = SECONDS, memory: int = MEMORY) -> Ended:
    """Do work in a forked process whose working directory is `folder`.

    Args:
        work: returns an exit code.
        folder: what it says is written there too.
        seconds: after which it is ended, with whatever it has started.
        memory: megabytes of its own after which it is ended likewise.

    Returns:
        How it ended.
    """
    said = folder / "said"
    sys.stdout.flush()
    sys.stderr.flush()
    began = time.monotonic()
    child = os.fork()
    if not child:
        _work(work, folder, said)
    try:
        code, why = _watched(child, began + seconds, memory)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
    return Ended(code, said.read_bytes().decode(errors="replace"), time.monotonic() - began, why)


def _work(work: Callable[[], int], folder: Path, said: Path) -> None:
    code = 1
    try:
        os.setsid()
        faulthandler.disable()
        os.chdir(folder)
        stream = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(stream, 1)
        os.dup2(stream, 2)
        sys.stdout = os.fdopen(1, "w", closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
        sys.path.insert(0, str(folder))
        code = work()
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001 - this process ends here, whatever comes
        traceback.print_exc()
    finally:
        os._exit(code & 0xFF)


def _watched(child: int, until: float, memory: int) -> tuple[int, str]:
    before = _resident(os.getpid())
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status), ""
        why = "it took more than its time" if time.monotonic() > until else ""
        if max(map(_resident, _group(child)), default=0) - before > memory:
            why = f"it took more than {memory} MB"
        if why:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return -signal.SIGKILL, why
        time.sleep(0.2)


def _group(leader: int) -> list[int]:
    """Processes of a session."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                after = (place / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(after[3]) == leader:
                found.append(int(place.name))
    return found


def _resident(process: int) -> int:
    """Megabytes of memory that a process has."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * resource.getpagesize() >> 20
    except (OSError, IndexError):
        return 0

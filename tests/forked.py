"""Work in processes of their own, forked from one that has only imported: it may die, hang or eat memory.

The process that forks has one thread, so that no lock is held by a thread that its children lack.
"""

from __future__ import annotations

import contextlib
import faulthandler
import multiprocessing
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

ROOT = Path(__file__).parents[1]
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
    """Do work in a process of its own whose working directory is `folder`.

    Args:
        work: returns an exit code; a function of a module, or a partial one, since it is pickled.
        folder: what it says is written there too.
        seconds: after which it is ended, with whatever it has started.
        memory: megabytes of its own after which it is ended likewise.

    Returns:
        How it ended.
    """
    said = folder / "said"
    said.touch()
    began = time.monotonic()
    child = context().Process(target=_work, args=(work, folder, said))
    child.start()
    try:
        why = _watched(child, began + seconds, memory)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.join()
    code = child.exitcode
    child.close()
    return Ended(code, said.read_bytes().decode(errors="replace"), time.monotonic() - began, why)


@dataclass(frozen=True)
class Command:
    """A command line that runs."""

    process: BaseProcess
    said: Path
    """Where what it says on standard output is kept."""
    told: Path
    """Where what it says on standard error is kept."""

    def signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid or 0, number)

    def wait(self, seconds: float = SECONDS) -> int:
        """Its exit code; negative: the signal it died of."""
        self.process.join(seconds)
        if self.process.exitcode is None:
            self.process.kill()
            raise TimeoutError(f"it took more than {seconds} s; it said {self.told.read_text()}")
        return self.process.exitcode

    @property
    def out(self) -> str:
        """What it has said on standard output."""
        return self.said.read_text()

    @property
    def err(self) -> str:
        """What it has said on standard error."""
        return self.told.read_text()


def started(
    words: Sequence[str], folder: Path, *, terminal: Path | None = None, environment: Mapping[str, str] | None = None
) -> Command:
    """Start a command line in a process of its own, whose working directory is `folder`.

    Args:
        words: of the command line.
        folder: what it says is kept there too.
        terminal: where it reads and writes instead.
        environment: its variables; None: those of this process.
    """
    name = f"said-{len([*folder.glob('said-*')])}"
    said, told = terminal or folder / f"{name}.out", folder / f"{name}.err"
    for file in (said, told):
        file.touch()
    work = partial(_command, [*words], dict(os.environ if environment is None else environment))
    process = context().Process(target=_work, args=(work, folder, said, told))
    process.start()
    return Command(process, said, told)


def _command(words: list[str], environment: dict[str, str]) -> int:
    from rzen_eval.cli import guard

    # A shell that starts the tests in the background has SIGINT ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["rzen-eval", *words]
    try:
        return guard.entry()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)


def context() -> ForkServerContext:
    """Makes processes, forked from one that has imported what every command imports and is started here."""
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(["tests.warm"])
    # It imports from the folder that it is started in.
    with contextlib.chdir(ROOT):
        forkserver.ensure_running()
    return found


def _work(work: Callable[[], int], folder: Path, said: Path, told: Path | None = None) -> None:
    code = 1
    try:
        os.setsid()
        faulthandler.disable()
        os.chdir(folder)
        stream = os.open(said, os.O_RDWR | os.O_TRUNC | os.O_NOCTTY)
        if os.isatty(stream):
            os.dup2(stream, 0)
        os.dup2(stream, 1)
        os.dup2(os.open(told, os.O_WRONLY | os.O_TRUNC) if told else stream, 2)
        sys.stdout = os.fdopen(1, "w", closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
        sys.path.insert(0, str(folder))
        code = work()
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001 - this process ends here, whatever comes
        traceback.print_exc()
    finally:
        os._exit(code & 0xFF)


def _watched(child: BaseProcess, until: float, memory: int) -> str:
    """Why a process had to be ended; empty: it ended by itself."""
    before = _resident(child.pid)
    while True:
        child.join(0.1)
        if child.exitcode is not None:
            return ""
        if time.monotonic() > until:
            return "it took more than its time"
        if max(map(_resident, _group(child.pid)), default=0) - before > memory:
            return f"it took more than {memory} MB"


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

"""A process around the one that runs models: however that ends, there is a line and an exit code that is right."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS_MODELS = frozenset({"run", "rerank", "bench", "model-check", "multirun", "prompt", "sweep"})
"""Commands that call code which may end its process."""
PASSED_ON = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2}
FROM_TERMINAL = 128
"""`SI_KERNEL`: a signal that the terminal sends to all processes of a command at once."""
GRACE = 30.0
"""Seconds that a process may take to end after its work is done."""
PARENT_DEATH = 1
"""`PR_SET_PDEATHSIG` of prctl."""
KEPT = "finished tasks are kept and the same command goes on from there"


def entry() -> int:
    """Run the command line; commands that run models in a process of their own.

    Returns:
        The exit code.
    """
    from rzen_eval.cli.main import main, word_of

    _open_what_is_closed()
    if "_ARGCOMPLETE" in os.environ:
        from rzen_eval.cli import completion

        completion.answer()
    guarded = word_of(sys.argv[1:]) in RUNS_MODELS and not {"--help", "-h"} & {*sys.argv[1:]}
    return watched(main) if guarded else main()


def _open_what_is_closed() -> None:
    """Let standard input, output and errors be the null device where whoever starts a command has closed them.

    The next file that is opened would have the number of one of them, and get whatever a library prints.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            setattr(sys, name, os.fdopen(number, "w" if number else "r"))


def watched(work: Callable[[], int]) -> int:
    """Do work in a process of its own.

    A model may leave by `os._exit(0)`, or be killed for want of memory; the first would pass for success, the second
    says nothing.

    Args:
        work: returns an exit code.

    Returns:
        That code; 1 where the process ended before its work was done, with a line that says how.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    ours, theirs = os.pipe()
    heard = PASSED_ON | {signal.SIGCHLD}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, heard)
    parent, child = os.getpid(), os.fork()
    if child:
        os.close(theirs)
        try:
            return _watch(child, ours)
        finally:
            os.close(ours)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    os.close(ours)
    _die_with(parent)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return _noted(work, theirs)


def _noted(work: Callable[[], int], report: int) -> int:
    """In the process of its own: do the work, and say that it is done."""
    process = os.getpid()
    code = 1
    try:
        code = work()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        raise
    finally:
        # A process that the work has forked and that comes back here says nothing in its name.
        if os.getpid() == process:
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
            os.write(report, bytes([code & 0xFF]))
    return code


def _watch(child: int, report: int) -> int:
    """Pass signals on until the process has ended; one that goes on after its work is done is ended."""
    code, left, passed = b"", GRACE, 0
    os.set_blocking(report, False)
    while True:
        heard = signal.sigtimedwait(PASSED_ON | {signal.SIGCHLD}, 0.5)
        if heard and heard.si_signo != signal.SIGCHLD and heard.si_code != FROM_TERMINAL:
            passed = heard.si_signo
            os.kill(child, passed)
        with contextlib.suppress(BlockingIOError):
            code = code or os.read(report, 1)
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        left -= 0.5 * bool(code and not heard)
        if left <= 0:
            _say("all is done, and something of the model still runs; it is ended")
            os.kill(child, signal.SIGKILL)
            left = GRACE
    with contextlib.suppress(BlockingIOError):
        code = code or os.read(report, 1)
    if code:
        return code[0]
    return _told(os.waitstatus_to_exitcode(status), passed)


def _told(exit_code: int, passed: int) -> int:
    """Say how a process ended whose work was not done."""
    if exit_code >= 0:
        how = f"the process was left with exit code {exit_code} in the middle of its work, as os._exit does"
    else:
        name = signal.Signals(-exit_code).name
        why = ", as the system does for want of memory" if name == "SIGKILL" else ""
        how = f"the process was ended by {name}{why}"
    _say(f"{how}; {KEPT}")
    return 128 + passed if passed and passed == -exit_code else 1


def _say(what: str) -> None:
    """Write a line at once: processes that the work has left behind write to the same place."""
    sys.stderr.write(f"rzen-eval: {what}\n")
    sys.stderr.flush()


def _die_with(parent: int) -> None:
    """Let this process be killed when its parent is."""
    import ctypes

    ctypes.CDLL(None).prctl(PARENT_DEATH, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)

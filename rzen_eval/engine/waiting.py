"""A line while a model does not answer, so that a run which hangs can be told from one that is slow."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")
FIRST = 60.0
"""Seconds without news until the first line; each further one takes twice as long."""
LOOKS = 20
"""How often it is looked in that time whether there is news."""


def watched(news: Iterable[T], say: Callable[[str], object], what: Callable[[], str]) -> Iterator[T]:
    """The same news; while none comes, a line now and then says since when, and what is waited for.

    The time that whoever takes the news spends on it does not count.

    Args:
        news: of an engine.
        say: given each line, in a thread.
        what: what is waited for at that moment.
    """
    watch = _Watch(say, what)
    thread = threading.Thread(target=watch.run, daemon=True)
    thread.start()
    coming, end = iter(news), object()
    try:
        while True:
            with watch.waiting():
                one = next(coming, end)
            if one is end:
                return
            yield one  # type: ignore[misc]
    finally:
        watch.ended.set()
        # It holds what is asked for words, a plan with its model: freed in a thread while the interpreter ends, tensors
        # abort the process.
        thread.join()


@dataclass
class _Watch:
    say: Callable[[str], object]
    what: Callable[[], str]
    ended: threading.Event = field(default_factory=threading.Event)
    since: tuple[float, str] | None = None
    """When the present wait began, by the clock that never goes back and by the one on the wall."""

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Something is waited for."""
        self.since = time.monotonic(), time.strftime("%H:%M:%S")
        try:
            yield
        finally:
            self.since = None

    def run(self) -> None:
        """Look now and then, until all has come."""
        told, due = None, FIRST
        while not self.ended.wait(FIRST / LOOKS):
            since = self.since
            if since != told:
                told, due = since, FIRST
            if since and (passed := time.monotonic() - since[0]) >= due:
                due *= 2
                self.say(
                    f"nothing has come back for {passed:.0f} s, since {since[1]}: waiting for {self.what()};"
                    " Ctrl-C ends the run and keeps what is finished"
                )

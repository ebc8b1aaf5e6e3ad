"""Other runs that embed into the same store: each begins at another place of its plan, and nobody waits for anybody."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Self, TypeVar

from rzen_eval.files import leftovers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

News = TypeVar("News")
NAME = "at-work"
STALE = 600.0
"""Seconds after which a run of another machine that has said nothing counts as gone."""
EVERY = 60.0
"""Seconds between two signs of life."""


class Company:
    """This run's note in the folder of a store, with the time in its name, and those of others.

    A note is no lock: a run that sees none, or cannot write its own, does all the work, and two that make the same
    vectors are both right.
    """

    def __init__(self, folder: Path | None) -> None:
        self._file = folder / leftovers.scratch_name(f"{NAME}-{time.time_ns():020}") if folder else None
        self._said = 0.0
        self.place = 0.0
        """Where to begin, as a fraction of the plan."""

    def __enter__(self) -> Self:
        """Leave a note and look at those of others."""
        if self._file:
            with contextlib.suppress(OSError):
                self._file.parent.mkdir(parents=True, exist_ok=True)
                leftovers.remove([self._file.parent])
                self._file.touch()
                self._said = time.monotonic()
                self.place = _spread(self._before(self._file))
        return self

    def __exit__(self, *_: object) -> None:
        """Take the note away."""
        if self._file:
            with contextlib.suppress(OSError):
                self._file.unlink()

    def still(self) -> None:
        """Show that this run goes on."""
        if self._file and time.monotonic() - self._said > EVERY:
            self._said = time.monotonic()
            with contextlib.suppress(OSError):
                os.utime(self._file)

    def watching(self, news: Iterable[News]) -> Iterator[News]:
        """The same news, with a sign of life at each."""
        for one in news:
            self.still()
            yield one

    def _before(self, own: Path) -> int:
        """How many runs came before this one."""
        notes = []
        for note in own.parent.glob(f".{NAME}-*"):
            with contextlib.suppress(OSError):
                if time.time() - note.stat().st_mtime < STALE:
                    notes.append(note.name)
        return sum(name < own.name for name in notes)


def _spread(number: int) -> float:
    """The place of a run among others: 0, 1/2, 1/4, 3/4, 1/8 and so on, each in the middle of the largest gap."""
    place, share = 0.0, 0.5
    while number:
        place += share * (number & 1)
        number >>= 1
        share /= 2
    return place

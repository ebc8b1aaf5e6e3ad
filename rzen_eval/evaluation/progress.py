"""What a run says while it goes on: a bar and lines, lines alone, JSON lines, or nothing."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any, Literal

from tqdm.auto import tqdm

from rzen_eval.results.tables.escape import for_terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.core import Result

Mode = Literal["auto", "bar", "lines", "json", "quiet"]
EVERY = 30.0
"""Seconds between two progress lines where there is no bar."""


class Progress:
    """Says on standard error how far a run is; standard output is left to the tables.

    Args:
        mode: see `Runtime.progress`.
    """

    def __init__(self, mode: Mode) -> None:
        self._mode: Mode = ("bar" if sys.stderr.isatty() else "lines") if mode == "auto" else mode
        self._bar: tqdm[Any] | None = None
        self._began = self._reported = time.monotonic()
        self._of = self._items = self._tokens = 0
        self._warned: set[str] = set()

    def say(self, line: str) -> None:
        """A line for a person."""
        if self._mode == "json":
            self._event("message", text=line)
        elif self._mode != "quiet":
            tqdm.write(line, file=sys.stderr)

    def warn(self, line: str) -> None:
        """A line that is said in any mode, and marked as ours."""
        if self._mode == "json":
            self._event("message", text=line)
        else:
            tqdm.write(f"rzen-eval: {for_terminal(line)}", file=sys.stderr)

    def begin(self, items: int) -> None:
        """Embedding begins; so many distinct items have no vector yet."""
        self.end()
        self._began = self._reported = time.monotonic()
        self._of, self._items, self._tokens = items, 0, 0
        if self._mode == "json":
            self._event("embedding", items=items)
        elif self._mode == "bar":
            self._bar = tqdm(total=items, unit=" items", leave=False, smoothing=0.05, dynamic_ncols=True)

    def step(self, task: str, items: int, tokens: int) -> None:
        """A batch is done.

        Args:
            task: its name.
            items: of the batch.
            tokens: of the batch, padding left out.
        """
        self._items += items
        self._tokens += tokens
        if self._bar is not None:
            self._bar.set_postfix_str(f"{self._tokens / self._seconds:.0f} tokens/s, {task}", refresh=False)
            self._bar.update(items)
        elif self._mode in {"lines", "json"} and time.monotonic() - self._reported > EVERY:
            self._reported = time.monotonic()
            rate = self._items / self._seconds
            left = (self._of - self._items) / rate
            if self._mode == "json":
                self._event(
                    "progress", task=task, items=self._items, of=self._of, tokens=self._tokens,
                    items_per_second=round(rate, 2), seconds_left=round(left),
                )  # fmt: skip
            else:
                self.say(
                    f"{self._items} of {self._of} items, {self._tokens} tokens, {rate:.1f} items/s,"
                    f" {tqdm.format_interval(left)} left, {task}"
                )

    def scored(self, result: Result, *, kept: bool) -> None:
        """A task has its score.

        Args:
            result: of the task.
            kept: whether it is an earlier run's.
        """
        if self._mode == "json":
            self._event(
                "task", id=result.id, task=result.task, metric=result.metric, score=result.score, exact=result.exact,
                queries=result.n_queries, candidates=result.n_candidates, kept=kept, warnings=result.warnings,
            )  # fmt: skip
            return
        how = "kept from an earlier run" if kept else f"{result.provenance['embedding']['seconds']:.1f} s"
        self.say(
            f"{result.task}: {result.metric} {100 * result.score:.2f}, {result.n_queries} queries,"
            f" {result.n_candidates} candidates, {how}"
        )
        if not kept:
            media = result.provenance.get("dataset", {}).get("media") or {}
            if media and not str(media["place"]).endswith(str(media["canonical"])):
                self.say(f"  media: {media['place']}")
            for warning in result.warnings:
                # What is said of one task may hold for all that follow, such as a lack of memory.
                if warning not in self._warned:
                    self.say(f"  warning: {warning}")
                self._warned.add(warning)

    def failed(self, task: str, message: str) -> None:
        """A task has failed.

        Args:
            task: its id.
            message: why.
        """
        if self._mode == "json":
            self._event("failed", id=task, error=message)
        else:
            self.say(f"failed: {message}")

    def absent(self, tasks: Sequence[str], message: str) -> None:
        """The data of several tasks are not on this machine.

        Args:
            tasks: their ids.
            message: one line on all of them.
        """
        if self._mode == "json":
            self._event("absent", ids=list(tasks), error=message)
        else:
            self.say(f"failed: {message}")

    def end(self) -> None:
        """Nothing is left to embed."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    @property
    def _seconds(self) -> float:
        return max(time.monotonic() - self._began, 1e-9)

    def _event(self, event: str, **fields: Any) -> None:
        print(json.dumps({"event": event, **fields}), file=sys.stderr, flush=True)

"""What a run has to embed: known whole before the first item is, and each distinct item once."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from rzen_eval.core import Side
from rzen_eval.engine.item_key import item_key
from rzen_eval.engine.job import Done, Job, Step, Unit
from rzen_eval.engine.spent import NOTHING, Spent
from rzen_eval.errors import DataError, RzenEvalError, some
from rzen_eval.models.interface import Cutting
from rzen_eval.models.token_budget import windows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from rzen_eval.core import Item, TaskData
    from rzen_eval.engine.vector_store import Key, VectorStore
    from rzen_eval.models.interface import Pairwise, Pipelined


@dataclass(slots=True)
class TaskSide:
    """Queries or candidates of a task, and what it took to embed them."""

    task: str
    """The task's id."""
    side: Side
    items: Sequence[Item]
    ids: Sequence[str]
    keys: list[Key] = field(default_factory=list)
    """Of each item."""
    first_prompt: str | None = None
    """The rendered prompt of the first item."""
    n_cut: int = 0
    """Items whose text is cut to fit the model's length."""
    spent: Spent = NOTHING
    """On the windows of its own that are done."""

    def who(self, place: int) -> str:
        """What stands at a place, for messages."""
        return f"{self.side} {self.ids[place]!r}"


def both_sides(task: str, data: TaskData) -> tuple[TaskSide, TaskSide]:
    """Queries and candidates of a task, nothing embedded yet.

    Args:
        task: its id.
        data: its items.
    """
    return (
        TaskSide(task, Side.QUERY, data.queries, data.query_ids),
        TaskSide(task, Side.CANDIDATE, data.candidates, data.candidate_ids),
    )


@dataclass(frozen=True, slots=True)
class _Window:
    part: TaskSide
    places: NDArray[np.int64]
    """Of its items."""
    most: int
    """About the most tokens that one of them takes."""


@dataclass
class Plan:
    """The windows of a run, in the order in which they are embedded.

    A window's number and items, and so the batches that they go through the model in, depend on the tasks alone and
    not on how many processes share the work; and what an earlier run has done are whole windows.
    """

    model: Pipelined | Pairwise
    store: VectorStore
    tokens_per_batch: int
    failed: dict[str, RzenEvalError] = field(default_factory=dict)
    """Errors by task; windows of these are left out."""
    windows: list[_Window] = field(default_factory=list)
    open: Counter[str] = field(default_factory=Counter)
    """Windows to come, by task."""
    n_items: int = 0
    """Items to embed, in all."""
    begin: float = 0.0
    """Where to begin, as a fraction of the windows: other runs that embed the same begin elsewhere."""
    _elsewhere: deque[int] = field(default_factory=deque)
    """Windows that another run has done since they were planned, and that nobody was told of yet."""
    _under_way: dict[int, Job] = field(default_factory=dict)
    """Windows that were taken and are not done, in the order in which they were."""
    _claimed: set[Key] = field(default_factory=set)
    _measured_before: dict[tuple[str, Side], tuple[TaskSide, NDArray[np.int64]]] = field(default_factory=dict)
    """What was found out of items that several tasks have, by their identity."""

    def add(self, *parts: TaskSide) -> None:
        """Plan sides of a task; what is the same as something planned before is left to that.

        Raises:
            DataError: an item cannot be made, its folder of frames is missing, say; then none of the sides is planned.
        """
        for part, most in [(part, self._measured(part)) for part in parts]:
            first: dict[Key, int] = {}
            for place, key in enumerate(part.keys):
                first.setdefault(key, place)
            distinct = np.fromiter(first.values(), dtype=np.int64, count=len(first))
            for window in windows(most[distinct].tolist(), self.tokens_per_batch):
                mine = [place for place in distinct[window].tolist() if part.keys[place] not in self._claimed]
                self._claimed.update(part.keys[place] for place in mine)
                new = [place for place in mine if part.keys[place] not in self.store]
                self.windows.append(_Window(part, np.array(new, dtype=np.int64), int(most[new].max()) if new else 0))
                if new:
                    self.open[part.task] += 1
                    self.n_items += len(new)

    def _measured(self, part: TaskSide) -> NDArray[np.int64]:
        """About the most tokens that each item takes: (items,). Keys and the first prompt are noted on the way.

        Items that are the same as those of an earlier task are not made again.
        """
        identity = getattr(part.items, "identity", None)
        if identity is not None and (identity, part.side) in self._measured_before:
            before, most = self._measured_before[identity, part.side]
            part.keys, part.first_prompt, part.n_cut = list(before.keys), before.first_prompt, before.n_cut
            return most
        most = np.empty(len(part.ids), dtype=np.int64)
        cuts = self.model.cuts if isinstance(self.model, Cutting) else None
        for place, name in enumerate(part.ids):
            try:
                item = part.items[place]
                rendered = self.model.rendered(item, part.side)
                most[place] = len(rendered.prompt) + rendered.pictures.most_tokens
                part.keys.append(item_key(rendered.prompt, item))
                part.n_cut += cuts is not None and cuts(rendered)
            except DataError as error:
                raise DataError(f"{part.side} {name!r}: {error}") from error
            if place == 0:
                part.first_prompt = rendered.prompt
        if identity is not None:
            self._measured_before[identity, part.side] = part, most
        return most

    def order(self) -> list[int]:
        """Numbers of the windows that have something to embed.

        Task by task, but the longest items of all first, so that running out of memory shows at once; where other runs
        are at work, from another place on.
        """
        order = [number for number, window in enumerate(self.windows) if len(window.places)]
        if first := int(len(order) * self.begin):
            return order[first:] + order[:first]
        longest = max(order, key=lambda number: (self.windows[number].most, -number), default=None)
        return sorted(order, key=lambda number: number != longest)

    def jobs(self, numbers: Sequence[int] | None = None) -> Iterator[Job]:
        """Windows in order, made as they are taken; those of tasks that have failed by then are left out.

        So are those whose vectors are in the store by then, which `done_elsewhere` tells of.

        Args:
            numbers: which; None: all.
        """
        for number in self.order() if numbers is None else numbers:
            part = self.windows[number].part
            if part.task in self.failed:
                continue
            if self.is_done(number):
                self._elsewhere.append(number)
            elif units := self._units(number):
                self._under_way[number] = job = Job(number, units)
                yield job

    def is_done(self, number: int) -> bool:
        """Whether all vectors of a window are in the store, as far as that has looked."""
        return all(key in self.store for key in self.keys(number))

    def done_elsewhere(self) -> Iterator[Step | Done]:
        """What became of windows that `jobs` has left out since, because another run has done them."""
        while self._elsewhere:
            number = self._elsewhere.popleft()
            yield Step(number, len(self.windows[number].places), 0)
            yield Done(number, None)

    def _units(self, number: int) -> list[Unit]:
        """A window's items, made anew; none if that fails, which is then its task's error."""
        part = self.windows[number].part
        units: list[Unit] = []
        made: dict[tuple[Side, int], Item] = {}
        for place in self.windows[number].places.tolist():
            try:
                units.append(self._unit(part, place, made))
            except Exception as error:  # noqa: BLE001 - what was there when the run was planned may be gone or torn
                said = str(error) if isinstance(error, DataError) else f"{type(error).__name__}: {error}"
                self.failed.setdefault(part.task, DataError(f"{part.who(place)}: {said}"))
                return []
        return units

    def _unit(self, part: TaskSide, place: int, made: dict[tuple[Side, int], Item]) -> Unit:  # noqa: ARG002 - of pairs
        """What stands at a place; `made` are items of the same window."""
        return Unit(part.items[place], part.side, part.ids[place], part.keys[place])

    def let_go(self, task: str) -> None:
        """Forget the items of a task that is over, so that only those of tasks to come take memory."""
        for window in self.windows:
            if window.part.task == task:
                window.part.items, window.part.ids, window.part.keys = (), (), []

    def keys(self, number: int) -> list[Key]:
        """Keys of a window's items."""
        window = self.windows[number]
        return [window.part.keys[place] for place in window.places.tolist()]

    def task(self, news: Step | Done) -> str:
        """The id of the task that a batch or window is of."""
        return self.windows[news.number].part.task

    def awaited(self) -> str:
        """What a model is at, in words: the window that was taken first of those that are not done."""
        job = next(iter(list(self._under_way.values())), None)
        if job is None:
            return "the model to be loaded"
        return f"{self.windows[job.number].part.task}, {some([unit.who for unit in job.units], 2)}"

    def note(self, done: Done) -> None:
        """Enter what became of a window."""
        part = self.windows[done.number].part
        self._under_way.pop(done.number, None)
        self.open[part.task] -= 1
        if done.error:
            self.failed.setdefault(part.task, done.error)
        else:
            part.spent += done.spent

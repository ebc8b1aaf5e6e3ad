"""Sequences whose elements are made when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, overload


@dataclass(frozen=True)
class LazySequence(Sequence[Any]):
    """A sequence whose elements are made when they are asked for."""

    length: int
    make: Any = field(repr=False)
    identity: str | None = None
    """The same for sequences of the same elements, so that what was found out of one holds for the other; None: it may
    be like any other or not."""

    def __len__(self) -> int:
        return self.length

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self.make(i) for i in range(*index.indices(self.length))]
        if not -self.length <= index < self.length:
            raise IndexError(index)
        return self.make(index % self.length)

    def __iter__(self) -> Iterator[Any]:
        return (self.make(i) for i in range(self.length))

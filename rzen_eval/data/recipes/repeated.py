"""Queries whose id comes more than once: the official evaluator scores each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rzen_eval.core import Task

AGAIN = "#again-"
"""Before the number of a query whose id was there before."""


def unlike(name: str, others: Mapping[str, object]) -> str:
    """An id that no other query has: one that comes again gets a number."""
    number = 1
    while (found := name if number == 1 else f"{name}{AGAIN}{number}") in others:
        number += 1
    return found


def original(name: str) -> str:
    """The id that the rows give a query."""
    return name.partition(AGAIN)[0]


def repeated(task: Task, names: Sequence[str]) -> list[str]:
    """What to say of queries whose id came before."""
    again = sum(AGAIN in name for name in names)
    return [f"{task.id}: {again} queries have the id of an earlier one"] if again else []

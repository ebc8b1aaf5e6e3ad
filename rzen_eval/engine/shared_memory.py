"""Pictures loaded in a worker, and brought to the model's process without a copy through a pipe."""

from __future__ import annotations

import math
import mmap
import os
from dataclasses import dataclass
from multiprocessing import reduction
from typing import TYPE_CHECKING, Any

import numpy as np

from rzen_eval.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.models.interface import Pictures
    from rzen_eval.models.pictures.resize import Pixels

SMALLEST = 2**17
"""Bytes below which a pipe costs less."""

Outcome = list["Pixels"] | DataError
"""The pictures of an item, or the error that they failed with."""


@dataclass(frozen=True, slots=True)
class Shared:
    """Arrays one after the other in memory without a name, which is gone with the last process that holds it."""

    descriptor: Any
    """`multiprocessing.reduction.DupFd` of the memory."""
    shapes: Sequence[list[tuple[int, ...]] | DataError]
    """Of each item's arrays, or the error that it failed with."""


def attempt(pictures: Pictures) -> Outcome:
    """Load an item's pictures."""
    try:
        return pictures.load()
    except DataError as error:
        return error
    except Exception as error:  # noqa: BLE001 - decoders fail in ways of their own, and this is one item's affair
        return DataError(f"its pictures cannot be loaded ({type(error).__name__}: {error})")


def load(group: Sequence[Pictures], *, share: bool) -> list[Outcome] | Shared:
    """In a worker: load pictures, and leave them in shared memory where that is wanted, worth it and possible."""
    outcomes = [attempt(pictures) for pictures in group]
    arrays = [array for outcome in outcomes if not isinstance(outcome, DataError) for array in outcome]
    if not (share and hasattr(os, "memfd_create") and sum(array.nbytes for array in arrays) >= SMALLEST):
        return outcomes
    try:
        with os.fdopen(os.memfd_create("pixels"), "wb") as memory:
            memory.writelines(array.data for array in arrays)
            memory.flush()
            descriptor = reduction.DupFd(memory.fileno())
    except OSError:
        return outcomes
    return Shared(
        descriptor, [one if isinstance(one, DataError) else [array.shape for array in one] for one in outcomes]
    )


def received(sent: list[Outcome] | Shared) -> list[Outcome]:
    """In the model's process: what `load` made.

    Raises:
        OSError, EOFError: the worker that shared it is gone.
    """
    if not isinstance(sent, Shared):
        return sent
    descriptor = sent.descriptor.detach()
    try:
        memory = mmap.mmap(descriptor, 0, prot=mmap.PROT_READ)
    finally:
        os.close(descriptor)
    outcomes: list[Outcome] = []
    place = 0
    for shapes in sent.shapes:
        if isinstance(shapes, DataError):
            outcomes.append(shapes)
            continue
        arrays = []
        for shape in shapes:
            count = math.prod(shape)
            arrays.append(np.frombuffer(memory, np.uint8, count, place).reshape(shape))
            place += count
        outcomes.append(arrays)
    return outcomes

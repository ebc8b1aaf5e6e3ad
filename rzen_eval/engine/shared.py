"""Loaded pixels from a worker to the model's process without a copy through a pipe."""

from __future__ import annotations

import math
import mmap
import os
from dataclasses import dataclass
from multiprocessing import reduction
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from rzen_eval.models.pixels import Pictures, Pixels

SMALLEST = 2**17
"""Bytes below which a pipe costs less."""


@dataclass(frozen=True, slots=True)
class Shared:
    """Arrays one after the other in memory without a name, which is gone with the last process that holds it."""

    descriptor: Any
    """`multiprocessing.reduction.DupFd` of the memory."""
    shapes: tuple[tuple[int, ...], ...]


def load(pictures: Pictures, *, share: bool) -> list[Pixels] | Shared:
    """In a worker: load pictures, and leave them in shared memory where that is wanted, worth it and possible."""
    loaded = pictures.load()
    if not (share and hasattr(os, "memfd_create") and sum(one.nbytes for one in loaded) >= SMALLEST):
        return loaded
    try:
        with os.fdopen(os.memfd_create("pixels"), "wb") as memory:
            memory.writelines(one.data for one in loaded)
            memory.flush()
            return Shared(reduction.DupFd(memory.fileno()), tuple(one.shape for one in loaded))
    except OSError:
        return loaded


def received(sent: list[Pixels] | Shared) -> list[Pixels]:
    """In the model's process: the arrays.

    Raises:
        OSError, EOFError: the worker that shared them is gone.
    """
    if not isinstance(sent, Shared):
        return sent
    descriptor = sent.descriptor.detach()
    try:
        memory = mmap.mmap(descriptor, 0, prot=mmap.PROT_READ)
    finally:
        os.close(descriptor)
    pixels = np.frombuffer(memory, dtype=np.uint8)
    ends = np.cumsum([math.prod(shape) for shape in sent.shapes])
    parts = np.split(pixels, ends[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, sent.shapes, strict=True)]

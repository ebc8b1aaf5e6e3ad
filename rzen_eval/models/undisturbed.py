"""Using a model that is being trained, so that its training goes on as if nothing had been."""

from __future__ import annotations

import random
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch


@contextmanager
def undisturbed(model: object) -> Iterator[None]:
    """Evaluate in between: dropout off, no gradients; afterwards all as before.

    What is kept: `training` of every part, the numbers that torch (on every GPU too), numpy and `random` will draw,
    and whether gradients are recorded. Parts are not told of it by `eval()`: some merge an adapter into their weights
    there.

    Args:
        model: a module, or an object with modules among its attributes; for one without there is nothing to keep but
            the random numbers.
    """
    import torch

    modes = {part: part.training for module in modules(model) for part in module.modules()}
    drawn = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002 - the state of others
    on_gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]
    try:
        for part in modes:
            part.training = False
        with torch.no_grad():
            yield
    finally:
        for part, training in modes.items():
            part.training = training
        random.setstate(drawn[0])
        np.random.set_state(drawn[1])  # noqa: NPY002 - likewise
        torch.set_rng_state(drawn[2])
        if on_gpus:
            torch.cuda.set_rng_state_all(on_gpus)


def modules(model: object) -> list[torch.nn.Module]:
    """The module that a model is, or those among its attributes."""
    import torch

    if isinstance(model, torch.nn.Module):
        return [model]
    attributes = getattr(model, "__dict__", {})
    return [value for value in attributes.values() if isinstance(value, torch.nn.Module)]

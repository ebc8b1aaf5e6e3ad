"""The patch embedding of a vision tower as the matrix product that it is.

Patches come cut, so each meets a whole kernel once and the convolution slides nowhere; torch's convolution takes about
three times as long for it on a CPU. States differ by float rounding.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch


def as_product(network: Any) -> list[Any]:
    """Let a loaded model embed patches by a matrix product; its weights and their names stay.

    Args:
        network: of transformers; convolutions that slide, and those that someone else computes otherwise, stay.

    Returns:
        The convolutions that are not computed as such any more.
    """
    from torch import nn

    convolutions = [part for part in network.modules() if isinstance(part, nn.Conv3d) and "forward" not in vars(part)]
    found = [part for part in convolutions if _meets_once(part)]
    for part in found:
        part.forward = partial(_product, part)  # type: ignore[method-assign]
    return found


@contextmanager
def lent(network: Any) -> Iterator[None]:
    """As `as_product`, for a while."""
    found = as_product(network)
    try:
        yield
    finally:
        for part in found:
            del part.forward


def _meets_once(part: Any) -> bool:
    return part.kernel_size == part.stride and part.groups == 1 and not any(part.padding) and set(part.dilation) == {1}


def _product(part: Any, patches: torch.Tensor) -> torch.Tensor:
    """Of patches of shape (patches, channels, frames, side, side), shape (patches, size, 1, 1, 1)."""
    from torch.nn.functional import linear

    if patches.shape[2:] != part.kernel_size:  # pictures as a whole
        slid: torch.Tensor = type(part).forward(part, patches)
        return slid
    return linear(patches.flatten(1), part.weight.flatten(1), part.bias)[..., None, None, None]

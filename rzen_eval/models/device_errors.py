"""What errors of a device mean, which libraries beneath torch each tell in their own way."""

from __future__ import annotations

FULL = (
    "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUBLAS_STATUS_NOT_INITIALIZED",
    "CUDNN_STATUS_ALLOC_FAILED", "MPS backend out of memory",
)  # fmt: skip
"""What is said where memory that torch does not hand out itself is used up: for a library's own needs, say."""


def full(error: BaseException) -> bool:
    """Whether the memory of a device did not suffice, so that less may fit."""
    import torch

    return isinstance(error, torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and any(said in str(error) for said in FULL)
    )


def lost(error: BaseException) -> bool:
    """Whether a GPU will answer nothing more in this process, such as after a kernel read beyond its memory."""
    return isinstance(error, RuntimeError) and "CUDA error: " in str(error) and not full(error)

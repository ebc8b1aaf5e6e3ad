"""Device, dtype and attention: what was asked for, or the best that is there."""

from __future__ import annotations

import ctypes
import math
import os
import sys
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from rzen_eval.errors import ConfigError, ModelError, reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

    from rzen_eval.models.declaration.external import SentenceTransformersSpec
    from rzen_eval.models.declaration.local import Declared, ModelSpec
    from rzen_eval.models.declaration.reranker import CrossEncoderSpec


def device(spec: Declared) -> torch.device:
    """The device asked for, or the first GPU if there is one.

    Raises:
        ModelError: the device is not there.
    """
    import torch

    if spec.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(spec.device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError) as error:
        raise ModelError(
            f"{spec.name}: device {spec.device!r} is not there ({reason(error)}); try device=auto"
        ) from error
    return chosen


@contextmanager
def at_work(device: torch.device, dtype: torch.dtype) -> Iterator[None]:
    """Compute on a device for a while: it is the current one, and float32 is float32.

    Code of others works on the current GPU and not where its tensors are.
    """
    import torch

    if device.type != "cuda" or not torch.cuda.is_available():
        yield
        return
    with torch.cuda.device(device), exact() if dtype is torch.float32 else nullcontext():
        yield


@contextmanager
def exact() -> Iterator[None]:
    """Let a GPU round float32 to no fewer bits for a while, whatever the program around has chosen, which stays.

    To ten bits (TensorFloat-32) convolutions are rounded unless torch is told otherwise, and products where it is told
    to. Since torch 2.9 it is told by other names, and asking by the old ones can be an error.
    """
    import torch

    parts: list[Any] = [torch.backends.cudnn, torch.backends.cuda.matmul]
    name, off = "allow_tf32", cast("Any", False)
    if hasattr(torch.backends.cudnn, "conv"):
        parts[0], name, off = torch.backends.cudnn.conv, "fp32_precision", "ieee"
    before = [getattr(part, name) for part in parts]
    try:
        for part in parts:
            setattr(part, name, off)
        yield
    finally:
        for part, was in zip(parts, before, strict=True):
            setattr(part, name, was)


def need_rank_device(name: str) -> None:
    """Find out now, and not after hours of work, that candidates cannot be ranked on a device.

    Raises:
        ConfigError: it is not there.
    """
    if name == "cpu":
        return
    import torch

    try:
        torch.empty(0, device=torch.device(name))
    except (RuntimeError, AssertionError) as error:
        said = reason(error).partition(". ")[0]
        raise ConfigError(
            f"runtime.rank_device={name} is not there ({said}); leave it out to rank on the CPU"
        ) from error


def surely_cpu(spec: Declared) -> bool:
    """Whether a model can only run on the CPU, as far as that can be told without torch, which takes a second."""
    if spec.device != "auto":
        return spec.device == "cpu"
    return sys.platform == "linux" and not Path("/dev/kfd").exists() and not _has_cuda()


def _has_cuda() -> bool:
    """Whether NVIDIA's driver is there, without which torch sees no GPU."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


def dtype(spec: ModelSpec | SentenceTransformersSpec | CrossEncoderSpec, device: torch.device) -> torch.dtype:
    """The dtype asked for, or the one that suits the device."""
    import torch

    name = spec.dtype if spec.dtype != "auto" else "float32" if device.type == "cpu" else "bfloat16"
    chosen: torch.dtype = getattr(torch, name)
    return chosen


def attention(spec: ModelSpec, device: torch.device, dtype: torch.dtype) -> str:
    """The kernel asked for, or that which suits the device and dtype.

    Raises:
        ModelError: it was asked for and cannot be had.
    """
    wanted = "flash" if spec.attention == "flash_attention_2" else spec.attention
    if wanted == "auto":
        return next((name for name in KERNELS if _missing(name, device, dtype) is None), "sdpa")
    if wanted in KERNELS and (lacks := _missing(wanted, device, dtype)):
        raise ModelError(
            f"{spec.name}: attention={spec.attention} needs {lacks}, found {device.type} and {dtype};"
            " use attention=sdpa"
        )
    return wanted


KERNELS = {"varlen": "torch 2.10 built with flash attention", "flash": "the package flash_attn"}
"""Those for items of any length, the first choice first, and where they are."""


def _missing(kernel: str, device: torch.device, dtype: torch.dtype) -> str | None:
    """What a kernel needs where something is not there."""
    import torch

    there = (
        device.type == "cuda"
        and dtype.itemsize == 2
        and torch.cuda.get_device_capability(device) >= (8, 0)
        and _loads(kernel)
    )
    return None if there else f"{KERNELS[kernel]}, a GPU of compute capability 8.0 and a 16-bit dtype"


def _loads(kernel: str) -> bool:
    """Whether a kernel can be imported: a package may be of another torch, or of this name and without the function."""
    import torch

    try:
        if kernel == "varlen":
            from torch.nn.attention.varlen import varlen_attn  # noqa: F401

            return torch.backends.cuda.is_flash_attention_available()
        from flash_attn import flash_attn_varlen_func  # noqa: F401
    except Exception:  # noqa: BLE001 - of a library that was built for another torch, say
        return False
    return True


ON_CPU = 1024
"""Tokens of a batch on the CPU: with more the states between layers leave its caches, and pictures take longer."""
USUAL = 8192
"""Where neither caches nor the device's memory say, as of a GPU on which someone trains the module."""
MOST_TOKENS = 65_536
"""Of a batch on a GPU; long before that it is busy."""


@dataclass(frozen=True, slots=True)
class GpuMemory:
    """What is known of a GPU's memory; asking does not wait for it."""

    device: torch.device

    def free(self) -> int:
        """As `Meter`: what nobody has, and what torch keeps for what comes."""
        import torch

        nobodys, whole = torch.cuda.mem_get_info(self.device)
        used = torch.cuda.memory_allocated(self.device)
        mine = int(whole * torch.cuda.get_per_process_memory_fraction(self.device.index))
        return min(nobodys + torch.cuda.memory_reserved(self.device), mine) - used

    def restart(self) -> int:
        """As `Meter`."""
        import torch

        torch.cuda.reset_peak_memory_stats(self.device)
        return torch.cuda.memory_allocated(self.device)

    def peak(self) -> int:
        """As `Meter`."""
        import torch

        return torch.cuda.max_memory_allocated(self.device)


SHARED = 0.95
"""Of a GPU's memory for the processes that share it; the rest is for what each has beside its tensors."""


def share(device: torch.device, sharing: int) -> None:
    """Keep to a share of a GPU's memory, where so many processes of a run are on it.

    Else the one whose batch is measured first takes four fifths of what is free, and others find no room for an item.
    """
    import torch

    if device.type == "cuda" and sharing > 1:
        torch.cuda.set_per_process_memory_fraction(SHARED / sharing, device.index)


def tokens_per_batch(device: torch.device, config: Any, bytes_a_number: int) -> int:
    """Tokens of a batch that fit into a device beside a model's weights.

    What a token takes while it goes through a layer, attention computed in blocks: of the language model eight hidden
    states and three of the feed-forward network, and for each of the four patches behind it the same of the vision
    tower; half as much again for the allocator. A power of two of the device's memory as a whole, so that the same
    kind of device always gives the same batches. Where the estimate is wrong, batches are halved.

    Args:
        device: where the model is.
        config: with `text_config` and `vision_config`.
        bytes_a_number: of the model's dtype.
    """
    import torch

    if device.type != "cuda":
        return ON_CPU
    return _fitting(torch.cuda.get_device_properties(device).total_memory, config, bytes_a_number)


def _fitting(memory: int, config: Any, bytes_a_number: int) -> int:
    text, vision = config.text_config, config.vision_config
    layer = text.hidden_size * (2 * text.hidden_size + 3 * text.intermediate_size)
    # Qwen2-VL's `hidden_size` is that of the language model; others have no `embed_dim`.
    wide = getattr(vision, "embed_dim", None) or vision.hidden_size
    inner = getattr(vision, "intermediate_size", None) or int(vision.mlp_ratio * wide)
    patch = 8 * wide + 2 * inner
    weights = text.num_hidden_layers * layer + text.vocab_size * text.hidden_size
    weights += vision.num_hidden_layers * wide * (4 * wide + 2 * inner)
    token = 1.5 * (8 * text.hidden_size + 3 * text.intermediate_size + 4 * patch)
    room = (0.9 * memory / bytes_a_number - weights) / token
    return max(1024, min(MOST_TOKENS, 1 << int(math.log2(max(room, 1)))))


def share_cores(device: torch.device, workers: int) -> None:
    """Where the model runs on the CPU, leave a core to every process that loads pictures.

    Threads of one process that wait for cores that others hold cost several times what they bring.
    A user who sets OMP_NUM_THREADS has decided already.
    """
    import torch

    if device.type == "cpu" and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) - workers))

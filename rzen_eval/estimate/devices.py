"""Devices that a run is timed for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Device:
    """A device and what it can do at best."""

    title: str
    tflops: float
    """Peak of dense matrix products, 10¹² operations a second; bfloat16 on GPUs."""
    source: str


DEVICES: Mapping[str, Device] = {
    "h200": Device("H200", 989, "NVIDIA H200 data sheet, SXM: 1,979 with sparsity"),
    "h100": Device("H100", 989, "NVIDIA H100 data sheet, SXM: 1,979 with sparsity"),
    "a100": Device("A100 80 GB", 312, "NVIDIA A100 data sheet"),
    "l40s": Device("L40S", 362, "NVIDIA L40S data sheet: 733 with sparsity"),
    "rtx4090": Device("RTX 4090", 165, "NVIDIA Ada architecture whitepaper, float32 accumulation"),
    "cpu": Device("2 CPU cores", 0.12, "float32, measured: 2,048-square products on two cores of a shared server"),
}
DEFAULT = ("h100", "a100", "l40s")
EFFICIENCY = 0.4
"""Share of the peak that is assumed to be reached; what padding costs is in it."""


def seconds(flops: int, device: Device, *, efficiency: float, n_devices: int) -> float:
    """How long so many operations take on devices that share the work evenly and never wait for pictures."""
    return flops / (device.tflops * 1e12 * efficiency * n_devices)

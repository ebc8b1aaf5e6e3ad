"""Devices that a run is timed for."""

from __future__ import annotations

import re
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
    called: str = ""
    """What drivers call it, without the maker's name: a regular expression."""


DEVICES: Mapping[str, Device] = {
    "b200": Device("B200", 2250, "NVIDIA HGX B200 data sheet: 4,500 with sparsity", "B200"),
    "h200": Device("H200", 989, "NVIDIA H200 data sheet, SXM: 1,979 with sparsity", r"H200|GH200 \d+GB?( HBM3e)?"),
    "h200nvl": Device("H200 NVL", 835, "NVIDIA H200 data sheet, NVL: 1,671 with sparsity", "H200 NVL"),
    "h100": Device("H100", 989, "NVIDIA H100 data sheet, SXM: 1,979 with sparsity", r"H100 (\d+GB HBM3|SXM5?.*)"),
    "h100nvl": Device("H100 NVL", 835, "NVIDIA H100 data sheet, NVL: 1,671 with sparsity", "H100 NVL"),
    "h100pcie": Device("H100 PCIe", 756, "NVIDIA H100 data sheet, PCIe: 1,513 with sparsity", "H100 PCIE"),
    "a100": Device("A100 80 GB", 312, "NVIDIA A100 data sheet", "A100 (SXM|PCIE|80GB PCIE).*"),
    "l40s": Device("L40S", 362, "NVIDIA L40S data sheet: 733 with sparsity", "L40S"),
    "rtx4090": Device("RTX 4090", 165, "NVIDIA Ada architecture whitepaper, float32 accumulation", "GeForce RTX 4090"),
    "cpu": Device("2 CPU cores", 0.12, "float32, measured: 2,048-square products on two cores of a shared server"),
}
DEFAULT = ("h100", "a100", "l40s")
EFFICIENCY = 0.4
"""Share of the peak that is assumed to be reached; what padding costs is in it."""


def named(name: str) -> Device | None:
    """The device that a driver calls so; None: it is none of these, or a part of one, or one of less power."""
    if " MIG " in name:
        return None
    own = name.replace("-", " ").removeprefix("NVIDIA ")
    return next((one for one in DEVICES.values() if one.called and re.fullmatch(one.called, own, re.IGNORECASE)), None)


def seconds(flops: int, device: Device, *, efficiency: float, n_devices: int) -> float:
    """How long so many operations take on devices that share the work evenly and never wait for pictures."""
    return flops / (device.tflops * 1e12 * efficiency * n_devices)

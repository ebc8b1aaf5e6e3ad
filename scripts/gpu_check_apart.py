"""How `gpu_check.py` runs its parts: each in a process of its own, with a limit; what it has found by then counts."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import platform
import signal
import subprocess
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PACKAGES = ("torch", "transformers", "numpy", "safetensors", "pillow", "flash_attn")
ASKED = ("name", "driver_version", "memory.total", "power.limit", "clocks.max.sm", "mig.mode.current")
"""Of nvidia-smi."""
Found = tuple[str, Any]


def machine() -> Iterator[Found]:
    """What the figures are of: device, driver, versions, and the commit of this code."""
    yield "python", platform.python_version()
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            yield package, importlib.metadata.version(package)
    root = Path(__file__).resolve().parents[1]
    yield "commit", told("git", "-C", str(root), "describe", "--always", "--dirty")
    yield "cores", len(os.sched_getaffinity(0))
    if not torch.cuda.is_available():
        yield "device", "CPU: nothing here says anything of a GPU"
        return
    yield "cuda", torch.version.cuda
    yield "cudnn", torch.backends.cudnn.version()
    yield "built with flash attention", torch.backends.cuda.is_flash_attention_available()
    yield "devices", torch.cuda.device_count()
    yield "nvidia-smi", told("nvidia-smi", f"--query-gpu={','.join(ASKED)}", "--format=csv,noheader")
    known = torch.cuda.get_device_properties(0)
    yield "device", known.name
    yield "capability", f"{known.major}.{known.minor}"
    yield "memory GB", round(known.total_memory / 1e9, 1)
    yield "processors", known.multi_processor_count


def told(*command: str) -> str:
    """What a program says, or why it says nothing."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=15).stdout.strip()
    except (OSError, subprocess.SubprocessError) as error:
        return f"not known ({type(error).__name__})"


def gathered(part: Callable[[], Iterator[Found]], note: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """What a part finds, and the error that it ends with.

    Args:
        part: yields names with what was found.
        note: given all that there is after each of them.
    """
    found: dict[str, Any] = {}
    try:
        for name, value in part():
            found[name] = value
            note(found)
    except Exception as error:  # noqa: BLE001 - the other parts go on
        found["error"] = f"{type(error).__name__}: {error}"
        found["where"] = traceback.format_exc().splitlines()[-6:]
        note(found)
    return found


def apart(command: Sequence[str], file: Path, limit: float) -> dict[str, Any]:
    """What a process notes in a file until it ends, or is ended with all that it has started.

    Args:
        command: of the process.
        file: JSON, replaced by it as it goes on.
        limit: seconds that it has.
    """
    running = subprocess.Popen(list(command), start_new_session=True)
    ended: str | None = None
    try:
        if code := running.wait(limit):
            ended = f"its process ended with exit code {code}"
    except subprocess.TimeoutExpired:
        ended = f"not done after {limit:.0f} s"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    found: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {}
    return found if ended is None else {**found, "error": ended}


def write(file: Path, content: Any) -> None:
    """Replace a file as a whole."""
    beside = file.with_name(f"{file.name}.new")
    beside.write_text(json.dumps(content, indent=1) + "\n")
    beside.replace(file)


class Time:
    """Seconds that are left for all parts together."""

    def __init__(self, whole: float) -> None:
        self.end = time.monotonic() + whole

    def left(self) -> float:
        """At least none."""
        return max(0.0, self.end - time.monotonic())

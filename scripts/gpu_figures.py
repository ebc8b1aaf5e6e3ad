"""Rows of docs/figures.md, On a GPU, from what `gpu_check.py` has written: every figure is one of that file.

usage: python scripts/gpu_figures.py gpu_check.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rzen_eval.estimate.speed import Speeds

if TYPE_CHECKING:
    from collections.abc import Callable


def hours(model: str, speeds: dict[str, Any]) -> str:
    """Of MMEB-V2, at the measured speed; as `rzen-eval estimate --devices FILE` has it."""
    from rzen_eval.cli.estimate import costs_of
    from rzen_eval.config import compose
    from rzen_eval.estimate.checkpoint import known, offline
    from rzen_eval.estimate.item_cost import Reader

    config: Any = compose.load([f"model={model}", "task=mmeb_v2", "data=hub"])
    with offline():
        costs = [cost for cost in costs_of(config, Reader.of(known(config.model))) if cost.known]
    return f"{Speeds.model_validate(speeds).seconds(costs) / 3600:.2f} ({len(costs)} tasks)"


def rows(found: dict[str, Any], hours: Callable[[str, dict[str, Any]], str] = hours) -> list[tuple[str, str]]:
    """What was measured, and the figures.

    Args:
        found: what the script has written.
        hours: of all tasks, of a model and its measured speeds.
    """
    parts = found["parts"]
    made: list[tuple[str, str]] = []
    benched = {name.split()[1]: part for name, part in parts.items() if name.startswith("bench ") and "shapes" in part}
    if benched:
        worst = max(shape["batch to bare"] for part in benched.values() for shape in part["shapes"].values())
        made.append(("embedding against the bare forward pass of the same batches", f"{worst:.2f} times at most"))
    for model, part in benched.items():
        peak = part["speeds"]["peak_tflops"]
        for kind, shape in part["shapes"].items():
            share = f"{shape['share of peak']:.0%} of {peak:g} TFLOP/s, {shape['items/s']:.3g} items/s"
            made.append((f"`{model}`, {kind}s: share of the peak", share))
        for kind in part["shapes"]:
            plain = part.get(f"plain loop, {kind}", {})
            if "times" in plain:
                said = f"{plain['times']:.2f}, pictures prepared {plain['times, pictures prepared']:.2f}"
                made.append((f"`{model}`, {kind}s: times the items a second of the plain loop", said))
        made.append((f"`{model}`: hours of all 78 tasks", hours(model, part["speeds"])))
    if "times" in parts.get("two", {}):
        made.append(("pages a second of two processes on it against one", f"{parts['two']['times']:.2f} times"))
    checked = ("goldens", "kernels", "ranking", "waiting")
    return made + [(name, verdict(parts[name])) for name in checked if name in parts]


def verdict(part: dict[str, Any]) -> str:
    """How many checks of a part hold, and which do not."""
    checks = {name: one for name, one in part.items() if isinstance(one, dict) and "holds" in one}
    failed = [name for name, one in checks.items() if not one["holds"]]
    said = f"{len(checks) - len(failed)} of {len(checks)} hold"
    return said + (f"; not {', '.join(failed)}" if failed else "") + ("; not done" if "error" in part else "")


def main() -> None:
    found = json.loads(Path(sys.argv[1]).read_text())
    there = found["parts"].get("device", {})
    told = ["torch", "transformers", "nvidia-smi", "cuda", "commit"]
    print(f"{found['device']}; " + ", ".join(f"{name} {there[name]}" for name in told if name in there))
    print("\n| what | measured |\n|:---------|:---------|")
    for what, figure in rows(found):
        print(f"| {what} | {figure} |")


if __name__ == "__main__":
    main()

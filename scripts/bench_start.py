"""How long a run takes from its start to its first batch, beside importing torch and the model's class alone.

One task of the bundled sample through the bundled model; rows and digests are kept, vectors and results are not. Each
is a process of its own, with no processes for pictures, and they take turns. CPU time, of user and system, is what a
machine with other work can say; wall time is beside it.

usage: python scripts/bench_start.py [--task visdoc/vidore_arxivqa] [--rounds 5]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ALONE = "import torch; from transformers import Qwen2VLModel"


def child(words: list[str]) -> None:
    """In a process of its own: run to the first batch, and end there."""
    from rzen_eval.config import compose
    from rzen_eval.evaluation.progress import Progress
    from rzen_eval.evaluation.session import run

    class First(Progress):
        """Ends the process when the first batch is done."""

        def step(self, task: str, items: int, tokens: int) -> None:  # noqa: ARG002 - as its base class has it
            os._exit(0)

    run(compose.load(words), First("quiet"))
    raise SystemExit("there was no batch")


def spent(command: list[str]) -> tuple[float, float]:
    """Seconds of CPU and wall time."""
    began = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"a process ended with exit code {process.returncode}")
    return used.ru_utime + used.ru_stime, wall


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="visdoc/vidore_arxivqa")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(json.loads(options.child))
        return
    with tempfile.TemporaryDirectory() as scratch:
        places = [f"{name}_dir={Path(scratch) / name}" for name in ("results", "cache")]
        words = [f"task={options.task}", *places, "runtime.workers=0", "runtime.store=null"]
        commands = {
            "to the first batch": [sys.executable, __file__, "--child", json.dumps(words)],
            "torch and transformers alone": [sys.executable, "-c", ALONE],
        }
        spent(commands["to the first batch"])  # makes the sample and keeps its rows
        found = {name: [spent(command) for command in commands.values()] for name in range(options.rounds)}
        for place, name in enumerate(commands):
            cpu, wall = zip(*(row[place] for row in found.values()), strict=True)
            print(f"{name:<30} CPU {min(cpu):5.2f} to {max(cpu):5.2f} s, wall {min(wall):5.2f} to {max(wall):5.2f} s")


if __name__ == "__main__":
    main()

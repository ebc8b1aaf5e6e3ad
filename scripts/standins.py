"""Load every declaration from a stand-in under its true repository id, and score the sample with it.

    python scripts/standins.py                       a task of each of the twelve groups, every declaration
    python scripts/standins.py tasks=mmeb_v2 gme_2b  all tasks, one declaration

The stand-ins are small and random: what is shown is that a declaration loads and runs, not what a model can do.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests import standins
from tests.loopback import Hub


def main() -> int:
    asked = [word for word in sys.argv[1:] if "=" not in word]
    tasks = next((word.partition("=")[2].split(",") for word in sys.argv if word.startswith("tasks=")), None)
    settings = [word for word in sys.argv[1:] if "=" in word and not word.startswith("tasks=")]
    declared = standins.declared()
    if unknown := [name for name in asked if name not in declared]:
        print(f"no stand-in for {unknown[0]!r}; expected some of {', '.join(declared)}", file=sys.stderr)
        return 2
    failed = []
    with tempfile.TemporaryDirectory() as folder, Hub(Path(folder, "hub")) as hub:
        for name in asked or declared:
            there = standins.put(hub.root, name, declared[name])
            began = time.perf_counter()
            done = standins.score(
                name, hub, Path(folder), tasks=tasks or standins.ONE_OF_EACH, settings=[*there, *settings]
            )
            n_scored = len(list(Path(folder, "results", name).glob("*.json")))
            print(f"{name}: {n_scored} tasks, {time.perf_counter() - began:.0f} s", flush=True)
            if done.returncode:
                failed.append(name)
                print(done.stdout[-1500:] + done.stderr[-1500:])
    print(f"failed: {', '.join(failed)}" if failed else "all load and run")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())

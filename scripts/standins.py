"""Load every declaration from a stand-in under its true repository id, and score the sample with it.

    python scripts/standins.py                       a task of each of the twelve groups, every declaration
    python scripts/standins.py tasks=mmeb_v2 gme_2b  all tasks, one declaration

The stand-ins are small and random, and an API's is a server on loopback: what is shown is that a declaration loads and
runs, not what a model can do.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.loopback import Hub
from tests.loopback_api import serving

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    tasks = next((word.partition("=")[2].split(",") for word in arguments if word.startswith("tasks=")), None)
    settings = [word for word in arguments if "=" in word and not word.startswith("tasks=")]
    asked = [word for word in arguments if "=" not in word]
    with tempfile.TemporaryDirectory() as place, Hub(Path(place, "hub")) as hub, serving() as api:
        folder = Path(place)
        # Before anything is imported that reads them once.
        os.environ |= hub.environment(folder / "home") | {"ARK_API_KEY": "stand-in"}
        from rzen_eval.cli import main as cli
        from tests import standins

        declared = standins.declared()
        if unknown := [name for name in asked if name not in declared]:
            print(f"no stand-in for {unknown[0]!r}; expected some of {', '.join(declared)}", file=sys.stderr)
            return 2
        failed = []
        for name in asked or declared:
            there = standins.put(hub.root, name, declared[name], api.url)
            began, said = time.perf_counter(), io.StringIO()
            with redirect_stdout(said), redirect_stderr(said):
                code = cli.main([*standins.words(name, folder, tasks or standins.ONE_OF_EACH), *there, *settings])
            n_scored = len(list((folder / "results" / name).glob("*.json")))
            print(f"{name}: {n_scored} tasks, {time.perf_counter() - began:.0f} s", flush=True)
            if code:
                failed.append(name)
                print(said.getvalue()[-3000:])
    print(f"failed: {', '.join(failed)}" if failed else "all load and run")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

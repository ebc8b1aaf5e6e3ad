"""What two runs at once with one cache folder make, against what one makes.

python scripts/bench_two_runs.py task=visdoc
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rzen_eval.data import bundled


def start(words: list[str], results: Path, cache: Path) -> subprocess.Popen[bytes]:
    """A run in a process of its own."""
    places = [f"results_dir={results}", f"cache_dir={cache}", "runtime.workers=0", "runtime.progress=quiet"]
    command = [sys.executable, "-m", "rzen_eval", *words, *places]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def measured(words: list[str], at_once: int, root: Path, sample: Path) -> dict[str, object]:
    """Start runs together and wait for all."""
    cache, began = root / f"cache-{at_once}", time.monotonic()
    (cache / "sample").mkdir(parents=True)
    (cache / "sample" / bundled.version()).symlink_to(sample)
    runs = [start(words, root / f"results-{at_once}-{number}", cache) for number in range(at_once)]
    codes = [run.wait() for run in runs]
    seconds = time.monotonic() - began
    scores = [
        {
            file.stem: json.loads(file.read_text())["score"]
            for file in (root / f"results-{at_once}-{number}").rglob("*.json")
        }
        for number in range(at_once)
    ]
    return {
        "runs": at_once,
        "exit codes": codes,
        "chunks": len(list((cache / "vectors").rglob("*.vectors"))),
        "seconds": round(seconds, 1),
        "tasks": len(scores[0]),
        "scores": scores,
    }


def main() -> None:
    """Measure one run, then two at once, and say how many chunks of vectors each wrote."""
    words = sys.argv[1:] or ["task=visdoc"]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        sample = bundled.folder(root / "made")
        found = [measured(words, at_once, root, sample) for at_once in (1, 2)]
    scores = [one for several in found for one in several.pop("scores")]  # type: ignore[attr-defined]
    for one in found:
        print(json.dumps(one))
    print("all scores are the same" if all(one == scores[0] for one in scores) else "SCORES DIFFER")


if __name__ == "__main__":
    main()

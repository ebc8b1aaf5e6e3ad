"""What the engine costs beside the least work that there is, and what it saves beside a plain loop.

A random Qwen2-VL of about 20 M parameters and a mirror of five tasks in their true layouts are made by this script
(`bench_engine_mirror.py`). Every run is a process of its own, measured from outside with all its children: wall time,
CPU time, and the most memory that they held together (each shared page counted once for all its holders).

parts:
  ours      the harness' own session with an empty store, then with the store kept and the results deleted
  least     every distinct item read once and forwarded in batches sorted by length; nothing else
  official  a plain loop as the official evaluator's: batches of 16 in row order, LM head, repeats embedded again
  pool      runtime=pool with two processes of a thread each, beside one such process
  rank      ranking and metrics of 10,000 queries over 20,000 candidates, in CPU time; the plain loop on --sampled
  memory    the session without a model's arithmetic at --distinct and --items items with pictures of 56 by 56 pixels

Wall times are the least of --rounds, and so are CPU times. The session leaves a core to its loader; the least work
runs with as many threads as that leaves the model, so that waiting threads count for neither; the plain loop has all.
With --threads all have so many, and CPU times of one thread are what a single core would take, whatever else runs.

usage: python scripts/bench_engine.py [--parts ours,least,official,pool,rank,memory] [--rounds 2] [--distinct 2000]
       [--items 50000] [--dimensions 1024] [--sampled 1000] [--folder DIR] [--threads N]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import machine
import numpy as np
from bench_engine_baselines import least, official, official_scores
from bench_engine_mirror import TASKS, make_checkpoint, make_mirror

from rzen_eval.evaluation.progress import Progress
from rzen_eval.models.batch import Pending, Staged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rzen_eval.core import Result, Vectors

PARTS = ("ours", "least", "official", "pool", "rank", "memory")
MODEL_CORES = max(1, len(os.sched_getaffinity(0)) - 1)


@dataclass(frozen=True, slots=True)
class Measured:
    """A run, from outside and as it told itself."""

    wall: float
    cpu: float
    peak: float
    """MB of the process and its children together."""
    own: float
    """The most without pages of files, which libraries and mapped tables are; others that have the same share these."""
    told: dict[str, Any]

    @property
    def past_start(self) -> float:
        """Wall seconds between the interpreter's start, libraries included, and its end, which takes seconds too."""
        return float(self.told["work"])


class Clock(Progress):
    """Notes when embedding began, when batches were done, and what the results say."""

    def __init__(self) -> None:
        super().__init__("quiet")
        self.began = self.first = self.last = time.time()
        self.items = self.tokens = self.items_after_first = 0
        self.results: list[Result] = []
        self.errors: list[str] = []

    def begin(self, items: int) -> None:
        super().begin(items)
        if not self.items:  # a second pass may follow, for what tasks share
            self.began = self.last = time.time()

    def step(self, task: str, items: int, tokens: int) -> None:
        super().step(task, items, tokens)
        self.last = time.time()
        if self.items:
            self.items_after_first += items
        else:
            self.first = self.last
        self.items += items
        self.tokens += tokens

    def scored(self, result: Result, *, kept: bool) -> None:
        super().scored(result, kept=kept)
        self.results.append(result)

    def failed(self, task: str, message: str) -> None:
        super().failed(task, message)
        self.errors.append(message)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--distinct", type=int, default=2_000, help="items of all parts but rank")
    parser.add_argument("--items", type=int, default=50_000, help="of the larger run of the part memory")
    parser.add_argument("--dimensions", type=int, default=1024, help="of the part rank")
    parser.add_argument("--sampled", type=int, default=1_000, help="queries of the plain loop in the part rank")
    parser.add_argument("--folder", type=Path, help="where mirrors and checkpoint are kept; a temporary one otherwise")
    parser.add_argument("--threads", type=int, help="of torch, in every run")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(**json.loads(options.child))
        return
    parts = options.parts.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(f"no part is called {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(options.folder or Path(scratch), options.rounds, options.distinct, options.threads)
        lines = bench.embedding(parts)
        if "rank" in parts:
            lines += ranking(10_000, 20_000, options.dimensions, options.sampled)
        if "memory" in parts:
            lines += bench.memory(options.items)
    print("\n".join([*lines, machine.told()]))


@dataclass
class Bench:
    """Runs processes in a folder.

    Args:
        folder: for mirrors, checkpoint, stores and results.
        rounds: how often each is run.
        distinct: items that are embedded.
        threads: of torch in every run; None: as each has them.
    """

    folder: Path
    rounds: int
    distinct: int
    threads: int | None = None

    def embedding(self, parts: Sequence[str]) -> list[str]:
        """The parts that embed, with their goals."""
        if not set(parts) & {"ours", "least", "official", "pool"}:
            return []
        rows: dict[str, Measured] = {}
        for _ in range(self.rounds):  # in turns, so that other work on the machine falls on all
            if "ours" in parts:
                _better(rows, "ours, empty store", self.run("session"))
                _better(rows, "ours, store kept", self.run("session", keep=True))
            if "least" in parts:
                _better(rows, "least work", self.run("least", threads=MODEL_CORES))
            if "official" in parts:
                _better(rows, "plain loop", self.run("official"))
            if "pool" in parts:
                for size in (1, 2):
                    settings = ("runtime=pool", f"runtime.processes={size}")
                    _better(rows, f"pool of {size}", self.run("session", *settings, threads=1))
        lines = [
            f"{self.distinct} distinct items of {len(TASKS)} tasks",
            HEAD,
            *(line(name, row) for name, row in rows.items()),
            "",
        ]
        return lines + goals(rows)

    def memory(self, items: int) -> list[str]:
        """Peak memory at both sizes."""
        lines = ["memory, without a model's arithmetic", HEAD]
        small, large = (self.run("session", n=n, cheap=True, still=True) for n in (self.distinct, items))
        lines += [line(f"{self.distinct} items", small), line(f"{items} items", large)]
        more = items - self.distinct
        lines.append(
            f"{large.peak - small.peak:+.0f} MB for {more} items more, {large.own - small.own:+.1f} without files"
        )
        return lines

    def run(
        self,
        what: str,
        *settings: str,
        n: int | None = None,
        cheap: bool = False,
        keep: bool = False,
        still: bool = False,
        threads: int | None = None,
    ) -> Measured:
        """A process of its own, with an empty store unless `keep`, and never with results."""
        n = n or self.distinct
        mirror, checkpoint = self.folder / f"mirror-{n}{'-cheap' * cheap}", self.folder / "checkpoint"
        for place, make in (
            (mirror, lambda place: make_mirror(place, n, cheap=cheap)),
            (checkpoint, make_checkpoint),
        ):
            if not place.exists():
                make(place.with_suffix(".new"))
                place.with_suffix(".new").rename(place)
        for name in ("results", *(["cache"] if not keep else [])):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        words = [
            f"task=[{','.join(TASKS)}]", "model=mini", "model.name=bench", f"model.checkpoint='{checkpoint}'",
            "model.image.max_tokens=24", "model.frame.max_tokens=6", "model.prompt.system=Embed.",
            f"data.root='{mirror}'",
            f"results_dir='{self.folder / 'results'}'", f"cache_dir='{self.folder / 'cache'}'", *settings,
        ]  # fmt: skip
        told = self.folder / "told.json"
        orders = {"what": what, "words": words, "still": still, "told": str(told), "spawned": time.time()}
        environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
        if threads := self.threads or threads:
            environment["OMP_NUM_THREADS"] = str(threads)
        done = measured([sys.executable, __file__, "--child", json.dumps(orders)], environment, told)
        print(line(f"{what} {' '.join(settings)}", done), file=sys.stderr, flush=True)
        return done


def _better(rows: dict[str, Measured], name: str, new: Measured) -> None:
    """Keep the run with the least wall time, with the least CPU time of all."""
    old = rows.get(name, new)
    best = min(old, new, key=lambda row: row.wall)
    peak, own = max(old.peak, new.peak), max(old.own, new.own)
    rows[name] = Measured(best.wall, min(old.cpu, new.cpu), peak, own, best.told)


def measured(command: Sequence[str], environment: dict[str, str], told: Path) -> Measured:
    """Run a command; its CPU time is that of all processes that it waited for."""
    began, peaks, over = time.perf_counter(), [(0.0, 0.0)], threading.Event()
    process = subprocess.Popen(command, env=environment)
    watch = threading.Thread(target=_watch, args=(process.pid, peaks, over))
    watch.start()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    over.set()
    watch.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"a run ended with exit code {process.returncode}")
    peak, own = map(max, zip(*peaks, strict=True))
    return Measured(wall, used.ru_utime + used.ru_stime, peak, own, json.loads(told.read_text()))


def _watch(pid: int, peaks: list[tuple[float, float]], over: threading.Event) -> None:
    while not over.wait(0.3):
        held = [_megabytes(one) for one in _family(pid)]
        peaks.append((sum(whole for whole, _ in held), sum(whole - files for whole, files in held)))


def _family(pid: int) -> list[int]:
    try:
        children = [
            int(one) for file in Path(f"/proc/{pid}/task").glob("*/children") for one in file.read_text().split()
        ]
    except OSError:
        return [pid]
    return [pid, *(one for child in children for one in _family(child))]


def _megabytes(pid: int) -> tuple[float, float]:
    """Of a process, and of these in pages of files."""
    try:
        told = Path(f"/proc/{pid}/smaps_rollup").read_text()
        whole, files = (int(told.split(f"\n{name}:")[1].split()[0]) / 1e3 for name in ("Pss", "Pss_File"))
    except (OSError, IndexError):
        return 0.0, 0.0
    return whole, files


def child(what: str, words: Sequence[str], *, still: bool, told: str, spawned: float) -> None:
    """In a process of its own: run, and write down what only it knows."""
    import datasets  # noqa: F401 - what every run needs, so that starting counts apart
    from transformers import Qwen2VLForConditionalGeneration, Qwen2VLModel  # noqa: F401

    from rzen_eval.config import compose
    from rzen_eval.evaluation.session import run
    from rzen_eval.models.families.qwen2_vl import Qwen2VL

    started = time.time()
    known: dict[str, Any] = {"start": started - spawned, "start_cpu": time.process_time()}
    chosen = compose.load(words)
    if what != "session":
        work = {"least": least, "official": official}[what](chosen)
        known |= {
            "embedding": time.time() - started, "model": work.model_seconds, "items": work.items,
            "tokens": work.tokens, "padding": work.padding,
        }  # fmt: skip
    else:
        clock = Clock()
        with patch.object(Qwen2VL, "launch", _still if still else Qwen2VL.launch):
            run(chosen, clock)
        if clock.errors:
            raise SystemExit("\n".join(clock.errors))
        speeds = [result.provenance["embedding"] for result in clock.results]
        known |= {
            "embedding": clock.last - clock.began, "model": sum(one["model_seconds"] for one in speeds),
            "items": clock.items, "tokens": clock.tokens, "steady": clock.last - clock.first,
            "steady_items": clock.items_after_first, "before": clock.began - started,
            "after": time.time() - clock.last,
            "padding": sum(one["tokens"] * one["padding_share"] / (1 - one["padding_share"]) for one in speeds),
        }  # fmt: skip
    Path(told).write_text(json.dumps(known | {"work": time.time() - started}))


def _still(_model: Any, staged: Staged) -> Pending:
    """Unit vectors of the right shape that cost nothing, and need the pictures to be there."""
    import torch
    from torch.nn.functional import normalize

    seen = staged.block.content.numel()
    rows = [
        np.resize([len(plan.prompt), plan.length, 1 + seen, len(plan.visuals)], 384) for plan in staged.batch.planned
    ]
    return Pending.of(normalize(torch.from_numpy(np.array(rows, dtype="f4")), dim=-1))


HEAD = (
    f"{'run':<18} {'wall s':>7} {'CPU s':>7} {'start s':>7} {'embed s':>7} {'model %':>7} {'items':>6} {'items/s':>8}"
    f" {'tokens':>7} {'tok/s':>7} {'pad %':>6} {'peak MB':>8}"
)


def line(name: str, row: Measured) -> str:
    """A line of the table; rates and the model's share are of the embedding stage."""
    told, seconds = row.told, max(row.told["embedding"], 1e-9)
    done = bool(told["items"])
    return (
        f"{name:<18} {row.wall:7.1f} {row.cpu:7.1f} {told['start']:7.1f} {told['embedding']:7.1f}"
        f" {100 * told['model'] / seconds * done:7.1f} {told['items']:6d} {told['items'] / seconds * done:8.1f}"
        f" {told['tokens']:7d} {told['tokens'] / seconds * done:7.0f}"
        f" {100 * told['padding'] / max(told['tokens'] + told['padding'], 1):6.2f} {row.peak:8.0f}"
    )


def goals(rows: dict[str, Measured]) -> list[str]:
    """Which goals hold, of those that were measured."""
    ours, kept, bare, plain, one, two = map(
        rows.get, ("ours, empty store", "ours, store kept", "least work", "plain loop", "pool of 1", "pool of 2")
    )
    lines = []
    if ours and kept:
        share, whole = kept.past_start / ours.past_start, kept.wall / ours.wall
        lines.append(
            _goal(f"second run / first, process start and end left out ({whole:.3f} with it)", share, "<", 0.05)
        )
        for name, run in (("first", ours), ("second", kept)):
            lines.append(
                f"  {name} run: {run.told['start']:.1f} s to start, {run.told['before']:.1f} s to plan,"
                f" {run.told['embedding']:.1f} s to embed, {run.told['after']:.1f} s to finish"
            )
    if ours and bare:
        lines.append(_goal("CPU time of ours / least work", ours.cpu / bare.cpu, "<", 1.15))
    if ours and plain:
        lines.append(_goal("wall time of plain loop / ours", plain.wall / ours.wall, ">", 1.15))
        lines.append(
            f"  process start and end left out {plain.past_start / ours.past_start:.2f}, CPU {plain.cpu / ours.cpu:.2f}"
        )
    if one and two:
        rates = [pool.told["steady_items"] / pool.told["steady"] for pool in (one, two)]
        stage = one.told["embedding"] / two.told["embedding"]
        lines.append(_goal("pool of 2 / pool of 1, whole stage, workers' start included", stage, ">", 1.7))
        lines.append(f"  items a second from the first batch on: {rates[1] / rates[0]:.2f}")
    return lines


def _goal(what: str, found: float, sign: str, goal: float) -> str:
    held = found < goal if sign == "<" else found > goal
    return f"{what}: {found:.3f} (goal {sign} {goal}: {'holds' if held else 'missed'})"


def ranking(n: int, m: int, dimensions: int, sampled: int) -> list[str]:
    """Rank and score; the plain loop on some of the queries, its time scaled to all."""
    from rzen_eval.ranking.dot import rank
    from rzen_eval.ranking.metrics import score_run

    rng = np.random.default_rng(0)
    queries, candidates = (_unit_rows(rng, rows, dimensions) for rows in (n, m))
    query_ids, candidate_ids = [f"q{row:06}" for row in range(n)], [f"c{row:06}" for row in range(m)]
    qrels = {name: {candidate_ids[one]: 1.0 for one in rng.integers(0, m, 2)} for name in query_ids}
    some = query_ids[:sampled]

    def ours() -> None:
        run = rank(queries, candidates, query_ids, candidate_ids)
        score_run(run, qrels)
        score_run(run, qrels, "official")

    seconds = {
        "ours": min(_seconds(ours) for _ in range(3)),
        "plain": _seconds(lambda: official_scores(queries[:sampled], candidates, some, candidate_ids, qrels=qrels))
        * n
        / len(some),
        "product": min(_seconds(lambda: np.dot(queries, candidates.T)) for _ in range(3)),
    }
    ratio, without = (
        (seconds["plain"] - product) / (seconds["ours"] - product) for product in (0.0, seconds["product"])
    )
    return [
        f"\nranking and metrics, {n} x {m} of {dimensions} dimensions, CPU seconds",
        f"  ours {seconds['ours']:.2f} s, plain loop {seconds['plain']:.1f} s (scaled from {len(some)} queries)",
        f"  of these the matrix product {seconds['product']:.2f} s",
        _goal("plain loop / ours", ratio, ">", 3),
        f"  without the product: {without:.1f}",
    ]


def _unit_rows(rng: np.random.Generator, n: int, dimensions: int) -> Vectors:
    rows = rng.standard_normal((n, dimensions), dtype=np.float32)
    unit: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    main()

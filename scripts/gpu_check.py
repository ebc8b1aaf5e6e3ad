"""Everything that only a GPU can show, in one JSON; on a CPU it runs to its end too, small, and says what it left out.

parts, in their order:
  device    the device, its driver, versions, the commit of this code
  kernels   varlen, flash, sdpa and eager against each other; one row of tokens against padded rows
  waiting   a batch of every family with torch's own check for synchronisation; its vectors alone may be waited for
  bench     architectures with random weights: through the engine's steps, bare, and a plain loop as the official
            evaluator's: batches of 16 in row order, padding, stock attention, prepared in the main process; what a
            batch may hold by a trial; patches embedded by the stock convolution and by a product
  ranking   top 10 by dot product and by MaxSim on the device against the CPU: the same ids, scores to the last place
  goldens   vectors of authors' own code: float32 (cosine 0.9999) and bfloat16 (0.999), on the device
  two       two processes on one device against one, both at work at the same time

Run from a checkout, with torch, transformers, safetensors, Pillow, PyYAML and pydantic; nothing is downloaded, and
neither Hydra nor datasets is needed. On a GPU each part is a process of its own with a limit, and all of them end
within --total seconds: a part that fails, breaks the device or hangs keeps what it had found, and the others go on.
`scripts/gpu_figures.py` makes the rows of docs/figures.md of the JSON.

usage: python scripts/gpu_check.py [--output gpu_check.json] [--parts goldens,kernels,...] [--seconds 4] [--models A,B]
           [--total 460]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import time
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parent)]
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from gpu_check_apart import Time, apart, gathered, machine, write  # noqa: E402
from gpu_check_bench import DEVICE, GPU, benched, child, declaration, two  # noqa: E402

from rzen_eval.core import MultiVectors  # noqa: E402
from rzen_eval.models import open_model  # noqa: E402
from rzen_eval.models.families import attention  # noqa: E402
from rzen_eval.ranking.dot import rank  # noqa: E402
from rzen_eval.ranking.maxsim import rank_maxsim  # noqa: E402
from rzen_eval.ranking.top_k import RankSettings  # noqa: E402
from tests import tiny  # noqa: E402
from tests.goldens import NAMES, cosine, golden, item  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpu_check_apart import Found

BENCHED = "qwen3_vl_embedding_2b,rzenembed_v2_7b"
ITEMS = None if GPU else 3
"""Of each golden."""
LIMITS = {"device": 30, "kernels": 80, "waiting": 60, "bench": 110, "ranking": 40, "goldens": 110, "two": 80}
"""Seconds that a part may have on a GPU."""
TOTAL = 460.0
"""Of all of them; none is begun after."""


@cache
def opened(name: str, dtype: str, **settings: str) -> Any:
    """The model of a golden on the device."""
    kept = golden(name)
    folder = tiny.checkpoint(str(kept.meta["checkpoint"]), Path(tempfile.mkdtemp()))
    # The declared revision is of another checkpoint.
    given = {"checkpoint": str(folder), "revision": None, "dtype": dtype, "dim": None, **settings}
    model: Any = open_model(declaration(kept.declarations[0], **given), Path(tempfile.mkdtemp()))
    model.load()
    return model


def told(check: Callable[[], Any]) -> Any:
    """What one check of a part finds, or the error that it ends with; a device that is lost ends the part."""
    try:
        return check()
    except Exception as error:
        if "CUDA error: " in str(error):
            raise
        return {"error": f"{type(error).__name__}: {error}", "holds": False}


def goldens() -> Iterator[Found]:
    """The worst cosine of each golden, items that differ on purpose left out."""
    for name in NAMES:
        for dtype in ("float32", "bfloat16"):
            if (found := told(partial(_golden, name, dtype))) is not None:
                yield f"{name} {dtype}", found


def _golden(name: str, dtype: str) -> dict[str, Any] | None:
    kept, prefix = golden(name), "" if dtype == "float32" else f"{dtype} "
    lines = [one for one in kept.lines if one["id"] not in kept.deviations and prefix + one["id"] in kept.vectors]
    worst = []
    for line in lines[:ITEMS]:
        one, side = item(line)
        made = np.atleast_2d(np.asarray(opened(name, dtype).embed([one], side=side)[0]))
        theirs = np.atleast_2d(kept.vectors[prefix + line["id"]])
        near = [cosine(mine, other) for mine, other in zip(made, theirs, strict=True)]
        worst.append(min(near) if dtype == "float32" else float(np.mean(near)))
    aim = 0.9999 if dtype == "float32" else 0.999
    return {"items": len(worst), "worst": min(worst), "holds": min(worst) >= aim} if worst else None


def batch(model: Any, name: str) -> tuple[list[Any], list[Any]]:
    """Items of a golden, planned and loaded."""
    sides = [item(line) for line in golden(name).lines[: 12 if GPU else 4]]
    rendered = [model.rendered(one, side) for one, side in sides]
    loaded = [one.pictures.load() for one in rendered]
    return [model.planned(one, one.pictures.visuals(got)) for one, got in zip(rendered, loaded, strict=True)], loaded


def rows(made: Any) -> Any:
    """All vectors of a batch."""
    return np.concatenate([np.atleast_2d(one) for one in made])


def kernels() -> Iterator[Found]:
    """The least cosine to vectors by `sdpa`, of each kernel that can be had, and of padded rows."""
    for name in ("vlm2vec_v2", "lamra_qwen25", "qwen3_vl_embedding", "cafe", "colpali_v1_3"):
        for dtype in ("float32", "bfloat16"):
            model = opened(name, dtype, attention="sdpa")
            planned, loaded = batch(model, name)
            expected = rows(model.forward(planned, loaded))

            def near(
                kernel: str, model: Any = model, given: Any = (planned, loaded), expected: Any = expected
            ) -> dict[str, Any]:
                model.attention, model.packed = ("sdpa" if kernel == "padded" else kernel), kernel != "padded"
                attention.use(model._model, model.attention, packed=model.packed)  # noqa: SLF001
                try:
                    made = rows(model.forward(*given))
                except ImportError as error:
                    return {"left out": str(error)}
                found = (made * expected).sum(axis=1)
                half = model.dtype.itemsize == 2
                # Of several vectors an item the mean counts in 16 bits: a state near zero turns far.
                worst = float(found.mean() if half and len(made) > len(given[0]) else found.min())
                return {"worst": worst, "holds": worst >= (0.999 if half else 0.9999)}

            for kernel in (*attention.KERNELS, "padded"):
                if kernel not in {"varlen", "flash"} or (GPU and dtype != "float32"):
                    yield f"{name} {dtype} {kernel}", told(partial(near, kernel))


def ranking() -> Iterator[Found]:
    """Whether rankings and scores on the device are those of the CPU."""
    random = np.random.default_rng(0)

    def unit(*shape: int) -> Any:
        made = random.standard_normal(shape).astype(np.float32)
        return made / np.linalg.norm(made, axis=-1, keepdims=True)

    n = 5000 if GPU else 300
    single = (unit(64, 512), unit(n, 512))
    several = tuple(MultiVectors.of([unit(9, 128) for _ in range(count)]) for count in (16, n // 10))
    for name, ranked, (queries, candidates) in (("dot", rank, single), ("maxsim", rank_maxsim, several)):
        ids = [[f"{kind}{place}" for place in range(len(of))] for kind, of in (("q", queries), ("c", candidates))]
        here, there = (
            ranked(queries, candidates, *ids, settings=RankSettings(device=device)) for device in ("cpu", DEVICE)
        )
        apart = max(
            abs(one - other)
            for query in ids[0]
            for one, other in zip(here.scores[query], there.scores[query], strict=True)
        )
        same = all(list(here.ranking[query]) == list(there.ranking[query]) for query in ids[0])
        yield name, {"same ids": same, "scores apart": float(apart), "holds": same}


def waiting() -> Iterator[Found]:
    """Whether a batch can be sent without the device being waited for."""

    def sent(name: str) -> dict[str, Any]:
        model = opened(name, "bfloat16" if GPU else "float32")
        staged = model.staged(*batch(model, name))
        model.launch(staged).vectors()
        with torch_says() if GPU else contextlib.nullcontext():
            pending = model.launch(staged)
        pending.vectors()
        return {"holds": True} if GPU else {"left out": "there is no device to wait for"}

    for name in ("vlm2vec_v2", "lamra_qwen25", "qwen3_vl_embedding", "cafe", "colpali_v1_3", "colqwen2", "wemm"):
        yield name, told(partial(sent, name))


@contextlib.contextmanager
def torch_says() -> Any:
    """Whatever waits for the device is an error meanwhile."""
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("gpu_check.json"))
    parser.add_argument("--parts", default=",".join(LIMITS))
    parser.add_argument("--seconds", type=float, default=4.0 if GPU else 0.0, help="of each kind of item in a bench")
    parser.add_argument("--models", default=BENCHED, help="declarations whose architectures are benched")
    parser.add_argument("--total", type=float, default=TOTAL, help="seconds of all parts together, on a GPU")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.seconds)
        return
    models = options.models.split(",")
    parts: dict[str, Callable[[], Iterator[Found]]] = {"device": machine, "kernels": kernels, "waiting": waiting}
    parts |= {f"bench {name}": partial(benched, name, options.seconds) for name in models}
    parts |= {"ranking": ranking, "goldens": goldens, "two": partial(two, models[0], options.seconds)}
    if options.alone:
        gathered(parts[options.alone], partial(write, options.output))
        return
    found: dict[str, Any] = {"device": "CPU: nothing here says anything of a GPU", "parts": {}}
    time_left = Time(options.total)
    for name, part in parts.items():
        if name.split()[0] not in options.parts.split(","):
            continue
        began = time.perf_counter()
        content = _apart(name, options, time_left) if GPU else gathered(part, lambda _found: None)
        found["parts"][name] = {"seconds": round(time.perf_counter() - began, 1), **content}
        found["device"] = found["parts"].get("device", found).get("device", found["device"])
        print(f"{name}: {found['parts'][name]['seconds']} s{' FAILED' * ('error' in content)}", flush=True)
        write(options.output, found)


def _apart(name: str, options: Any, time_left: Time) -> dict[str, Any]:
    limit = min(LIMITS[name.split(maxsplit=1)[0]], time_left.left())
    if limit < 10:
        return {"error": f"left out: the {options.total:g} s of all parts were over"}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "part.json"
        command = [sys.executable, __file__, "--alone", name, "--output", str(file), "--models", options.models]
        return apart([*command, "--seconds", str(options.seconds)], file, limit)


if __name__ == "__main__":
    main()

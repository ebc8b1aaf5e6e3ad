"""Everything that only a GPU can show, in one JSON; on a CPU it runs to its end too, small, and says what it left out.

parts:
  goldens   vectors of authors' own code: float32 (cosine 0.9999) and bfloat16 (0.999), on the device
  kernels   varlen, flash, sdpa and eager against each other; one row of tokens against padded rows
  ranking   top 10 by dot product and by MaxSim on the device against the CPU: the same ids, scores to the last place
  waiting   a batch of every family with torch's own check for synchronisation; its vectors alone may be waited for
  bench     architectures with random weights: through the engine's steps, bare, and a plain loop as the official
            evaluator's: batches of 16 in row order, padding, stock attention, prepared in the main process; what a
            batch may hold by a trial; patches embedded by the stock convolution and by a product
  two       two processes on one device against one, both at work at the same time

Run from a checkout, with torch, transformers, safetensors, Pillow, PyYAML and pydantic; nothing is downloaded, and
neither Hydra nor datasets is needed. A part that fails is in the JSON with its error, and the others go on.

usage: python scripts/gpu_check.py [--output gpu_check.json] [--parts goldens,kernels,...] [--seconds 5] [--models A,B]
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import sys
import tempfile
import time
import traceback
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parent)]
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from gpu_check_bench import DEVICE, GPU, ROOT, benched, child, declaration, two  # noqa: E402

from rzen_eval.core import MultiVectors  # noqa: E402
from rzen_eval.models import open_model  # noqa: E402
from rzen_eval.models.families import attention  # noqa: E402
from rzen_eval.ranking.dot import rank  # noqa: E402
from rzen_eval.ranking.maxsim import rank_maxsim  # noqa: E402
from rzen_eval.ranking.top_k import RankSettings  # noqa: E402
from tests import tiny  # noqa: E402
from tests.goldens import NAMES, cosine, golden, item  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

BENCHED = "qwen3_vl_embedding_2b,rzenembed_v2_7b"
ITEMS = None if GPU else 3
"""Of each golden."""


@cache
def opened(name: str, dtype: str, **settings: str) -> Any:
    """The model of a golden on the device."""
    kept = golden(name)
    folder = ROOT / "tests/fixtures" / str(kept.meta["checkpoint"])
    if kept.meta["checkpoint"] == "colqwen2":
        folder = tiny.colqwen2(Path(tempfile.mkdtemp()) / "colqwen2")
    if folder.name in tiny.LATE:
        folder = tiny.colqwen(Path(tempfile.mkdtemp()) / folder.name, folder.name)
    if folder.name in tiny.OMNI:
        folder = tiny.omni(Path(tempfile.mkdtemp()) / folder.name, folder.name)
    # The declared revision is of another checkpoint.
    given = {"checkpoint": str(folder), "revision": None, "dtype": dtype, "dim": None, **settings}
    model: Any = open_model(declaration(kept.declarations[0], **given), Path(tempfile.mkdtemp()))
    model.load()
    return model


def goldens() -> dict[str, Any]:
    """The worst cosine of each golden, items that differ on purpose left out."""
    found: dict[str, Any] = {}
    for name in NAMES:
        kept = golden(name)
        for dtype, prefix in (("float32", ""), ("bfloat16", "bfloat16 ")):
            lines = [
                one for one in kept.lines if one["id"] not in kept.deviations and prefix + one["id"] in kept.vectors
            ]
            worst = []
            for line in lines[:ITEMS]:
                one, side = item(line)
                made = np.atleast_2d(np.asarray(opened(name, dtype).embed([one], side=side)[0]))
                theirs = np.atleast_2d(kept.vectors[prefix + line["id"]])
                rows = [cosine(mine, other) for mine, other in zip(made, theirs, strict=True)]
                worst.append(min(rows) if dtype == "float32" else float(np.mean(rows)))
            if worst:
                aim = 0.9999 if dtype == "float32" else 0.999
                found[f"{name} {dtype}"] = {"items": len(worst), "worst": min(worst), "holds": min(worst) >= aim}
    return found


def batch(model: Any, name: str) -> tuple[list[Any], list[Any]]:
    """Items of a golden, planned and loaded."""
    sides = [item(line) for line in golden(name).lines[: 12 if GPU else 4]]
    rendered = [model.rendered(one, side) for one, side in sides]
    loaded = [one.pictures.load() for one in rendered]
    return [model.planned(one, one.pictures.visuals(got)) for one, got in zip(rendered, loaded, strict=True)], loaded


def rows(made: Any) -> Any:
    """All vectors of a batch."""
    return np.concatenate([np.atleast_2d(one) for one in made])


def kernels() -> dict[str, Any]:
    """The least cosine to vectors by `sdpa`, of each kernel that can be had, and of padded rows."""
    found: dict[str, Any] = {}
    for name in ("vlm2vec_v2", "lamra_qwen25", "qwen3_vl_embedding", "cafe", "colpali_v1_3"):
        for dtype in ("float32", "bfloat16"):
            model = opened(name, dtype, attention="sdpa")
            planned, loaded = batch(model, name)
            expected = rows(model.forward(planned, loaded))
            for kernel in (*attention.KERNELS, "padded"):
                if kernel in {"varlen", "flash"} and (not GPU or dtype == "float32"):
                    continue
                attention.use(model._model, "sdpa" if kernel == "padded" else kernel, packed=kernel != "padded")  # noqa: SLF001
                model.attention, model.packed = ("sdpa" if kernel == "padded" else kernel), kernel != "padded"
                try:
                    made = rows(model.forward(planned, loaded))
                except ImportError as error:
                    found[f"{name} {dtype} {kernel}"] = {"left out": str(error)}
                    continue
                except RuntimeError as error:  # of a kernel that does not take these shapes
                    found[f"{name} {dtype} {kernel}"] = {"error": str(error), "holds": False}
                    continue
                near = (made * expected).sum(axis=1)
                # Of several vectors an item the mean counts in 16 bits: a state near zero turns far.
                worst = float(near.mean() if dtype == "bfloat16" and len(made) > len(planned) else near.min())
                aim = 0.9999 if dtype == "float32" else 0.999
                found[f"{name} {dtype} {kernel}"] = {"worst": worst, "holds": worst >= aim}
            attention.use(model._model, "sdpa", packed=True)  # noqa: SLF001
            model.attention, model.packed = "sdpa", True
    return found


def ranking() -> dict[str, Any]:
    """Whether rankings and scores on the device are those of the CPU."""
    random = np.random.default_rng(0)

    def unit(*shape: int) -> Any:
        made = random.standard_normal(shape).astype(np.float32)
        return made / np.linalg.norm(made, axis=-1, keepdims=True)

    n = 5000 if GPU else 300
    single = (unit(64, 512), unit(n, 512))
    several = tuple(MultiVectors.of([unit(9, 128) for _ in range(count)]) for count in (16, n // 10))
    found = {}
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
        found[name] = {"same ids": same, "scores apart": float(apart), "holds": same}
    return found


def waiting() -> dict[str, Any]:
    """Whether a batch can be sent without the device being waited for."""
    found = {}
    for name in ("vlm2vec_v2", "lamra_qwen25", "qwen3_vl_embedding", "cafe", "colpali_v1_3", "colqwen2"):
        model = opened(name, "bfloat16" if GPU else "float32")
        staged = model.staged(*batch(model, name))
        model.launch(staged).vectors()
        with torch_says() if GPU else contextlib.nullcontext():
            pending = model.launch(staged)
        pending.vectors()
        found[name] = {"holds": True} if GPU else {"left out": "there is no device to wait for"}
    return found


@contextlib.contextmanager
def torch_says() -> Any:
    """Whatever waits for the device is an error meanwhile."""
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def main() -> None:
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "goldens": goldens, "kernels": kernels, "ranking": ranking, "waiting": waiting,
        "two": lambda: two(options.models.split(",")[0], options.seconds),
    }  # fmt: skip
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("gpu_check.json"))
    parser.add_argument("--parts", default=",".join([*parts, "bench"]))
    parser.add_argument("--seconds", type=float, default=4.0 if GPU else 0.0, help="of each kind of item in a bench")
    parser.add_argument("--models", default=BENCHED, help="declarations whose architectures are benched")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.seconds)
        return
    for name in options.models.split(","):
        parts[f"bench {name}"] = lambda name=name: benched(name, options.seconds)
    chosen = options.parts.split(",")
    found: dict[str, Any] = {
        "device": torch.cuda.get_device_name() if GPU else "CPU: nothing here says anything of a GPU",
        "torch": torch.__version__, "python": sys.version.split()[0], "parts": {},
    }  # fmt: skip
    for name, part in parts.items():
        if name.split()[0] not in chosen:
            continue
        began = time.perf_counter()
        try:
            content = part()
        except Exception as error:  # noqa: BLE001 - the others go on
            content = {"error": f"{type(error).__name__}: {error}", "where": traceback.format_exc().splitlines()[-6:]}
        if GPU:
            gc.collect()
            with contextlib.suppress(RuntimeError):  # of a device that a kernel has broken
                torch.cuda.empty_cache()  # others need the memory
        found["parts"][name] = {"seconds": round(time.perf_counter() - began, 1), **content}
        print(f"{name}: {found['parts'][name]['seconds']} s{' FAILED' * ('error' in content)}", flush=True)
        options.output.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()

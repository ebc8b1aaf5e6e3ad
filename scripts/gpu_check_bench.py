"""What `gpu_check.py` measures: architectures with random weights, beside a plain loop, and two processes at once."""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from rzen_eval.benchmark import declared
from rzen_eval.core import Item
from rzen_eval.data.recipes.typical import FRAME, IMAGE, PAGE
from rzen_eval.engine.trial import Trial
from rzen_eval.estimate import bench
from rzen_eval.estimate.flops import anatomy, declared_config
from rzen_eval.models.declaration.local import ModelSpec
from rzen_eval.models.device import share
from rzen_eval.models.device_errors import full
from rzen_eval.models.families.random_weights import random_model, small
from rzen_eval.models.token_budget import Room, cut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gpu_check_apart import Found

ROOT = Path(__file__).resolve().parents[1]
GPU = torch.cuda.is_available()
DEVICE = "cuda" if GPU else "cpu"
MANY = 32 if GPU else 2
"""Items of each kind beside a plain loop, whose sizes differ."""


OF_PLAIN = (
    "a side of a task at a time, batches of 16 in row order, padded rows, stock sdpa, pictures resized in its own"
    " process; ours is given loaded pictures, as its workers do"
)


def declaration(name: str, **settings: Any) -> ModelSpec:
    """What a file of `conf/model` declares, with settings of its own."""
    raw = declared.declaration("model", name, [ROOT / "conf"])
    return ModelSpec.model_validate(raw | settings | {"device": DEVICE})


def made(name: str) -> tuple[Any, Any, str]:
    """A declared architecture with random weights, small on a CPU, and its sizes."""
    spec = declaration(name)
    config = declared_config(spec) if GPU else small(declared_config(spec))
    sizes = anatomy(config, spec.family)
    return random_model(spec, config), sizes, "random" if GPU else "random, small"


def varied(name: str) -> list[Item]:
    """Items of a kind as a side of a task has them: a picture's sides are half to one and a half times the typical."""
    random = np.random.default_rng(0)
    like = {"picture": IMAGE, "page": PAGE, "clip": FRAME}.get(name)

    def picture() -> Image.Image:
        width, height = (int(side * random.uniform(0.5, 1.5)) for side in like.image_size())
        return Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8))

    if like is None:
        return [Item(text="a")] * MANY
    if name == "clip":
        return [Item(frames=[picture()] * bench.FRAMES) for _ in range(MANY)]
    return [Item(images=[picture()]) for _ in range(MANY)]


def benched(name: str, seconds: float) -> Iterator[Found]:
    """An architecture through the engine's steps, bare, and in a plain loop over the same items."""
    model, sizes, weights = made(name)
    budget = model.tokens_per_batch if GPU else 512
    speeds = bench.measure(
        model, sizes, weights=weights, tokens_per_batch=budget, seconds=seconds, report=lambda _name: None
    )
    yield "speeds", speeds.model_dump(mode="json")
    yield (
        "shapes",
        {
            shape.name: {
                "share of peak": shape.tflops / speeds.peak_tflops,
                "batch to bare": shape.batch_ms / shape.bare_ms,
                "items/s": shape.items_a_second,
                "tokens/s": shape.tokens_a_second,
            }
            for shape in speeds.shapes
        },
    )
    lengths = np.random.default_rng(0).integers(15, 80, MANY)
    sides = {shape.name: varied(shape.name) for shape in speeds.shapes}
    ready = {kind: [bench.prepared(model, *one) for one in zip(sides[kind], lengths, strict=True)] for kind in sides}
    yield "a batch may hold", tried(model, ready["page"])
    if hasattr(model._model, "visual"):  # noqa: SLF001
        yield "patches ms", embedded(model)
    ours = {kind: timed(lambda kind=kind: engine(model, ready[kind], budget)) for kind in sides}
    yield "items of each kind", MANY
    yield "ours s", ours
    model.attention = "sdpa"
    model.pad()
    for kind, side in sides.items():
        alone = fitting(lambda kind=kind: rows_of_sixteen(model, ready[kind]))
        plain = fitting(lambda side=side: plain_loop(model, side, lengths))
        if isinstance(alone, str) or isinstance(plain, str):
            yield f"plain loop, {kind}", {"error": f"{alone}; {plain}"}
            continue
        yield f"plain loop, {kind}", {
            "s": plain, "pictures prepared, s": alone, "times": plain / ours[kind],
            "times, pictures prepared": alone / ours[kind],
        }  # fmt: skip
    yield "of the plain loop", OF_PLAIN


def fitting(work: Callable[[], object]) -> float | str:
    """As `timed`; where it does not fit into the device's memory, that."""
    try:
        return timed(work)
    except RuntimeError as error:
        if not full(error):
            raise
    torch.cuda.empty_cache()
    return "does not fit into the device's memory"


def timed(work: Callable[[], object]) -> float:
    """The least of two."""
    best = float("inf")
    for _ in range(2):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best


def engine(model: Any, ready: Sequence[bench.Kind], budget: int) -> None:
    """Batches by tokens, longest first, each sent before the last one is waited for."""
    pending: list[Any] = []
    for places in cut([one.plan.length for one in ready], budget, packed=model.packed):
        batch = [ready[place] for place in places]
        pending.append(model.launch(model.staged([one.plan for one in batch], [one.pixels for one in batch])))
        if len(pending) > 1:
            pending.pop(0).vectors()
    pending.pop().vectors()


def plain_loop(model: Any, items: Sequence[Item], lengths: Sequence[int]) -> None:
    """Sixteen items after the other, prepared one by one."""
    for start in range(0, len(items), 16):
        part = slice(start, start + 16)
        rows_of_sixteen(model, [bench.prepared(model, *one) for one in zip(items[part], lengths[part], strict=True)])


def rows_of_sixteen(model: Any, ready: Sequence[bench.Kind]) -> None:
    """The same, prepared already."""
    for start in range(0, len(ready), 16):
        part = ready[start : start + 16]
        model.forward([one.plan for one in part], [one.pixels for one in part])


def tried(model: Any, ready: Sequence[bench.Kind]) -> dict[str, Any]:
    """What a batch may hold after one of pages was watched, as a run watches its first."""
    plans, pixels = [one.plan for one in ready[:8]], [one.pixels for one in ready[:8]]
    trial, meter = Trial(model, model.tokens_per_batch), model.meter()
    if meter is None:
        return {"left out": "the memory of this device is no measure"}
    tokens, patches, free = sum(plan.length for plan in plans), sum(map(model.patches, plans)), meter.free()
    with trial.watched(Room(model.tokens_per_batch), tokens, patches) as found:
        model.launch(model.staged(plans, pixels)).vectors()
    return {
        "estimated tokens": model.tokens_per_batch, "tokens": found[0].tokens, "patches": found[0].patches,
        "free GB": free / 1e9, "of a batch with tokens": tokens, "and patches": patches,
    }  # fmt: skip


def embedded(model: Any) -> dict[str, Any]:
    """Milliseconds that embedding patches takes as the stock convolution, and as the product that it is."""
    stock = model._model.visual.patch_embed  # noqa: SLF001
    weight, bias = stock.proj.weight.flatten(1), stock.proj.bias
    cells = torch.randn(8192 if GPU else 64, weight.shape[1], device=model.device).to(weight.dtype)
    whole = cells.view(-1, stock.proj.in_channels, *stock.proj.kernel_size)  # each patch a sample of its own
    by_convolution = partial(type(stock.proj).forward, stock.proj, whole)
    ways = {
        "convolution": lambda: by_convolution().flatten(1),
        "product": lambda: torch.nn.functional.linear(cells, weight, bias),
    }
    with torch.inference_mode():
        apart = float((ways["convolution"]() - ways["product"]()).abs().max())
        return {name: 1e3 * timed(lambda way=way: settled(way())) for name, way in ways.items()} | {"apart": apart}


def settled(made: torch.Tensor) -> None:
    """Wait for what a device is making."""
    if made.device.type == "cuda":
        torch.cuda.synchronize(made.device)


def two(name: str, seconds: float) -> Iterator[Found]:
    """Pages a second of two processes against one, each with its own copy of a model, begun at the same time."""
    script, rates = Path(__file__).with_name("gpu_check.py"), {}
    for count in (1, 2):
        command = [sys.executable, str(script), "--child", name, "--seconds", str(seconds)]
        running = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(count)
        ]
        try:
            for one in running:
                while one.stdout.readline().strip() != READY:
                    if one.poll() is not None:
                        raise RuntimeError(f"a process ended with exit code {one.returncode} before it was ready")
            for one in running:
                one.stdin.write("go\n")
                one.stdin.flush()
            rates[count] = sum(float(one.communicate(timeout=120)[0].split()[-1]) for one in running)
            yield {1: "one", 2: "two"}[count], rates[count]
        finally:
            for one in running:
                one.kill()
                one.wait()
    yield "times", rates[2] / rates[1]


READY = "ready"


def child(name: str, seconds: float) -> None:
    """In a process of its own: pages a second, from the moment that it is told to begin."""
    model, _, _ = made(name)
    share(model.device, 2)
    ready = [bench.kinds(model)["page"]] * (8 if GPU else 1)
    budget = 4 * ready[0].plan.length
    engine(model, ready, budget)
    print(READY, flush=True)
    sys.stdin.readline()
    began, count = time.perf_counter(), 0
    while not count or time.perf_counter() - began < seconds:
        engine(model, ready, budget)
        count += len(ready)
    print(count / (time.perf_counter() - began))

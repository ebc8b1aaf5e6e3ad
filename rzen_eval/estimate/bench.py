"""How fast a model is on its device: items as the benchmark has them, through the engine's own steps and bare."""

from __future__ import annotations

import resource
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from rzen_eval.core import Item
from rzen_eval.data.recipes.typical import FRAME, IMAGE, PAGE
from rzen_eval.estimate.devices import named
from rzen_eval.estimate.speed import TEXT, Shape, Speeds
from rzen_eval.models.device_errors import full
from rzen_eval.models.interface import Planned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rzen_eval.data.recipes.typical import Imagined
    from rzen_eval.estimate.flops import Anatomy
    from rzen_eval.models.families.local_model import LocalModel
    from rzen_eval.models.pictures.resize import Pixels

TOKENS = 40
"""Of a text with its template and instruction, and of those beside pictures."""
FRAMES = 8
SIDE = {"cpu": 1024, "cuda": 8192}
"""Of the square matrices whose product shows what a device can do, where its data sheet is not known."""


@dataclass(frozen=True, slots=True)
class Kind:
    """An item of one kind, ready for the model."""

    plan: Planned
    pixels: Sequence[Pixels]


@cache
def items() -> dict[str, Item]:
    """A text, a picture, a page and a clip of the benchmark's typical sizes; contents are noise."""
    random = np.random.default_rng(0)

    def noise(like: Imagined) -> Any:
        from PIL import Image

        width, height = like.image_size()
        return Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8))

    return {
        TEXT: Item(text="a"),
        "picture": Item(images=[noise(IMAGE)]),
        "page": Item(images=[noise(PAGE)]),
        "clip": Item(frames=[noise(FRAME)] * FRAMES),
    }


def prepared(model: LocalModel, item: Item, tokens: int = TOKENS) -> Kind:
    """An item as the model is given it, with so many tokens beside those of its pictures, at random."""
    pictures = model.pictures(item)
    pixels = pictures.load()
    visuals = pictures.visuals(pixels)
    n_visual = sum(visual.n_tokens for visual in visuals)
    ids = np.random.default_rng(0).integers(5, 500, tokens + n_visual)
    return Kind(Planned("", ids, tokens // 2 + np.arange(n_visual), tuple(visuals)), pixels)


def kinds(model: LocalModel) -> dict[str, Kind]:
    """All of them."""
    return {name: prepared(model, item) for name, item in items().items()}


def measure(
    model: LocalModel, anatomy: Anatomy, *, weights: str, tokens_per_batch: int, seconds: float,
    report: Callable[[str], object],
) -> Speeds:  # fmt: skip
    """Measure a loaded model.

    Args:
        model: on its device.
        anatomy: its sizes, for operations.
        weights: where they are from.
        tokens_per_batch: budget of a batch.
        seconds: of each kind of item, at least; two batches are measured in any case.
        report: told of each kind before it begins.
    """
    import torch

    shapes = []
    for name, kind in kinds(model).items():
        report(name)
        flops = anatomy.forward(kind.plan.length, kind.plan.visuals).total
        shapes.append(_Run(model, kind, max(1, tokens_per_batch // kind.plan.length), seconds).shape(name, flops))
    on_gpu = model.device.type == "cuda"
    peak, source = _peak(model)
    held = torch.cuda.max_memory_allocated(model.device) if on_gpu else 1024 * _resident()
    return Speeds(
        model=model.spec.name,
        weights=weights,
        device=torch.cuda.get_device_name(model.device) if on_gpu else f"CPU, {torch.get_num_threads()} threads",
        dtype=str(model.dtype).removeprefix("torch."),
        attention=model.provenance()["attention"],
        peak_tflops=peak,
        peak_source=source,
        memory_gb=round(held / 1e9, 2),
        versions=_versions(),
        shapes=tuple(shapes),
    )


@dataclass
class _Run:
    """One kind of item on a model."""

    model: LocalModel
    kind: Kind
    items: int
    seconds: float
    spent: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("python", "waiting"), 0.0))

    def shape(self, name: str, flops: int) -> Shape:
        if self.model.device.type == "cuda":
            self.warm()
        planned, pixels = [self.kind.plan] * self.items, [self.kind.pixels] * self.items
        batch = self._repeated(lambda: self._sent(planned, pixels))
        spent = {name: 1e3 * took / self.n_batches for name, took in self.spent.items()}
        staged = self.model.staged(planned, pixels)
        sent = staged.block.sent(self.model.device)
        bare = self._repeated(lambda: self.model.computed(staged.batch, sent))
        parts = _Parts(self.model)
        with parts.watched():
            began = parts.mark()
            again = staged.block.sent(self.model.device)
            copied = parts.mark()
            self.model.computed(staged.batch, again).vectors()
        return Shape(
            name=name,
            tokens=self.kind.plan.length,
            items=self.items,
            flops=flops,
            batch_ms=1e3 * batch,
            bare_ms=1e3 * bare,
            tower_ms=parts.milliseconds("tower"),
            language_ms=parts.milliseconds("language"),
            copies_ms=parts.between(began, copied),
            waiting_ms=spent["waiting"],
            python_ms=spent["python"],
        )

    def warm(self) -> None:
        """Let kernels be chosen and memory be taken, of half as many items where they do not fit."""
        import torch

        while True:
            try:
                self.model.forward([self.kind.plan] * self.items, [self.kind.pixels] * self.items)
            except RuntimeError as error:
                if not full(error) or self.items == 1:
                    raise
            else:
                return
            torch.cuda.empty_cache()
            self.items //= 2

    def _sent(self, planned: Sequence[Planned], pixels: Sequence[Sequence[Pixels]]) -> Any:
        """A batch as the engine sends it; on a CPU sending is computing, and only what comes before is Python."""
        began = time.perf_counter()
        staged = self.model.staged(planned, pixels)
        put_together = time.perf_counter()
        pending = self.model.launch(staged)
        sent = time.perf_counter() if self.model.device.type == "cuda" else put_together
        self.spent["python"] += sent - began
        return pending

    def _repeated(self, send: Callable[[], Any]) -> float:
        """Seconds a batch, each sent before the last one is waited for."""
        self.spent = dict.fromkeys(self.spent, 0.0)
        self.n_batches = 0
        pending: list[Any] = []
        began = time.perf_counter()
        while self.n_batches < 2 or time.perf_counter() - began < self.seconds:
            pending.append(send())
            self.n_batches += 1
            if len(pending) > 1:
                self._wait(pending.pop(0))
        self._wait(pending.pop())
        return (time.perf_counter() - began) / self.n_batches

    def _wait(self, pending: Any) -> None:
        began = time.perf_counter()
        pending.vectors()
        self.spent["waiting"] += time.perf_counter() - began


@dataclass
class _Parts:
    """When vision tower and language model began and ended, on the device's own clock where it has one."""

    model: LocalModel
    marks: dict[str, list[tuple[Any, Any]]] = field(default_factory=lambda: {"tower": [], "language": []})

    def mark(self) -> Any:
        import torch

        if self.model.device.type != "cuda":
            return time.perf_counter()
        event: Any = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record(torch.cuda.current_stream(self.model.device))
        return event

    def between(self, began: Any, ended: Any) -> float:
        """Milliseconds."""
        return float(began.elapsed_time(ended)) if self.model.device.type == "cuda" else 1e3 * (ended - began)

    def milliseconds(self, part: str) -> float:
        return sum(self.between(began, ended) for began, ended in self.marks[part])

    @contextmanager
    def watched(self) -> Iterator[None]:
        begun: dict[str, Any] = {}
        hooks = []
        for part, module in self.model.parts().items():
            hooks.append(module.register_forward_pre_hook(lambda *_, part=part: begun.update({part: self.mark()})))
            hooks.append(
                module.register_forward_hook(lambda *_, part=part: self.marks[part].append((begun[part], self.mark())))
            )
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


def _peak(model: LocalModel) -> tuple[float, str]:
    """10¹² operations a second that a device does at best, and who says so."""
    import torch

    if model.device.type == "cuda" and model.dtype.itemsize == 2:
        known = named(torch.cuda.get_device_name(model.device))
        if known is not None:
            return known.tflops, known.source
    side = SIDE[model.device.type]
    square = torch.randn(side, side, device=model.device).to(model.dtype)
    best = float("inf")
    for _ in range(4):
        began = time.perf_counter()
        made = square @ square
        if model.device.type == "cuda":
            torch.cuda.synchronize(model.device)
        best = min(best, time.perf_counter() - began)
    del made
    return 2 * side**3 / best / 1e12, f"measured: a product of {side:,}-square matrices"


def _resident() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _versions() -> dict[str, str]:
    import torch
    import transformers

    return {"torch": torch.__version__, "transformers": transformers.__version__}

"""What a few fixed items tell of a model: whether anything is wrong with it."""

from __future__ import annotations

import resource
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from rzen_eval.cli.checkpoint_findings import Finding, of_files, of_pictures, of_tokens
from rzen_eval.core import Item, Side
from rzen_eval.errors import ModelError
from rzen_eval.models.declaration.local import ModelSpec
from rzen_eval.models.families.local_model import LocalModel
from rzen_eval.ranking.dot import check_vectors
from rzen_eval.ranking.multivectors import as_vectors, by_item

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rzen_eval.core import Vectors
    from rzen_eval.models.interface import Model

NOISE = {2: 5e-3, 4: 1e-5}
"""Most that one minus the cosine of an item's vectors may be in batches of different make-up, by bytes of a number."""
STATEFUL = "linear_attention"
"""What transformers calls layers that keep a state from token to token."""
TOLD = "Find an image that matches the given caption:"


def probes() -> dict[str, Item]:
    """Texts, pictures, both and a short video, the same each time."""
    red, blue = _picture("red", round_=True), _picture("blue", round_=False)
    moving = [_picture("red", round_=True, shift=12 * step) for step in range(4)]
    return {
        "text": Item(text="a red circle", instruction=TOLD),
        "other text": Item(text="the yearly report of a savings bank", instruction=TOLD),
        "other instruction": Item(text="a red circle", instruction="Find the translation of the given word:"),
        "image": Item(images=[red], instruction="Represent the given image."),
        "other image": Item(images=[blue], instruction="Represent the given image."),
        "image and text": Item(text="with a thicker border", images=[red], instruction=TOLD),
        "video": Item(frames=moving, instruction="Understand the content of the provided video."),
        "video backwards": Item(frames=moving[::-1], instruction="Understand the content of the provided video."),
    }


def _picture(colour: str, *, round_: bool, shift: int = 0) -> Image.Image:
    image = Image.new("RGB", (168, 112), "white")
    draw = ImageDraw.Draw(image)
    (draw.ellipse if round_ else draw.rectangle)((20 + shift, 20, 90 + shift, 90), fill=colour)
    return image


def check(model: Model) -> Iterator[Finding]:
    """Every check, in order.

    Args:
        model: opened, not yet loaded.

    Raises:
        ModelError: it cannot be loaded, or fails on an item.
    """
    began = time.perf_counter()
    model.load()
    seconds = time.perf_counter() - began
    local = isinstance(model.spec, ModelSpec)
    yield Finding("licence, revision", f"{model.spec.license or '?'}, {_revision(model)}")
    audited = "every weight of the checkpoint is used, and none is missing"
    yield Finding(
        "weights", audited if local else f"not audited: {model.spec.family} loads its own", True if local else None
    )
    if isinstance(model, LocalModel):
        yield from of_files(model)
        yield from of_tokens(model)
        yield of_pictures(model)
        yield Finding("attention", f"{model.attention}, {_rows(model)}")
    yield Finding("loading", f"{seconds:.1f} s on {model.device}")
    items = probes()
    began = time.perf_counter()
    together = _embed(model, list(items.values()))
    seconds = time.perf_counter() - began
    yield from _shape(model, together)
    alone = [_embed(model, [item])[0] for item in items.values()]
    backwards = _embed(model, list(items.values())[::-1])[::-1]
    noise = max(_apart(one, other) for rows in (alone, backwards) for one, other in zip(together, rows, strict=True))
    limit = _limit(model)
    yield Finding("batch-invariance", f"1 - cosine at most {noise:.1e}, {limit:g} allowed", passed=noise <= limit)
    vectors = dict(zip(items, together, strict=True))
    yield from _sensitivity(model, vectors, 2 * noise)
    yield Finding("speed", f"{len(items) / seconds:.1f} items/s, the first batch included")
    yield Finding("memory", _memory(model))


def _rows(model: LocalModel) -> str:
    if model.packed:
        return "items end to end in one row, none seen by another"
    what = "sliding attention" if model.packs else model.spec.family
    said = f"an item a row, padded, since {what} cannot keep items apart in one"
    stateful = STATEFUL in (getattr(model.text_config, "layer_types", None) or ())
    slow = stateful and model.device.type == "cuda" and find_spec("fla") is None
    lacking = "; pip install flash-linear-attention causal-conv1d: its other layers have no kernels"
    return said + lacking * slow


def _revision(model: Model) -> str:
    local = isinstance(model, LocalModel) and model.checkpoint.local
    return "of a folder, which has no revision" if local else model.spec.revision or "no pin"


def _embed(model: Model, items: Sequence[Item]) -> list[Vectors]:
    """For each item its vectors, shape (n, dim)."""
    return by_item(as_vectors(model.embed(items, Side.QUERY), len(items)))


def _shape(model: Model, rows: Sequence[Vectors]) -> Iterator[Finding]:
    flat = np.concatenate(rows)
    dim, declared = flat.shape[1], model.spec.dim
    said = f"{dim}" + (f", declared {declared}" if declared else "")
    many = max(map(len, rows))
    yield Finding("dimensions", said + (f", up to {many} vectors an item" * (many > 1)), declared in {None, dim})
    norms = np.linalg.norm(flat, axis=1)
    finite = bool(np.isfinite(norms).all())
    yield Finding("finite", "every value" if finite else f"{int((~np.isfinite(norms)).sum())} vectors are not", finite)
    if not finite:
        raise ModelError("vectors are not finite, so nothing else can be checked; look at the precision of the model")
    unit = bool(np.abs(norms - 1).max() < 1e-3)
    yield Finding(
        "norm", f"{norms.min():.4f} to {norms.max():.4f}" + ("" if unit else ": made 1 before ranking"), norms.min() > 0
    )
    pooled = np.stack([_pooled(one) for one in rows])
    likeness = (float((pooled @ pooled.T).sum()) - len(rows)) / (len(rows) * (len(rows) - 1))
    collapsed = check_vectors(pooled, [*map(str, range(len(rows)))], model.spec.name).collapsed
    yield Finding("collapse", f"mean cosine of different items {likeness:.4f}", passed=not collapsed)


def _sensitivity(model: Model, vectors: dict[str, Vectors], noise: float) -> Iterator[Finding]:
    """Whether what differs in an item changes its vector by more than the noise of batches."""
    spec = model.spec
    told = not (isinstance(spec, ModelSpec) and spec.prompt.slot(Side.QUERY) == "none")
    pictured = spec.prompt.pictured if isinstance(spec, ModelSpec) else None
    beside = pictured is None or "{text}" in pictured
    pairs = {
        "to the text": ("text", "other text", True),
        "to the instruction": ("text", "other instruction", told),
        "to the image": ("image", "other image", True),
        "to a text beside the image": ("image", "image and text", beside),
        "to the order of frames": ("video", "video backwards", None),
    }
    for name, (one, other, needed) in pairs.items():
        apart = _apart(vectors[one], vectors[other])
        said = f"1 - cosine {apart:.1e}" + (", and the declaration uses none" if needed is False else "")
        yield Finding(f"sensitivity {name}", said, passed=apart > max(noise, 1e-6) if needed else None)


def _pooled(rows: Vectors) -> Vectors:
    mean: Vectors = rows.mean(axis=0)
    return mean / max(float(np.linalg.norm(mean)), 1e-12)


def _apart(one: Vectors, other: Vectors) -> float:
    """One minus the cosine; of items with several vectors that of their means."""
    return float(1 - (_pooled(one).astype(np.float64) * _pooled(other)).sum())


def _limit(model: Model) -> float:
    dtype = getattr(model, "dtype", None)
    return NOISE[2 if dtype is not None and dtype.itemsize == 2 else 4]


def _memory(model: Model) -> str:
    import torch

    if model.device.type == "cuda":
        return f"{torch.cuda.max_memory_allocated(model.device) / 1e9:.2f} GB at most on {model.device}"
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB at most, the whole process"

"""What the bundled model scores on the sample, beside chance and random weights, and what each mistake would cost it.

    python scripts/mini_scores.py > rzen_eval/models/mini/scores.md

Every task is embedded once for each way to be wrong; lift is (score - chance) / (1 - chance).
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from PIL import Image
from tqdm import tqdm

from rzen_eval import evaluate, load_data, load_model
from rzen_eval.config import compose
from rzen_eval.core import Side
from rzen_eval.media import open_rgb
from rzen_eval.models.pictures.resize import Visual

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch

    from rzen_eval.core import Item, Media, Task, TaskData, Vectors
    from rzen_eval.models.families.qwen2_vl import Qwen2VL
    from rzen_eval.models.interface import Planned
    from rzen_eval.models.pictures.resize import Pixels

DRAWS = 200
"""Random rankings that the chance of a task is estimated from."""


class Asked:
    """A model that is asked for something else than the benchmark asks for."""

    def __init__(self, model: Qwen2VL, change: Callable[[Item, Side], Item]) -> None:
        self.model, self.change = model, change

    def embed(self, items: Sequence[Item], side: Side) -> Vectors:
        return self.model.embed([self.change(item, side) for item in items], side)


class Shuffled:
    """A model whose candidates have each other's vectors."""

    def __init__(self, model: Qwen2VL) -> None:
        self.model = model

    def embed(self, items: Sequence[Item], side: Side) -> Vectors:
        vectors = self.model.embed(items, side)
        return vectors if side is Side.QUERY else vectors[np.random.default_rng(0).permutation(len(vectors))]


class Misread:
    """A model whose pooling is wrong."""

    def __init__(self, model: Qwen2VL, *, first: bool) -> None:
        """`first`: padding is on the left and pooling takes it to be on the right; else the norm is skipped."""
        self.model, self.first = model, first

    def embed(self, items: Sequence[Item], side: Side) -> Vectors:
        import torch

        loaded = [self.model.pictures(item).load() for item in items]
        planned = [
            self.model.plan(item, side, [Visual.of(one) for one in pixels])
            for item, pixels in zip(items, loaded, strict=True)
        ]
        longest = max(plan.length for plan in planned)
        with torch.inference_mode():
            rows = [self._state(plan, pixels, longest) for plan, pixels in zip(planned, loaded, strict=True)]
            unit: Vectors = torch.nn.functional.normalize(torch.stack(rows).float(), dim=-1).numpy()
        return unit

    def _state(self, plan: Planned, pixels: Sequence[Pixels], longest: int) -> torch.Tensor:
        """Pooled at the last token without the norm; or at the place that the last token of the row would have had."""
        kept: list[torch.Tensor] = []
        norm = self.model._model.language_model.norm  # noqa: SLF001 - this is about what is inside
        hook = norm.register_forward_hook(lambda _, given, made: kept.append((given[0] if not self.first else made)[0]))
        self.model.forward([plan], [pixels])
        hook.remove()
        if not self.first:
            return kept[0][plan.length - 1]
        return kept[0][max(0, 2 * plan.length - 1 - longest)]


def mistakes(settings: Sequence[str]) -> dict[str, Any]:
    """Every way to be wrong, by name, with the right way first."""
    model = load_model("mini", "device=cpu", *settings)
    return {
        "as it should be": model,
        "candidate instruction dropped": Asked(
            model, lambda item, side: item if side is Side.QUERY else replace(item, instruction=None)
        ),
        "query instruction dropped": Asked(
            model, lambda item, side: item if side is Side.CANDIDATE else replace(item, instruction=None)
        ),
        "left padding pooled as right": Misread(model, first=True),
        "norm before pooling skipped": Misread(model, first=False),
        "3-D positions": load_model("mini", "device=cpu", "positions=mrope", *settings),
        "frames reversed": Asked(model, lambda item, _: replace(item, frames=item.frames[::-1])),
        "candidates shuffled": Shuffled(model),
        "half the pixels": Asked(
            model,
            lambda item, _: replace(item, images=[*map(_half, item.images)], frames=[*map(_half, item.frames)]),
        ),
        "random weights": _random(settings),
    }


def _half(media: Media) -> Image.Image:
    """A picture of half the area."""
    image = open_rgb(media)
    return image.resize((round(image.width * 0.5**0.5), round(image.height * 0.5**0.5)), Image.Resampling.BICUBIC)


def _random(settings: Sequence[str]) -> Qwen2VL:
    """The same model before it was trained."""
    import torch

    model = load_model("mini", "device=cpu", *settings)
    generator = torch.Generator().manual_seed(0)
    for weight in model._model.parameters():  # noqa: SLF001
        if weight.ndim > 1:
            weight.data.normal_(0, 0.06, generator=generator)
    return model


def chance(task: Task, data: TaskData) -> float:
    """The expected score of random vectors: of hit@1 exactly, of NDCG@5 from random rankings."""
    rng = np.random.default_rng(0)
    total = 0.0
    for name in data.query_ids:
        grades, size = data.qrels[name], len(data.pools[name] if data.pools else data.candidate_ids)
        if task.metric == "hit@1":
            total += len(grades) / size
            continue
        gains = np.zeros(size)
        gains[: len(grades)] = list(grades.values())
        discounts = 1 / np.log2(np.arange(2, 7))
        best = float(np.sort(gains)[::-1][:5] @ discounts[: min(5, size)])
        total += float(np.mean([rng.permuted(gains)[:5] @ discounts for _ in range(DRAWS)])) / best
    return total / len(data.query_ids)


def averages(scores: pd.Series, tasks: Sequence[Task]) -> pd.Series:
    """By group, then by modality, then of all tasks."""
    index = [task.id for task in tasks]
    groups = scores[index].groupby([task.group for task in tasks], sort=False).mean()
    parts = scores[index].groupby([task.modality.value.capitalize() for task in tasks], sort=False).mean()
    return pd.concat([groups, parts, pd.Series({"All": scores[index].mean()})])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="mmeb_v2", help="a task or suite")
    parser.add_argument("--checkpoint", type=Path, help="another checkpoint of the model")
    parser.add_argument("--only", type=int, default=math.inf, help="so many of the ways, from the first")
    arguments = parser.parse_args()
    tasks = list(compose.load([f"task={arguments.task}"]).tasks.values())
    settings = [f"checkpoint={arguments.checkpoint}"] if arguments.checkpoint else []
    scores = {}
    for number, (name, model) in enumerate(mistakes(settings).items()):
        if number < arguments.only:
            shown = tqdm(tasks, desc=name, file=sys.stderr)
            scores[name] = pd.Series({task.id: evaluate(task, model).score for task in shown})
    scores["chance"] = pd.Series({task.id: chance(task, load_data(task)) for task in tasks})
    table = pd.DataFrame({name: averages(values, tasks) for name, values in scores.items()})
    right = table["as it should be"]
    lifts = (right - table["chance"]) / (1 - table["chance"])
    first = pd.DataFrame({"score": right, "chance": table["chance"], "lift": lifts})
    if "random weights" in table:
        first.insert(2, "random weights", table["random weights"])
    changes = table.drop(columns=["chance", "random weights", "as it should be"], errors="ignore").sub(right, axis=0)
    print(first.mul(100).round(1).to_markdown(floatfmt=".1f"))
    if not changes.empty:
        print("\nPoints that each mistake costs:\n")
        print(changes.mul(100).round(1).T.to_markdown(floatfmt=".1f"))


if __name__ == "__main__":
    main()

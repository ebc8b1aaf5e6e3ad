"""What the engine is measured against: the least work that there is, and a plain loop as the official evaluator's."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from rzen_eval.core import Side

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rzen_eval.config.schema import RunConfig
    from rzen_eval.core import Item, Vectors
    from rzen_eval.models.declaration.local import ModelSpec

BATCH = 16
CUTOFFS = (1, 5, 10)


@dataclass
class Work:
    """What went through a model."""

    items: int = 0
    tokens: int = 0
    padding: int = 0
    model_seconds: float = 0.0
    scores: dict[str, float] = field(default_factory=dict)


def least(config: RunConfig) -> Work:
    """Every distinct item read once, all of them sorted by length, forwarded by the package's own model."""
    from rzen_eval.data.load import load_data
    from rzen_eval.engine.item_key import item_key
    from rzen_eval.models import open_model
    from rzen_eval.models.token_budget import cut

    model = open_model(config.model, config.cache_dir)
    model.load()
    ready: dict[bytes, Any] = {}
    for task in config.tasks.values():
        data = load_data(task)
        for side, items in ((Side.QUERY, data.queries), (Side.CANDIDATE, data.candidates)):
            for item in items:
                rendered = model.rendered(item, side)
                key = item_key(rendered.prompt, item)
                if key not in ready:
                    pixels = rendered.pictures.load()
                    ready[key] = model.planned(rendered, rendered.pictures.visuals(pixels)), pixels
    plans, loaded = zip(*ready.values(), strict=True)
    lengths = [plan.length for plan in plans]
    work = Work(len(plans), sum(lengths))
    for batch in cut(lengths, config.runtime.tokens_per_batch or model.tokens_per_batch):
        began = time.perf_counter()
        model.forward([plans[place] for place in batch], [loaded[place] for place in batch])
        work.model_seconds += time.perf_counter() - began
        work.padding += sum(lengths[batch[0]] - lengths[place] for place in batch)
    return work


def official(config: RunConfig) -> Work:
    """Task by task and side by side, sixteen rows at a time in their order, items that tasks share again for each.

    Written for this comparison after what the official evaluator does: each item through the processor by itself in
    the main process, the whole causal model with its logits and hidden states, every batch padded to its longest
    item, then full sorts and loops in Python.
    """
    from rzen_eval.data.load import load_data

    encoder, work = Encoder(config.model), Work()
    for task in config.tasks.values():
        data = load_data(task)
        queries, candidates = (
            np.concatenate([
                encoder.embed([items[row] for row in range(start, min(start + BATCH, len(items)))], side, work)
                for start in range(0, len(items), BATCH)
            ])
            for side, items in ((Side.QUERY, data.queries), (Side.CANDIDATE, data.candidates))
        )  # fmt: skip
        scores = official_scores(
            queries, candidates, data.query_ids, data.candidate_ids, qrels=data.qrels, pools=data.pools
        )
        work.scores[task.id] = scores[task.metric]
    return work


class Encoder:
    """Stock transformers as the plain loop uses it.

    Args:
        spec: the declaration.
        head: whether logits are computed.
    """

    def __init__(self, spec: ModelSpec, *, head: bool = True) -> None:
        from transformers import AutoTokenizer, Qwen2VLForConditionalGeneration
        from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

        self.spec = spec
        self.tokenizer: Any = AutoTokenizer.from_pretrained(spec.checkpoint)
        self.image, self.frame = (
            Qwen2VLImageProcessorPil(min_pixels=budget.min_tokens * 28 * 28, max_pixels=budget.max_tokens * 28 * 28)
            for budget in spec.budgets
        )
        model: Any = Qwen2VLForConditionalGeneration.from_pretrained(spec.checkpoint, dtype="float32")
        self.config = model.config
        self.model = model.eval() if head else model.eval().model

    def processed(self, item: Item, side: Side) -> dict[str, Any]:
        """What a call of the processor does for one item: pictures to patches, placeholders to as many tokens."""
        import torch

        from rzen_eval.media import open_rgb
        from rzen_eval.models.prompt import render

        prompt, given, visuals = render(self.spec.prompt, item, side), {}, []
        for processor, media in ((self.image, item.images), (self.frame, item.frames)):
            if media:
                visuals.append(processor(images=[open_rgb(one) for one in media], return_tensors="pt"))
        if visuals:
            given = {key: torch.cat([one[key] for one in visuals]) for key in ("pixel_values", "image_grid_thw")}
            for grid in given["image_grid_thw"]:
                prompt = prompt.replace("<|image_pad|>", "<|placeholder|>" * int(grid.prod() // 4), 1)
            prompt = prompt.replace("<|placeholder|>", "<|image_pad|>")
        return given | dict(self.tokenizer(prompt, return_tensors="pt"))

    def embed(self, items: Sequence[Item], side: Side, work: Work) -> Vectors:
        """Unit vectors of a batch."""
        return self.vectors(self.batch(items, side), work)

    def batch(self, items: Sequence[Item], side: Side) -> dict[str, Any]:
        """What the model is called with: rows that are padded on the right."""
        import torch

        given = [self.processed(item, side) for item in items]
        lengths = torch.tensor([one["input_ids"].shape[1] for one in given])
        ids = torch.zeros(len(given), int(lengths.max()), dtype=torch.long)
        for row, one in enumerate(given):
            ids[row, : lengths[row]] = one["input_ids"][0]
        pictures: dict[str, Any] = {}
        if any("pixel_values" in one for one in given):
            pictures = {
                key: torch.cat([one[key] for one in given if key in one]) for key in ("pixel_values", "image_grid_thw")
            }
            pictures["mm_token_type_ids"] = (ids == self.config.image_token_id).int()
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
        return {"input_ids": ids, "attention_mask": mask, **pictures}

    def vectors(self, given: dict[str, Any], work: Work) -> Vectors:
        """Unit vectors of rows."""
        import torch

        ids, lengths = given["input_ids"], given["attention_mask"].sum(dim=1)
        began = time.perf_counter()
        with torch.no_grad():
            out = self.model(**given, output_hidden_states=True, use_cache=False)
            pooled = out.hidden_states[-1][torch.arange(len(ids)), lengths - 1]
            vectors: Vectors = torch.nn.functional.normalize(pooled, dim=-1).numpy()
        work.model_seconds += time.perf_counter() - began
        work.items += len(ids)
        work.tokens += int(lengths.sum())
        work.padding += ids.numel() - int(lengths.sum())
        return vectors


def official_scores(
    queries: Vectors,
    candidates: Vectors,
    query_ids: Sequence[str],
    candidate_ids: Sequence[str],
    *,
    qrels: Mapping[str, Mapping[str, float]],
    pools: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, float]:
    """Rank each query's whole pool by `argsort`, and go through the rankings metric by metric and query by query."""
    rankings = {}
    if pools is None:
        order = np.argsort(-np.dot(queries, candidates.T), axis=1)
        for row, query_id in enumerate(query_ids):
            rankings[query_id] = [candidate_ids[place] for place in order[row]]
    else:
        vectors = dict(zip(candidate_ids, candidates, strict=True))
        for row, query_id in enumerate(query_ids):
            names = list(pools[query_id])
            best = np.argsort(-np.dot(queries[row], np.stack([vectors[name] for name in names]).T))
            rankings[query_id] = [names[place] for place in best]
    return {
        f"{family}@{k}": float(np.mean([metric(rankings[name], qrels[name], k) for name in query_ids]))
        for family, metric in METRICS.items()
        for k in CUTOFFS
    }


def _hit(ranking: Sequence[str], judged: Mapping[str, float], k: int) -> float:
    return float(any(name in judged for name in ranking[:k]))


def _ndcg_linear(ranking: Sequence[str], judged: Mapping[str, float], k: int) -> float:
    gained = sum(judged.get(name, 0) / np.log2(place + 2) for place, name in enumerate(ranking[:k]))
    best = sum(grade / np.log2(place + 2) for place, grade in enumerate(sorted(judged.values(), reverse=True)[:k]))
    return float(gained / best) if best else 0.0


def _ndcg_exponential(ranking: Sequence[str], judged: Mapping[str, float], k: int) -> float:
    return _ndcg_linear(ranking, {name: 2**grade - 1 for name, grade in judged.items()}, k)


def _precision(ranking: Sequence[str], judged: Mapping[str, float], k: int) -> float:
    return len(set(ranking[:k]) & set(judged)) / k


def _recall(ranking: Sequence[str], judged: Mapping[str, float], k: int) -> float:
    return len(set(ranking[:k]) & set(judged)) / len(judged)


def _f1(ranking: Sequence[str], judged: Mapping[str, float], k: int) -> float:
    precision, recall = _precision(ranking, judged, k), _recall(ranking, judged, k)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _map(ranking: Sequence[str], judged: Mapping[str, float], k: int) -> float:
    found, total = 0, 0.0
    for place, name in enumerate(ranking[:k]):
        if name in judged:
            found += 1
            total += found / (place + 1)
    return total / min(len(judged), k)


def _mrr(ranking: Sequence[str], judged: Mapping[str, float], k: int) -> float:
    return next((1 / (place + 1) for place, name in enumerate(ranking[:k]) if name in judged), 0.0)


METRICS = {
    "hit": _hit, "ndcg_linear": _ndcg_linear, "ndcg_exponential": _ndcg_exponential, "precision": _precision,
    "recall": _recall, "f1": _f1, "map": _map, "mrr": _mrr,
}  # fmt: skip

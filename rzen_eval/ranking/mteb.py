"""Rankings and metrics as mteb's evaluator makes them, oddities included."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rzen_eval.core import MultiVectors
from rzen_eval.ranking.dot import rank
from rzen_eval.ranking.maxsim import rank_maxsim
from rzen_eval.ranking.metrics import CUTOFFS, PerQuery, per_query
from rzen_eval.ranking.top_k import RankSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rzen_eval.core import Run, Vectors


def rank_as_mteb(
    queries: Vectors | MultiVectors,
    candidates: Vectors | MultiVectors,
    query_ids: Sequence[str],
    candidate_ids: Sequence[str],
    *,
    cosine: bool = True,
    device: str = "cpu",
) -> Run:
    """Rank the whole corpus for each query as mteb does; see `rank` and `rank_maxsim` for what is not said here.

    Equal scores are ordered by id, the larger one first, as trec_eval does, which compares scores in float32. Vectors
    of late interaction are compared as they are, and candidates are filled up with vectors of zeros to the longest, of
    which one takes part in the maximum wherever a candidate is shorter.

    Source: embeddings-benchmark/mteb at a905523, `chunked_full_corpus_search` in `mteb/models/search_wrappers.py`,
    `cos_sim` in `mteb/similarity_functions.py`, `ColPaliEngineWrapper` in `colpali_models.py`; trec_eval 9,
    `form_res_rels.c`.

    Args:
        queries: float32, of any length: (queries, dimensions), or several an item.
        candidates: likewise.
        query_ids: one an item of `queries`.
        candidate_ids: one an item of `candidates`.
        cosine: whether single vectors are made unit length first, however near to it they are; else their dot
            product counts.
        device: where torch multiplies.
    """
    ids, settings = (list(query_ids), list(candidate_ids)), RankSettings(larger_id_first=True, device=device)
    if isinstance(queries, MultiVectors) and isinstance(candidates, MultiVectors):
        return rank_maxsim(queries, candidates, *ids, settings=replace(settings, padded=True))
    if isinstance(queries, MultiVectors) or isinstance(candidates, MultiVectors):
        raise TypeError("queries and candidates must have the same form")
    left, right = (_unit(side) if cosine else side for side in (queries, candidates))
    return rank(left, right, *ids, settings=settings)


def _unit(vectors: Vectors) -> Vectors:
    """Rows divided by their length in float32, by torch as mteb has it; zero rows stay zero."""
    import torch

    unit: Vectors = torch.nn.functional.normalize(torch.from_numpy(np.ascontiguousarray(vectors)), p=2, dim=1).numpy()
    return unit


def per_query_as_mteb(run: Run, qrels: Mapping[str, Mapping[str, float]]) -> PerQuery:
    """Metrics of every query of a ranking of mteb's, under our names.

    They are trec_eval's `ndcg_cut`, `success`, `P`, `recall` and `map_cut`, and the reciprocal rank of the first
    relevant candidate. Two are not the textbook's: average precision is divided by all relevant candidates, where ours
    is by as many as there are places, and a query without any has a recall of 0. mteb has neither `f1` nor
    `ndcg_exponential`; these are the textbook's, of its ranking.

    Args:
        run: as of `rank_as_mteb`.
        qrels: grade of each judged candidate of each query.
    """
    found = per_query(run, qrels)
    relevant = np.array([sum(grade > 0 for grade in grades.values()) for grades in qrels.values()])
    values = dict(found.values)
    for k in CUTOFFS:
        values[f"map@{k}"] = values[f"map@{k}"] * np.minimum(relevant, k) / np.maximum(relevant, 1)
        values[f"recall@{k}"] = np.where(relevant > 0, values[f"recall@{k}"], 0.0)
    return replace(found, values=values)

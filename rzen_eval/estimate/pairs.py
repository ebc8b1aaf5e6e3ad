"""What a second stage takes, from what each side of its tasks takes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rzen_eval.core import Modality
from rzen_eval.data.load import load_data
from rzen_eval.data.recipe import typical
from rzen_eval.data.recipes.typical import POOL
from rzen_eval.errors import DataError
from rzen_eval.estimate.item_cost import Reader
from rzen_eval.models.declaration.reranker import YesNoSpec
from rzen_eval.models.prompt import shown
from rzen_eval.models.rerankers.parts import half

if TYPE_CHECKING:
    from rzen_eval.core import Item, Side, Task
    from rzen_eval.estimate.cost import Amount, TaskCost


class PairReader(Reader):
    """A reranker without its weights; an item is its half of the prompt."""

    def prompt(self, item: Item, side: Side) -> str:
        """One side's half of the prompt."""
        if not isinstance(self.spec, YesNoSpec):
            raise TypeError(f"{self.spec.name} is no reranker")
        return half(self.spec, shown(self.spec, item), side)


def of_pairs(task: Task, sides: TaskCost, reader: PairReader, top_k: int) -> TaskCost:
    """Reckon what scoring a task's pairs takes.

    What comes before the candidate is computed once for each query, the rest once for each pair; a pair is of the mean
    length of its task.

    Args:
        task: as declared, with its limit.
        sides: what its halves of prompts take, each different one once.
        reader: the reranker.
        top_k: candidates a query; shorter pools are taken whole.
    """
    if not sides.known or not sides.queries.items or not sides.candidates.items:
        return sides
    n_pairs = _pairs(task, sides, top_k)
    query = sides.queries.times(sides.n_queries / sides.queries.items)
    alone = sides.candidates.times(n_pairs / sides.candidates.items)
    before, behind = _length(sides.queries), _length(sides.candidates)
    attention = [reader.anatomy.forward(length, ()).text_attention for length in (before, behind, before + behind)]
    more = n_pairs * (attention[2] - attention[1] - attention[0])
    return replace(
        sides, queries=replace(query, items=0), candidates=replace(alone, items=n_pairs, flops=alone.flops + more)
    )


def _length(side: Amount) -> int:
    """Tokens of an item, in the mean."""
    return round((side.text_tokens + side.visual_tokens) / side.items)


def _pairs(task: Task, sides: TaskCost, top_k: int) -> int:
    """How many there are, by the pools where the data are there, else by what these are like."""
    if sides.read:
        try:
            data = load_data(task)
        except DataError:
            pass
        else:
            if data.pools is not None:
                return sum(min(top_k, len(set(data.pools[query]))) for query in data.query_ids)
    shape = typical(task)
    if task.pool == "corpus" or shape is None:
        return sides.n_queries * min(top_k, sides.n_candidates or top_k)
    return sides.n_queries * min(top_k, POOL if task.modality is Modality.IMAGE else shape.candidates)

"""What a task takes, from its declared counts and from what its recipe says that its items are like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rzen_eval.core import Side
from rzen_eval.data.recipe import typical
from rzen_eval.data.recipes.typical import (
    CHOICES,
    CLIPS,
    FRAME,
    IMAGE,
    IMAGES,
    LABEL,
    PAGE,
    PAGE_TEXT,
    PAGES,
    QUERIES,
    QUESTION,
    SENTENCE,
    TEXTS,
)
from rzen_eval.estimate.cost import UNKNOWN, Amount, TaskCost
from rzen_eval.estimate.item_cost import CHARACTERS

if TYPE_CHECKING:
    from rzen_eval.core import Task
    from rzen_eval.estimate.item_cost import Reader

ASSUMED_SIZES = (
    f"assumed sizes: images {IMAGE.identity()}, frames {FRAME.identity()}, pages {PAGE.identity()} pixels, as the model"
    f" resizes them; a label or answer has {LABEL} characters, a caption or query {SENTENCE}, a question with choices"
    f" {QUESTION}, a token {CHARACTERS}, the text of a page {PAGE_TEXT:,}, other texts what their task declares;"
    " pages that several tasks say they share are met once, and nothing else twice"
)
ASSUMED_COUNTS = (
    "counts ~: the number of candidates or of queries is not declared, or is that of the data sets that a benchmark was"
    f" made from; assumed are {QUERIES} queries, {TEXTS:,} labels or answers, {IMAGES} images a"
    f" query of an image task, {CHOICES} choices a question, {CLIPS} clips a moment query, a video a caption, {PAGES:,}"
    " pages a corpus"
)
"""What is assumed, for the reader of a table."""


def assumed(task: Task, reader: Reader, reason: str | None = None, corpora: set[str] | None = None) -> TaskCost:
    """Reckon what a task takes without its data.

    Args:
        task: as declared, with its limit.
        reader: the model.
        reason: why the data could not be read.
        corpora: of earlier tasks, which this one's is added to; None: nothing is kept from task to task.

    Returns:
        The amounts; unknown where the task's recipe does not say what its items are like.
    """
    shape = typical(task)
    declared = task.n_queries or QUERIES
    n_queries = min(declared, task.limit.n) if task.limit else declared
    if shape is None:
        return TaskCost(
            task.id, task.modality, n_queries, task.n_candidates, Amount(), Amount(), source=UNKNOWN, reason=reason
        )
    asking = n_queries if task.pool == "query" else declared
    n_candidates = task.n_candidates or (asking if shape.to_a_query else 1) * shape.candidates
    if task.n_candidates and shape.to_a_query:
        n_candidates = round(task.n_candidates * asking / declared)
    met = corpora is not None and shape.corpus in corpora
    if corpora is not None and shape.corpus is not None:
        corpora.add(shape.corpus)
    kinds = [shape.candidate, *shape.others]
    each = [reader.amount(kind, Side.CANDIDATE, by_rule=True).times(n_candidates / len(kinds)) for kind in kinds]
    return TaskCost(
        id=task.id,
        modality=task.modality,
        n_queries=n_queries,
        n_candidates=n_candidates,
        queries=reader.amount(shape.query, Side.QUERY, by_rule=True).times(n_queries),
        candidates=Amount() if met else sum(each, start=Amount()),
        source="counts" if task.n_candidates and task.n_queries and task.counts == "declared" else "counts ~",
        reason=reason,
    )

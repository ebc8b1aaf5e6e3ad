"""From a task's vectors to its rankings, in both readings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rzen_eval.core import MultiVectors, Run
from rzen_eval.errors import ModelError
from rzen_eval.ranking.dot import CheckedVectors, check_vectors, rank
from rzen_eval.ranking.maxsim import rank_maxsim
from rzen_eval.ranking.mteb import rank_as_mteb
from rzen_eval.ranking.multivectors import CheckedMultiVectors, check_multi_vectors
from rzen_eval.ranking.top_k import RankSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rzen_eval.core import Embedder, Task, TaskData, Vectors
    from rzen_eval.models.interface import Pipelined


@dataclass(frozen=True, slots=True)
class Rankings:
    """A task's rankings."""

    official: Run
    """As the task's evaluator makes them; `score` is made of them, and they are what is kept."""
    exact: Run
    """As the textbook has it; the same object where the evaluator ranks so."""


@dataclass(frozen=True, slots=True)
class Sides:
    """Vectors of queries and candidates, of the same form."""

    queries: Vectors | MultiVectors
    candidates: Vectors | MultiVectors
    as_made: Sides | None = None
    """The same as the model made them, where mteb compares these; None: these."""
    cosine: bool = True
    """Whether mteb compares single vectors by cosine; else by dot product."""


def is_cosine(model: Embedder | Pipelined) -> bool:
    """Whether vectors are made unit length before they are compared.

    Raises:
        ModelError: the model has another `similarity` than `cosine` or `dot`.
    """
    similarity = getattr(model, "similarity", "cosine")
    if similarity not in {"cosine", "dot"}:
        name = type(getattr(model, "embedder", model)).__qualname__
        raise ModelError(f"{name}.similarity: expected 'cosine' or 'dot', found {similarity!r}")
    return bool(similarity == "cosine")


def check(
    vectors: Vectors | MultiVectors, ids: Sequence[str], what: str, *, cosine: bool = True
) -> CheckedVectors | CheckedMultiVectors:
    """Refuse vectors that cannot be ranked, one an item or many; see `check_vectors` and `check_multi_vectors`."""
    if isinstance(vectors, MultiVectors):
        return check_multi_vectors(vectors, ids, what, unit=cosine)
    return check_vectors(vectors, ids, what, unit=cosine)


def ranked(
    task: Task,
    data: TaskData,
    sides: Sides,
    what: str,
    *,
    device: str = "cpu",
) -> Rankings:
    """Rank queries against candidates by dot product, or by MaxSim where items have many vectors.

    Args:
        task: says whose evaluator `score` follows.
        data: ids and pools.
        sides: checked vectors.
        what: the model and the task, for messages.
        device: where torch multiplies.

    Raises:
        ModelError: the sides do not fit each other.
    """
    exact = _exact(sides, data, what, device)
    if task.evaluator == "mmeb":
        return Rankings(exact, exact)
    made = sides.as_made or sides
    ids = data.query_ids, data.candidate_ids
    return Rankings(rank_as_mteb(made.queries, made.candidates, *ids, cosine=sides.cosine, device=device), exact)


def _exact(sides: Sides, data: TaskData, what: str, device: str) -> Run:
    left, right = sides.queries, sides.candidates
    dims = [(side.rows if isinstance(side, MultiVectors) else side).shape[1] for side in (left, right)]
    if dims[0] != dims[1]:
        raise ModelError(f"{what}: queries and candidates have {dims[0]} and {dims[1]} dimensions")
    if isinstance(left, MultiVectors) and isinstance(right, MultiVectors):
        return rank_maxsim(
            left, right, data.query_ids, data.candidate_ids, data.pools, settings=RankSettings(device=device)
        )
    if isinstance(left, MultiVectors) or isinstance(right, MultiVectors):
        many, one = ("queries", "candidates") if isinstance(left, MultiVectors) else ("candidates", "queries")
        raise ModelError(f"{what}: {many} have many vectors an item and {one} a single one; give both the same form")
    return rank(left, right, data.query_ids, data.candidate_ids, data.pools, settings=RankSettings(device=device))

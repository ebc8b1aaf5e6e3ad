"""Declarations of rerankers, which score a query with one candidate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from rzen_eval.models.declaration.external import PythonSpec
from rzen_eval.models.declaration.local import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

SLOTS = ("{instruction}", "{query}", "{document}")
"""What a pair's template holds once each, in this order."""


class YesNoSpec(ModelSpec):
    """A checkpoint of Qwen2-VL or Qwen3-VL that answers yes or no.

    `prompt` says how each side is written, `{media}{text}` as a rule, and `pair` where both go.
    """

    family: Literal["qwen3_vl_reranker", "qwen2_vl_reranker"]
    pair: str
    """The whole prompt; holds `{instruction}`, `{query}` and `{document}` once each, in this order."""
    default_instruction: str
    """Stands for the instruction of a query that has none."""
    yes: str = "yes"
    """The entry of the vocabulary that says that the candidate answers the query."""
    no: str = "no"
    kept_at_end: int = Field(default=5, ge=1)
    """Last tokens that are never cut, and count beside `max_length`: the end of the turn, and the next one's head."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if [self.pair.count(slot) for slot in SLOTS] != [1] * len(SLOTS):
            raise ValueError(f"pair must hold each of {', '.join(SLOTS)} exactly once: {self.pair!r}")
        if sorted(SLOTS, key=self.pair.index) != list(SLOTS):
            raise ValueError(f"pair must hold {', '.join(SLOTS)} in this order: {self.pair!r}")
        return self

    @property
    def parts(self) -> Sequence[str]:
        """What stands before the instruction, the query and the document, and behind it."""
        before, rest = self.pair.split(SLOTS[0])
        between, rest = rest.split(SLOTS[1])
        middle, after = rest.split(SLOTS[2])
        return before, between, middle, after


class PythonRerankerSpec(PythonSpec):
    """A class of the user's own with one method, `score(query, candidates)`."""

    family: Literal["python_reranker"]  # type: ignore[assignment]


AnyReranker = Annotated[YesNoSpec | PythonRerankerSpec, Field(discriminator="family")]
"""Any declaration of a reranker; its family decides which keys it has."""

"""Declarations of rerankers, which score a query with one candidate."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from rzen_eval.models.declaration.external import PythonSpec, RemoteSpec, Sides
from rzen_eval.models.declaration.local import Checkpointed, Dtype, ModelSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

SETTING = "reranker"
SLOTS = ("{instruction}", "{query}", "{document}")
"""What a pair's template holds once each, in this order."""


class YesNoSpec(ModelSpec):
    """A checkpoint of Qwen2-VL or Qwen3-VL that answers yes or no.

    `prompt` says how each side is written, `{media}{text}` as a rule, and `pair` where both go.
    """

    setting: ClassVar[str] = SETTING
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

    setting: ClassVar[str] = SETTING
    family: Literal["python_reranker"]  # type: ignore[assignment]


class CrossEncoderSpec(Checkpointed):
    """A checkpoint that Sentence-Transformers loads as a `CrossEncoder`."""

    setting: ClassVar[str] = SETTING
    family: Literal["cross_encoder"]
    instruction: Literal["user", "none"] = "user"
    """Whether the query's instruction goes before its text."""
    video: Literal["video", "middle"] = "video"
    """Whether the frames of a video go in as one, or the middle one alone as an image."""
    dtype: Dtype = "auto"
    """auto: bfloat16 on a GPU, float32 on a CPU."""
    batch_size: int = Field(default=32, gt=0)
    """Candidates of a query that are handed over at once."""

    @model_validator(mode="before")
    @classmethod
    def _named_after_its_checkpoint(cls, raw: Any) -> Any:
        return _named(raw, "checkpoint")


class RerankEndpointSpec(RemoteSpec):
    """A model behind `/v1/rerank`, as vLLM has it."""

    setting: ClassVar[str] = SETTING
    family: Literal["rerank_endpoint"]
    key_variable: str | None = None
    instruction: Literal["user", "none"] = "user"
    """Whether the query's instruction goes before its text; else the server's template has its own."""
    documents: int = Field(default=16, gt=0)
    """Candidates of one request."""
    sides: Sides = Sides(least=28, most=4096)

    @model_validator(mode="before")
    @classmethod
    def _named_after_its_model(cls, raw: Any) -> Any:
        return _named(raw, "remote")

    @property
    def address(self) -> str:
        """The endpoint with `/v1/rerank` at its end, of which a server's address needs nothing."""
        place = self.endpoint.rstrip("/")
        return place if urlsplit(place).path.endswith("rerank") else f"{place}/v1/rerank"


def _named(raw: Any, key: str) -> Any:
    """A declaration with the last part of a value as its name, where it has none."""
    if not isinstance(raw, dict) or "name" in raw:
        return raw
    return raw | {"name": re.sub(r"[^\w.+-]", "_", str(raw.get(key, "")).rstrip("/").rpartition("/")[2])}


AnyReranker = Annotated[
    YesNoSpec | PythonRerankerSpec | CrossEncoderSpec | RerankEndpointSpec, Field(discriminator="family")
]
"""Any declaration of a reranker; its family decides which keys it has."""

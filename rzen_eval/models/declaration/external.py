"""Declarations of models that take items whole, and the choice among all kinds of declarations."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from rzen_eval.core import Frozen
from rzen_eval.models.declaration.local import Checkpointed, Declared, Dtype, ModelSpec


class PythonSpec(Declared):
    """A class of the user's own with one method, `embed(items, side)`."""

    family: Literal["python"]
    target: str = Field(alias="class")
    """Module and class, `my_module:MyModel`; modules are looked for in the working directory too."""
    options: dict[str, Any] = Field(default={})
    """What the class is made with, as keyword arguments."""
    version: str | None = None
    """Tells kept vectors of one version from those of another, where weights change and the module does not."""
    batch_size: int = Field(default=32, gt=0)
    """Items that are handed over at once."""

    @field_validator("target")
    @classmethod
    def _module_and_class(cls, target: str) -> str:
        if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", target):
            raise ValueError(f"expected MODULE:CLASS, such as my_module:MyModel, found {target!r}")
        return target

    @property
    def source(self) -> str:
        """The class."""
        return self.target

    @model_validator(mode="before")
    @classmethod
    def _named_after_its_class(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and "name" not in raw:
            return raw | {"name": str(raw.get("class", "")).rpartition(":")[2]}
        return raw


class TextSlots(Frozen):
    """Whether the instruction goes before the text, by side."""

    query: Literal["user", "none"] = "user"
    candidate: Literal["user", "none"] = "user"


class SentenceTransformersSpec(Checkpointed):
    """A checkpoint that Sentence-Transformers loads."""

    family: Literal["sentence_transformers"]
    instruction: TextSlots = TextSlots()
    video: Literal["video", "middle"] = "video"
    """Whether the frames of a video go in as one, or the middle one alone as an image."""
    dtype: Dtype = "auto"
    """auto: bfloat16 on a GPU, float32 on a CPU."""
    batch_size: int = Field(default=32, gt=0)
    """Items that are handed over at once."""


class ApiInstruction(Frozen):
    """The field `instruction` of a request, by side; None: it is left out, and the instruction put before the text.

    May hold `{instruction}`, and `{content}` for what the item is made of.
    """

    query: str | None = None
    candidate: str | None = None


class Sides(Frozen):
    """Least and most pixels of a picture's sides that a server takes."""

    least: int = Field(gt=0)
    most: int = Field(gt=0)


class Price(Frozen):
    """What an API costs, in units of `currency` a million tokens."""

    text: float = Field(ge=0)
    picture: float = Field(ge=0)
    tokens_per_picture: int = Field(gt=0)
    currency: str


class ApiSpec(Declared):
    """A model behind an HTTP API, one item a request."""

    family: Literal["api"]
    endpoint: str
    """Address without a question mark: nothing secret belongs there."""
    remote: str
    """What the server calls the model."""
    key_variable: str
    """Environment variable that holds the key; the key itself is in no configuration."""
    headers: dict[str, str] = Field(default={})
    instruction: ApiInstruction = ApiInstruction()
    video: Literal["images", "middle"] = "images"
    """Whether all frames of a video are sent, each as an image, or the middle one alone."""
    sides: Sides
    timeout: float = Field(default=60.0, gt=0)
    """Seconds without a byte after which an attempt counts as failed."""
    total_timeout: float = Field(default=300.0, gt=0)
    """Seconds from a request to the end of its answer after which an attempt counts as failed."""
    largest_answer: int = Field(default=2**24, gt=0)
    """Bytes of an answer; more are not read, and the run ends."""
    concurrency: int = Field(default=4, gt=0)
    """Requests at once."""
    requests_per_minute: float | None = Field(default=None, gt=0)
    """None: as many as there can be."""
    attempts: int = Field(default=8, gt=0)
    """At one request."""
    longest_wait: float = Field(default=120.0, gt=0)
    """Seconds between two attempts; where the server asks for more, the run ends."""
    confirmed: bool = False
    """Send requests without asking."""
    price: Price | None = None
    """None: not declared, so that the estimate counts requests, pictures and tokens alone."""

    @field_validator("endpoint")
    @classmethod
    def _sealed(cls, endpoint: str) -> str:
        if not re.fullmatch(r"(https://|http://(127\.0\.0\.1|localhost)[:/])[^?#@\s]+", endpoint):
            raise ValueError(f"expected https://HOST/PATH, without a user or a query, found {endpoint!r}")
        return endpoint

    @property
    def source(self) -> str:
        """The server and its name of the model."""
        return f"{self.remote} at {urlsplit(self.endpoint).hostname}"


AnySpec = Annotated[ModelSpec | PythonSpec | SentenceTransformersSpec | ApiSpec, Field(discriminator="family")]
"""Any declaration; its family decides which keys it has."""

"""Declarations of models that take items whole, and the choice among all kinds of declarations."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self
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


class RemoteSpec(Declared):
    """A model behind an HTTP API."""

    endpoint: str
    """Address without a question mark: nothing secret belongs there."""
    remote: str
    """What the server calls the model."""
    key_variable: str | None
    """Environment variable that holds the key; the key itself is in no configuration. None: the server wants none."""
    headers: dict[str, str] = Field(default={})
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

    @model_validator(mode="after")
    def _sealed(self) -> Self:
        safe = r"https://" if self.key_variable else r"https?://"
        if not re.fullmatch(rf"({safe}|http://(127\.0\.0\.1|localhost)[:/])[^?#@\s]+", self.endpoint):
            least = "https://HOST/PATH" if self.key_variable else "http://HOST/PATH"
            # Either may hold a key, which nobody else is to read.
            shown = re.sub(r"(?<=//).*@", "***@", re.sub(r"[?#].*", "?***", self.endpoint, flags=re.DOTALL))
            raise ValueError(f"endpoint: expected {least}, without a user or a query, found {shown!r}")
        return self

    @property
    def address(self) -> str:
        """Where requests are sent."""
        return self.endpoint

    @property
    def source(self) -> str:
        """The server and its name of the model."""
        return f"{self.remote} at {urlsplit(self.endpoint).hostname}"


class ApiSpec(RemoteSpec):
    """A model behind Volcengine Ark's API, one item a request."""

    family: Literal["api"]
    key_variable: str
    instruction: ApiInstruction = ApiInstruction()


class ChatSlots(Frozen):
    """Where the instruction goes, by side: before the text, into a system turn, or nowhere."""

    query: Literal["user", "system", "none"] = "user"
    candidate: Literal["user", "system", "none"] = "user"


class OpenAISpec(RemoteSpec):
    """A model behind OpenAI's `/v1/embeddings`, or a server that speaks like it."""

    family: Literal["openai"]
    key_variable: str | None = None
    form: Literal["vllm", "sglang"] = "vllm"
    """How an item with pictures is sent. `vllm`: as `messages`, which go through the server's chat template; `sglang`:
    as an input with `text` and `image`, of which there can be one."""
    texts: Literal["input", "messages"] = "input"
    """Texts in batches as `input`, which a server embeds as they are, or one a request as `messages`, as pictures."""
    instruction: ChatSlots = ChatSlots()
    dimensions: int | None = Field(default=None, gt=0)
    """Asked for with every request; None: as many as the model has."""
    batch_size: int = Field(default=32, gt=0)
    """Texts of one request."""
    sides: Sides = Sides(least=28, most=4096)

    @property
    def address(self) -> str:
        """The endpoint with `/v1/embeddings` at its end, of which a server's address needs nothing."""
        place = self.endpoint.rstrip("/")
        if place.endswith("/embeddings"):
            return place
        return f"{place}/embeddings" if urlsplit(place).path else f"{place}/v1/embeddings"

    @model_validator(mode="before")
    @classmethod
    def _named_after_its_model(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and "name" not in raw:
            return raw | {"name": re.sub(r"[^\w.+-]", "_", str(raw.get("remote", "")).rpartition("/")[2])}
        return raw

    @model_validator(mode="after")
    def _turns(self) -> Self:
        if "system" in (self.instruction.query, self.instruction.candidate) and (
            self.form != "vllm" or self.texts != "messages"
        ):
            raise ValueError("an instruction in the system turn needs form: vllm and texts: messages")
        return self


AnySpec = Annotated[
    ModelSpec | PythonSpec | SentenceTransformersSpec | ApiSpec | OpenAISpec, Field(discriminator="family")
]
"""Any declaration; its family decides which keys it has."""

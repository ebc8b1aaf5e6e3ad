"""The declaration of a model: everything that tells it from others of its architecture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from rzen_eval.core import Frozen
from rzen_eval.files import usable
from rzen_eval.models import FAMILIES, class_of
from rzen_eval.models.declaration.name import fits_a_file_name, name_of
from rzen_eval.models.declaration.prompt import Prompt

if TYPE_CHECKING:
    Family = str
else:
    Family = Literal[tuple(FAMILIES)]
OF_BUDGETED = ("image", "frame", "square", "margin", "first_resize", "clip_tokens")
"""Settings of families that are budgeted alone; others know their own."""
Alpha = Literal["drop", "white", "resize_first"]
BeyondRatio = Literal["clamp", "square", "unread", "error"]


SHORT = {
    **dict.fromkeys(("fp32", "f32", "float"), "float32"),
    **dict.fromkeys(("bf16",), "bfloat16"),
    **dict.fromkeys(("fp16", "f16", "half"), "float16"),
}
"""Usual short names of precisions."""


def _in_full(dtype: object) -> object:
    name = str(dtype).removeprefix("torch.")
    return SHORT.get(name, name)


Dtype = Annotated[Literal["auto", "float32", "bfloat16", "float16"], BeforeValidator(_in_full)]
"""auto: bfloat16 on a GPU, float32 on a CPU."""


class Budget(Frozen):
    """How many tokens one picture may take; a token is a square of 28 by 28 pixels, of 32 by 32 in Qwen3-VL."""

    min_tokens: int = Field(gt=0)
    max_tokens: int = Field(gt=0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_tokens > self.max_tokens:
            raise ValueError(f"min_tokens {self.min_tokens} is above max_tokens {self.max_tokens}")
        return self


STOCK = Budget(min_tokens=4, max_tokens=1280)
"""Of Qwen2-VL's own image processor where a checkpoint says nothing."""


class FirstBudget(Budget):
    """The budget of a resize that comes before another."""

    side: int | None = Field(default=None, gt=0)
    """Side in pixels of the square that a token of this budget covers, and that sizes are multiples of; None: the
    family's own."""


class Architecture(Frozen):
    """Sizes of a model, under the names of the checkpoint's `config.json`; for what it costs, never for loading it."""

    text: Mapping[str, int | bool]
    """Its `text_config`."""
    vision: Mapping[str, int | bool | tuple[int, ...]]
    """Its `vision_config`."""
    audio: Mapping[str, int | bool] = {}
    """Its `audio_config`, of a model that has one."""
    tie_word_embeddings: bool


class Declared(Frozen):
    """What every declaration in `conf/model` says. Nothing is loaded."""

    setting: ClassVar[str] = "model"
    """What its keys stand behind on the command line: `model.dtype`."""
    name: Annotated[str, Field(pattern=r"^[\w][\w.+-]*$"), AfterValidator(fits_a_file_name)]
    """Names the folder of the results."""
    family: str
    """The class that loads it."""
    revision: str | None = None
    """Commit of the hub repository; unused for a folder."""
    license: str | None = None
    parameters_b: float | None = None
    """Published size in billions of parameters."""
    dim: int | None = None
    """Published number of dimensions, for the list of models; None: not published."""
    reproduces: tuple[str, ...] = ()
    """Published rows, as `reference=` calls them, that were made with just these settings."""
    device: str = "auto"
    """auto: the first GPU, else the CPU; or a torch device such as `cuda:1`."""

    @property
    def source(self) -> str:
        """Where the model comes from, for the list of models."""
        raise NotImplementedError


def _placed(place: str) -> str:
    usable(place)
    return place


class Checkpointed(Declared):
    """A model with weights on this machine."""

    checkpoint: Annotated[str, AfterValidator(_placed)]
    """A hub repository or a folder; `bundled` for the model that the package makes, `unpublished` where its authors
    name no repository."""
    trust_remote_code: bool = False
    """Run Python code that comes with the checkpoint; of a hub repository only at a pinned revision."""
    pickled_weights: bool = False
    """Take weights in files that are not safetensors where there are no others."""

    @model_validator(mode="before")
    @classmethod
    def _named_after_its_checkpoint(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and raw.get("name") is None and isinstance(raw.get("checkpoint"), str):
            return raw | {"name": name_of(raw["checkpoint"])}
        return raw

    @property
    def source(self) -> str:
        """The repository or folder of the checkpoint."""
        return self.checkpoint


class ModelSpec(Checkpointed):
    """A model that this package computes itself, by the class of its family."""

    family: Family
    base: Annotated[str, AfterValidator(_placed)] | None = None
    """Model that an adapter is merged into, as a hub repository or a folder; None: the one that the adapter names."""
    base_revision: str | None = None
    """Commit of that model's hub repository; None: the one that the adapter names, or else its newest."""
    adapter: Annotated[str, Field(pattern=r"^[\w-]+$")] | None = None
    """Folder within the checkpoint with an adapter that is merged into its weights; None: a checkpoint is a model, or
    an adapter that names its base."""
    adapter_task: str | None = None
    """Of an adapter with weights for several tasks the task whose weights are merged; None: it has but one set."""
    caution: str | None = None
    """What a reader of its results must know; every run says it and its results keep it."""
    architecture: Architecture | None = None
    """Sizes that `rzen-eval estimate` reckons with where the checkpoint is not on this machine; None: not known."""
    prompt: Prompt
    image: Budget | None = None
    """None, here and below: what the checkpoint says, or else 4 to 1280 tokens; of a family that knows its own sizes,
    these."""
    frame: Budget | None = None
    video: Literal["images", "video", "middle", "first"] = "images"
    """How frames become tokens: each as an image of its own; all as one video, two to a temporal patch, of the size
    that suits the first; or the middle or first one alone, as a still image."""
    square: int | None = Field(default=None, gt=0)
    """Side of the square that every picture is made first, whatever its shape; None: pictures keep their shape."""
    small_side: int | Literal["longest"] | None = None
    """An image (not a frame) with a side below `small_below` is first made a square of this side, or of its own longest
    side; None: it is not."""
    small_below: int = Field(default=28, gt=0)
    """Pixels below which a side is small."""
    margin: int | None = Field(default=None, gt=0)
    """Pixels up to which a shorter side of an image or frame gets a black margin; None: it gets none."""
    alpha: Alpha = "drop"
    """What becomes of an alpha channel: it is dropped, or laid on white; `resize_first`: `square` and `small_side`
    resize a picture as it is stored, alpha, palette and all, and what is left of these is dropped afterwards."""
    beyond_ratio: BeyondRatio = "clamp"
    """What becomes of a picture whose sides are further apart than 200 to 1. `clamp`: the first size that it is fitted
    to is cut to that ratio; `square`: it is read as a square of its longest side, and so is one thinner than a token;
    `unread`: its item is embedded as `prompt.unread`; `error`: it is refused."""
    max_frames: int | None = Field(default=None, gt=0)
    """Most frames of a video that are read, evenly spread over those that there are; None: all."""
    first_resize: FirstBudget | None = None
    """Budget of a resize that comes before the one to `image` or `frame`; None: there is only one."""
    first_resize_of: Literal["all", "frames"] = "all"
    """What is resized to it: images and frames, or frames alone."""
    clip_tokens: int | None = Field(default=None, gt=0)
    """Most tokens of a whole video, so that many frames are smaller each; None: frames do not depend on how many there
    are."""
    clips_in_float: bool = False
    """Whether the frames of a clip get their last size as torchvision resizes them, rounded once; else as Pillow does,
    which is faster."""
    positions: Literal["sequential", "mrope"] = "sequential"
    """Rotary positions: 0..L-1 on all axes, or the architecture's own by time, row and column."""
    max_length: int | None = Field(default=None, gt=0)
    """Longest prompt in tokens; text is cut to fit, visual tokens and the pooling token never."""
    max_length_of: Literal["all", "texts"] = "all"
    """What has that length at most: every prompt, or those without pictures alone."""
    dtype: Dtype = "auto"
    """auto: bfloat16 on a GPU, float32 on a CPU."""
    attention: Literal["auto", "varlen", "flash", "flash_attention_2", "sdpa", "eager"] = "auto"
    """How tokens of an item attend to each other, items end to end in one row: `varlen`, torch's own kernel for that,
    and `flash`, or `flash_attention_2`, that of the package flash_attn, both on a GPU in 16 bits; `sdpa` item by item,
    anywhere; `eager` written out. `auto`: the first of them that can be had."""

    def longest(self, *, pictured: bool) -> int | None:
        """Most tokens of a prompt with pictures, or of one without; None: as many as there are."""
        return None if pictured and self.max_length_of == "texts" else self.max_length

    @property
    def budgets(self) -> tuple[Budget, Budget]:
        """Of an image and of a frame."""
        return self.image or STOCK, self.frame or STOCK

    @model_validator(mode="after")
    def _suits_its_family(self) -> Self:
        family = class_of(self.family)
        if family.budgeted:
            return self
        unused = [name for name in OF_BUDGETED if getattr(self, name) is not None]
        unused += ["small_side"] * (self.small_side is not None and not family.squared)
        unused += ["positions"] * (self.positions != "sequential")
        unused += ["prompt.frames_first"] * self.prompt.frames_first
        if unused:
            raise ValueError(f"{self.family} does not use {', '.join(unused)}")
        return self

    @model_validator(mode="after")
    def _spells_a_video(self) -> Self:
        if (self.video == "video") != (self.prompt.video is not None):
            raise ValueError(f"video: {self.video} and prompt.video: {self.prompt.video!r} do not go together")
        if self.first_resize_of != "all" and self.first_resize is None:
            raise ValueError("first_resize_of without first_resize")
        if self.clip_tokens is not None and self.video in ("middle", "first"):
            raise ValueError(f"clip_tokens with video: {self.video}, of which one frame is seen")
        if (self.beyond_ratio == "unread") != (self.prompt.unread is not None):
            raise ValueError(f"beyond_ratio: {self.beyond_ratio} and prompt.unread do not go together")
        return self

    @model_validator(mode="after")
    def _has_one_adapter(self) -> Self:
        if self.adapter and self.base:
            raise ValueError("adapter is a folder of the checkpoint itself, and base another model; give one of them")
        return self

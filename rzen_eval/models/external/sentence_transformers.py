"""Any checkpoint of Sentence-Transformers that reads texts, images or videos."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from rzen_eval.core import Side
from rzen_eval.errors import ModelError
from rzen_eval.models import device
from rzen_eval.models.checkpoint import files
from rzen_eval.models.checkpoint.audit import check_finite
from rzen_eval.models.checkpoint.files import ADAPTER_CONFIG
from rzen_eval.models.checkpoint.json_file import read_object
from rzen_eval.models.external.foreign_code import called
from rzen_eval.models.external.one_method import OneMethodModel, decoded
from rzen_eval.models.external.sentence_transformers_files import described, loaded_as, unsound
from rzen_eval.models.prompt import join

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rzen_eval.core import Item, Vectors
    from rzen_eval.models.declaration.external import SentenceTransformersSpec
    from rzen_eval.models.external.sentence_transformers_files import Report


UNUSED = re.compile(r"(.*\.)?(lm_head|cls|classifier|score|qa_outputs)\..*|.*\.(position_ids|inv_freq)")
"""Weights of heads, and numbers that follow from the configuration, which an embedding does without."""
POOLER = re.compile(r"(.*\.)?pooler\..*")
"""Weights that a class of transformers has and a pooling of Sentence-Transformers goes past."""
ONE, LATE = "SentenceTransformer", "MultiVectorEncoder"
"""What a checkpoint may say that it is: a model with one vector an item, or of late interaction."""


class SentenceTransformers(OneMethodModel):
    """A checkpoint that Sentence-Transformers loads: prompts, sizes of pictures and pooling are the checkpoint's own.

    A text alone goes in as a string, an image alone as an image, anything else as a mapping with `text`, `image` (a
    list where there are several) and `video`, the list of a video's frames.

    Args:
        spec: the declaration.
        cache_dir: where digests of weights are noted.

    Raises:
        ModelError: the checkpoint is not there, has no safetensors, or the device is not there.
    """

    spec: SentenceTransformersSpec
    made = "_model"

    def __init__(self, spec: SentenceTransformersSpec, cache_dir: Path) -> None:
        super().__init__(spec)
        self.dtype = device.dtype(spec, self.device)
        self._folder, self._identity = files.find_whole(spec, cache_dir)

    @property
    def where(self) -> str:
        """Where, and in which dtype."""
        return f"{str(self.dtype).removeprefix('torch.')} on {self.device}"

    @property
    def batch_size(self) -> int:
        """Items that are handed over at once."""
        return self.spec.batch_size

    def vectors(self, items: Sequence[Item], side: Side) -> Vectors | list[Vectors]:
        """What the checkpoint makes of a batch, float32, shape (n, dim), of unit length, or of each item several.

        Queries and candidates go in as such, with the prompts, and through the parts, that the checkpoint has for each.

        Raises:
            ModelError: it fails, on a kind of item that it does not read, say.
        """
        inputs = [self.input(decoded(item), side) for item in items]
        encode = self._model.encode_query if side is Side.QUERY else self._model.encode_document
        with called(f"{self.spec.name}: encode failed"):
            made = encode(inputs, batch_size=len(inputs), normalize_embeddings=True, show_progress_bar=False)
        if self._kind == LATE:
            return [np.asarray(rows.float().cpu(), dtype=np.float32) for rows in made]
        return np.asarray(made, dtype=np.float32)

    def input(self, item: Item, side: Side) -> Any:
        """An item in the form that Sentence-Transformers takes."""
        told = self.spec.instruction.query if side is Side.QUERY else self.spec.instruction.candidate
        return as_input(item, instructed=told == "user", middle=self.spec.video == "middle")

    def load(self) -> None:
        """Load the checkpoint now; otherwise that happens with the first batch.

        Raises:
            ModelError: it cannot be loaded.
        """
        self._model  # noqa: B018 - a cached property

    def provenance(self) -> dict[str, Any]:
        """Everything about the model that can change a vector; asking needs no weights in memory."""
        return described(self.spec, self._identity, self.dtype, self.device)

    def notes(self) -> tuple[str, ...]:
        """That its repository was taken at whatever its newest commit was."""
        return files.unpinned_at(self.spec, self.spec.checkpoint, self.spec.revision, self._identity)

    @cached_property
    def _model(self) -> Any:
        model, reports = loaded_as(self._kind, self.spec, self._folder, self.dtype, self.device)
        self._check(reports)
        check_finite(self.spec.name, self._folder, model)
        return model

    def _check(self, reports: Sequence[Report]) -> None:
        """Refuse a model with weights from nowhere, or whose weights were left aside."""
        if wrong := unsound(reports, ("missing", "mismatched"), POOLER, self._folder):
            raise ModelError(f"{self.spec.name}: {wrong}; they would be random")
        if wrong := unsound(reports, ("unexpected",), UNUSED, self._folder):
            raise ModelError(f"{self.spec.name}: {wrong}; it would not be the model that was published")

    @cached_property
    def _kind(self) -> str:
        """What the checkpoint says that it is.

        Raises:
            ModelError: it is something else than what is read here.
        """
        file = self._folder / "config_sentence_transformers.json"
        kind = str(read_object(file).get("model_type", ONE)) if file.is_file() else ONE
        if kind not in (ONE, LATE):
            raise ModelError(f"{self.spec.name}: {file} says model_type {kind!r}; expected {ONE} or {LATE}")
        if adapters := sorted(self._folder.rglob(ADAPTER_CONFIG)):
            raise ModelError(
                f"{self.spec.name}: {adapters[0]} is of an adapter, which would be attached, or not, without a word;"
                " merge it into its base first"
            )
        return kind


def as_input(item: Item, *, instructed: bool, middle: bool) -> Any:
    """An item in the form that Sentence-Transformers takes.

    Args:
        item: with its pictures decoded.
        instructed: whether the instruction goes before the text.
        middle: whether of a video the middle frame is taken alone, as an image.
    """
    text = join(item.instruction if instructed else None, item.text)
    images, frames = list(item.images), list(item.frames)
    if middle and frames:
        images, frames = [*images, frames[len(frames) // 2]], []
    parts: dict[str, Any] = {"text": text} if text else {}
    if images:
        parts["image"] = images[0] if len(images) == 1 else images
    if frames:
        parts["video"] = frames
    if not parts:
        return ""
    alone = next(iter(parts)) if len(parts) == 1 else None
    return parts[alone] if alone == "text" or (alone == "image" and len(images) == 1) else parts

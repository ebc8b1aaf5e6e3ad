"""Any checkpoint of Sentence-Transformers that reads texts, images or videos."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from rzen_eval.core import Side
from rzen_eval.errors import ModelError, failure
from rzen_eval.models import device
from rzen_eval.models.checkpoint import files
from rzen_eval.models.external.foreign_code import called
from rzen_eval.models.external.one_method import OneMethodModel, decoded
from rzen_eval.models.prompt import join

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rzen_eval.core import Item, Vectors
    from rzen_eval.models.declaration.external import SentenceTransformersSpec


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

    def vectors(self, items: Sequence[Item], side: Side) -> Vectors:
        """What the checkpoint makes of a batch, float32, shape (n, dim), of unit length.

        Raises:
            ModelError: it fails, on a kind of item that it does not read, say.
        """
        inputs = [self.input(decoded(item), side) for item in items]
        model = self._model
        with called(f"{self.spec.name}: encode failed"):
            made = model.encode(inputs, batch_size=len(inputs), normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(made, dtype=np.float32)

    def input(self, item: Item, side: Side) -> Any:
        """An item in the form that Sentence-Transformers takes."""
        told = self.spec.instruction.query if side is Side.QUERY else self.spec.instruction.candidate
        text = join(item.instruction if told == "user" else None, item.text)
        images, frames = list(item.images), list(item.frames)
        if self.spec.video == "middle" and frames:
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

    def load(self) -> None:
        """Load the checkpoint now; otherwise that happens with the first batch.

        Raises:
            ModelError: it cannot be loaded.
        """
        self._model  # noqa: B018 - a cached property

    def provenance(self) -> dict[str, Any]:
        """Everything about the model that can change a vector; asking needs no weights in memory."""
        exclude = {"batch_size", "reproduces", "device", "dtype"}
        return self.spec.model_dump(mode="json", exclude=exclude) | {
            "revision": None if self._identity.startswith("sha256:") else self.spec.revision,
            "weights": self._identity,
            "dtype": str(self.dtype).removeprefix("torch."),
            "device": self.device.type,
            "sentence_transformers": files.installed("sentence-transformers"),
        }

    @cached_property
    def _model(self) -> Any:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise ModelError(f"{self.spec.name}: {error}; pip install 'rzen-eval[sentence-transformers]'") from error
        settings: dict[str, Any] = {"dtype": self.dtype}
        if not self.spec.pickled_weights:
            settings["use_safetensors"] = True
        try:
            return SentenceTransformer(
                str(self._folder),
                device=str(self.device),
                trust_remote_code=self.spec.trust_remote_code,
                local_files_only=True,
                model_kwargs=settings,
            )
        except Exception as error:  # the checkpoint's code may fail in any way
            left_out = "pytorch_model.bin" in str(error) and not self.spec.pickled_weights
            hint = "; weights in pickles are fetched and taken with model.pickled_weights=true" if left_out else ""
            raise ModelError(f"{self.spec.name}: {self._folder} cannot be loaded ({failure(error)}){hint}") from error

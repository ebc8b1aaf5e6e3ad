"""Any checkpoint that Sentence-Transformers loads as a `CrossEncoder`."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rzen_eval.errors import ModelError
from rzen_eval.models import device
from rzen_eval.models.checkpoint import files
from rzen_eval.models.checkpoint.audit import check_finite
from rzen_eval.models.external.foreign_code import called
from rzen_eval.models.external.sentence_transformers import as_input
from rzen_eval.models.external.sentence_transformers_files import described, loaded_as, unsound
from rzen_eval.models.rerankers.whole import WholeReranker

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rzen_eval.core import Item
    from rzen_eval.models.declaration.reranker import CrossEncoderSpec
    from rzen_eval.models.external.sentence_transformers_files import Report

DERIVED = re.compile(r"(.*\.)?(position_ids|inv_freq)")
"""Numbers that follow from the configuration."""


class CrossEncoderReranker(WholeReranker):
    """A cross-encoder with one score a pair: prompts, sizes of pictures and the last function are the checkpoint's own.

    A text alone goes in as a string, an image alone as an image, anything else as a mapping, as for embeddings.

    Args:
        spec: the declaration.
        cache_dir: where digests of weights are noted.

    Raises:
        ModelError: the checkpoint is not there, has no safetensors, or the device is not there.
    """

    spec: CrossEncoderSpec

    def __init__(self, spec: CrossEncoderSpec, cache_dir: Path) -> None:
        super().__init__(spec)
        self.dtype = device.dtype(spec, self.device)
        self._folder, self._identity = files.find_whole(spec, cache_dir)

    @property
    def batch_size(self) -> int:
        """Candidates of a query that are handed over at once."""
        return self.spec.batch_size

    def scores(self, query: Item, candidates: Sequence[Item]) -> Any:
        """What the checkpoint makes of them.

        Raises:
            ModelError: it fails, on a kind of item that it does not read, say.
        """
        middle = self.spec.video == "middle"
        asked = as_input(query, instructed=self.spec.instruction == "user", middle=middle)
        pairs = [(asked, as_input(one, instructed=False, middle=middle)) for one in candidates]
        model = self._model
        with called(f"{self.spec.name}: predict failed"):
            return model.predict(pairs, batch_size=len(pairs), show_progress_bar=False)

    def load(self) -> None:
        """Load the checkpoint now.

        Raises:
            ModelError: it cannot be loaded, or has other than one score a pair.
        """
        self._model  # noqa: B018 - a cached property

    def provenance(self) -> dict[str, Any]:
        """Everything about the model that can change a score; asking needs no weights in memory."""
        return described(self.spec, self._identity, self.dtype, self.device)

    def notes(self) -> tuple[str, ...]:
        """That its repository was taken at whatever its newest commit was."""
        return files.unpinned_at(self.spec, self.spec.checkpoint, self.spec.revision, self._identity)

    @cached_property
    def _model(self) -> Any:
        model, reports = loaded_as("CrossEncoder", self.spec, self._folder, self.dtype, self.device)
        self._check(reports)
        check_finite(self.spec.name, self._folder, model)
        if model.num_labels != 1:
            raise ModelError(
                f"{self.spec.name}: {self._folder} gives a pair {model.num_labels} numbers; expected one, its score"
            )
        return model

    def _check(self, reports: Sequence[Report]) -> None:
        """Refuse a model with weights from nowhere, such as a head that was never trained, or with some left aside."""
        if wrong := unsound(reports, ("missing", "mismatched", "unexpected"), DERIVED, self._folder):
            raise ModelError(f"{self.spec.name}: {wrong}; it would not be the model that was published")

"""A class of the user's own as a model."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from rzen_eval.errors import ModelError
from rzen_eval.models.external.foreign_code import called
from rzen_eval.models.external.one_method import OneMethodModel, decoded
from rzen_eval.models.external.own_class import OwnClass
from rzen_eval.ranking.multivectors import as_vectors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rzen_eval.core import Item, MultiVectors, Side, Vectors
    from rzen_eval.models.declaration.external import PythonSpec


class PythonClass(OneMethodModel):
    """A class with `embed(items, side)`, made with the declaration's options.

    Items come with their images and frames as PIL images, RGB, and with the instruction apart from the text. The class
    gets the device too where its constructor takes `device`.

    Args:
        spec: the declaration.
        cache_dir: unused; nothing is kept.

    Raises:
        ModelError: there is no such module or class, or it has no method `embed`.
    """

    spec: PythonSpec
    made = "_object"

    def __init__(self, spec: PythonSpec, cache_dir: Path) -> None:  # noqa: ARG002 - as every class of a family
        super().__init__(spec)
        self._class = OwnClass(spec.target, "embed(items, side)")

    @property
    def batch_size(self) -> int:
        """Items that are handed over at once."""
        return self.spec.batch_size

    def vectors(self, items: Sequence[Item], side: Side) -> Vectors | MultiVectors:
        """What the class makes of a batch, float32, shape (n, dim), or MultiVectors where an item has several.

        Raises:
            ModelError: it fails, or returns something that cannot be vectors of these items.
        """
        with_pictures, made = [decoded(item) for item in items], self._object
        with called(f"{self.spec.target}.embed failed"):
            made = made.embed(with_pictures, side)
        try:
            return as_vectors(made, len(items))
        except ModelError as error:
            raise ModelError(f"{self.spec.target}: {error}") from error

    def load(self) -> None:
        """Make the object now; otherwise that happens with the first batch.

        Raises:
            ModelError: it cannot be made.
        """
        self._object  # noqa: B018 - a cached property

    def provenance(self) -> dict[str, Any]:
        """The class, its options, and a hash of its module, which stands for its weights."""
        return self.spec.model_dump(mode="json", by_alias=True, exclude={"batch_size", "reproduces", "device"}) | {
            "module": self._class.digest,
            "device": self.device.type,
        }

    @cached_property
    def _object(self) -> Any:
        return self._class.made(self.spec.options, str(self.device))

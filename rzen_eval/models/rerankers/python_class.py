"""A class of the user's own as a reranker."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from rzen_eval.models.external.foreign_code import called
from rzen_eval.models.external.own_class import OwnClass
from rzen_eval.models.rerankers.whole import WholeReranker

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rzen_eval.core import Item
    from rzen_eval.models.declaration.reranker import PythonRerankerSpec


class PythonReranker(WholeReranker):
    """A class with `score(query, candidates)`, made with the declaration's options.

    Items come with their images and frames as PIL images, RGB, and with the instruction apart from the text. The class
    gets the device too where its constructor takes `device`.

    Args:
        spec: the declaration.
        cache_dir: unused; scores are kept by the engine.

    Raises:
        ModelError: there is no such module.
    """

    spec: PythonRerankerSpec

    def __init__(self, spec: PythonRerankerSpec, cache_dir: Path) -> None:  # noqa: ARG002 - as every class of a family
        super().__init__(spec)
        self._class = OwnClass(spec.target, "score(query, candidates)", "reranker.class")

    @property
    def batch_size(self) -> int:
        """Candidates of a query that are handed over at once."""
        return self.spec.batch_size

    def scores(self, query: Item, candidates: Sequence[Item]) -> Any:
        """What the class makes of them.

        Raises:
            ModelError: it fails.
        """
        judge = self._object
        with called(f"{self.spec.target}.score failed"):
            return judge.score(query, candidates)

    def load(self) -> None:
        """Make the object now.

        Raises:
            ModelError: there is no such class, it lacks the method, or it cannot be made.
        """
        self._object  # noqa: B018 - a cached property

    def provenance(self) -> dict[str, Any]:
        """The class, its options, and a hash of its module, which stands for its weights."""
        said = self.spec.model_dump(mode="json", by_alias=True, exclude={"batch_size", "reproduces", "device"})
        return said | {"module": self._class.digest, "device": self.device.type}

    @cached_property
    def _object(self) -> Any:
        return self._class.made(self.spec.options, str(self.device))

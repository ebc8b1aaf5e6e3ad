"""A class of the user's own as a model."""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rzen_eval.errors import ConfigError, ModelError, nearest
from rzen_eval.models.external.foreign_code import called
from rzen_eval.models.external.one_method import OneMethodModel, decoded
from rzen_eval.ranking.multivectors import as_vectors

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        self._module, _, self._name = spec.target.partition(":")
        self._file = self._found()

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
        digest = hashlib.sha256(self._file.read_bytes()).hexdigest() if self._file else None
        return self.spec.model_dump(mode="json", by_alias=True, exclude={"batch_size", "reproduces", "device"}) | {
            "module": f"sha256:{digest}" if digest else None,
            "device": self.device.type,
        }

    def _found(self) -> Path | None:
        """The module's file; None for one that has none."""
        here = str(Path.cwd())
        if here not in sys.path and "" not in sys.path:
            # A console script, unlike `python -m`, does not look for modules where the user is.
            sys.path.append(here)
        try:
            found = find_spec(self._module)
        except (ImportError, ValueError) as error:
            raise ModelError(f"model.class={self.spec.target}: {self._module} cannot be imported ({error})") from error
        if found is None:
            raise ConfigError(
                f"model.class={self.spec.target}: no module {self._module} in {here} or among installed packages"
            )
        file = Path(found.origin) if found.origin and Path(found.origin).is_file() else None
        if file and file.suffix == ".py" and (known := _names(file)) and self._name not in known:
            raise ConfigError(
                f"model.class={self.spec.target}: {file} has no {self._name}{nearest(self._name, sorted(known))}"
            )
        return file

    @cached_property
    def _object(self) -> Any:
        what = f"model.class={self.spec.target}"
        with called(f"{what}: {self._module} cannot be imported"):
            kind = getattr(import_module(self._module), self._name, None)
        if kind is None or not callable(getattr(kind, "embed", None)):
            lacks = "has no such class" if kind is None else "is no class with a method embed(items, side)"
            raise ConfigError(f"{what}: {self._module if kind is None else self._name} {lacks}")
        options = dict(self.spec.options)
        with called(f"{what} cannot be made"):
            if "device" in inspect.signature(kind).parameters:
                options.setdefault("device", str(self.device))
            return kind(**options)


def _names(file: Path) -> set[str]:
    """Names that a module binds at its top, without running it; none where that cannot be told."""
    try:
        tree = ast.parse(file.read_text())
    except (OSError, SyntaxError, ValueError):
        return set()
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom | ast.Import):
            found |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return set() if found & {"*", "__getattr__"} else found

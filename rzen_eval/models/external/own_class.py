"""A class of the user's own: found in a module, and made with the options of a declaration."""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rzen_eval.errors import ConfigError, ModelError, nearest
from rzen_eval.models.external.foreign_code import called

if TYPE_CHECKING:
    from collections.abc import Mapping


class OwnClass:
    """A class with one method that matters.

    Args:
        target: module and class, `my_module:MyModel`.
        method: with its arguments, for messages: `embed(items, side)`.
        key: the setting that gives the class.

    Raises:
        ConfigError: there is no such module, or no such name in it.
        ModelError: it cannot be imported.
    """

    def __init__(self, target: str, method: str, key: str = "model.class") -> None:
        self._said, self._method = f"{key}={target}", method
        self._module, _, self._name = target.partition(":")
        self._file = self._found()

    @property
    def digest(self) -> str | None:
        """A hash of its module, which stands for its weights; None for a module without a file."""
        return f"sha256:{hashlib.sha256(self._file.read_bytes()).hexdigest()}" if self._file else None

    def _found(self) -> Path | None:
        """The module's file; None for one that has none."""
        here = str(Path.cwd())
        if here not in sys.path and "" not in sys.path:
            # A console script, unlike `python -m`, does not look for modules where the user is.
            sys.path.append(here)
        try:
            found = find_spec(self._module)
        except (ImportError, ValueError) as error:
            raise ModelError(f"{self._said}: {self._module} cannot be imported ({error})") from error
        if found is None:
            raise ConfigError(f"{self._said}: no module {self._module} in {here} or among installed packages")
        file = Path(found.origin) if found.origin and Path(found.origin).is_file() else None
        if file and file.suffix == ".py" and (known := _names(file)) and self._name not in known:
            raise ConfigError(f"{self._said}: {file} has no {self._name}{nearest(self._name, sorted(known))}")
        return file

    def made(self, options: Mapping[str, Any], device: str) -> Any:
        """An object of the class; it gets the device too where its constructor takes `device`.

        Raises:
            ConfigError: there is no such class, or it lacks the method.
            ModelError: it cannot be made.
        """
        with called(f"{self._said}: {self._module} cannot be imported"):
            kind = getattr(import_module(self._module), self._name, None)
        if kind is None or not callable(getattr(kind, self._method.partition("(")[0], None)):
            lacks = "has no such class" if kind is None else f"is no class with a method {self._method}"
            raise ConfigError(f"{self._said}: {self._module if kind is None else self._name} {lacks}")
        given = dict(options)
        with called(f"{self._said} cannot be made"):
            if "device" in inspect.signature(kind).parameters:
                given.setdefault("device", device)
            return kind(**given)


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

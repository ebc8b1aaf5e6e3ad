"""What models said of themselves in earlier runs, so that a run that keeps every result opens none."""

from __future__ import annotations

import contextlib
import hashlib
import json
from typing import TYPE_CHECKING, Any

from rzen_eval.evaluation import provenance
from rzen_eval.files import read_json, write_whole
from rzen_eval.models.checkpoint.files import find
from rzen_eval.models.declaration.local import ModelSpec
from rzen_eval.models.device import surely_cpu

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rzen_eval.models.declaration.local import Declared


def recalled(spec: Declared, cache_dir: Path) -> Mapping[str, Any] | None:
    """The provenance of a model that was opened before, from the same files by the same code.

    Args:
        spec: the declaration.
        cache_dir: where it is kept.

    Returns:
        What `provenance` of the opened model gives; None where only opening it can tell, since it depends on a GPU or
        on code of others, or it was not opened yet.

    Raises:
        ModelError: its checkpoint is not there.
    """
    file = _file(spec, cache_dir)
    try:
        said = read_json(file) if file else None
    except (OSError, ValueError):
        return None
    return said if isinstance(said, dict) else None


def note(spec: Declared, cache_dir: Path, described: Mapping[str, Any]) -> None:
    """Keep what a model that was opened says of itself, where it can be known again without opening it."""
    with contextlib.suppress(OSError):
        if file := _file(spec, cache_dir):
            write_whole(file, json.dumps(described).encode())


def _file(spec: Declared, cache_dir: Path) -> Path | None:
    if not isinstance(spec, ModelSpec) or not surely_cpu(spec):
        return None
    made_of = [spec.model_dump(mode="json"), find(spec, cache_dir).identity, provenance.software()]
    key = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:32]
    return cache_dir / "models" / f"{key}.json"

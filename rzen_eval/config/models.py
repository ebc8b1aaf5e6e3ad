"""Declarations of models, checked one by one, for lists of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from rzen_eval.benchmark import declared
from rzen_eval.benchmark.places import plugin_dirs
from rzen_eval.config.messages import MissingValueError
from rzen_eval.errors import ConfigError, first_fault
from rzen_eval.models.declaration.external import AnySpec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_CHECKED: TypeAdapter[AnySpec] = TypeAdapter(AnySpec)


def declared_model(name: str, places: Sequence[Path]) -> AnySpec:
    """What a file of `conf/model` declares.

    Args:
        name: what `model=` calls it.
        places: folders of YAML, as of `places.folders`.

    Raises:
        MissingValueError: it leaves a value for its user to give.
        ConfigError: it does not fit its schema.
    """
    try:
        raw = declared.declaration("model", name, places)
    except declared.NotPlainError:
        from rzen_eval.config import compose

        own = [place for place in places[1:] if place not in plugin_dirs()]
        return compose.load([f"model={name}"], own, need_tasks=False).model
    if missing := declared.missing(raw, "model"):
        raise MissingValueError(missing)
    try:
        return _CHECKED.validate_python(raw)
    except ValidationError as error:
        where, what = first_fault(error)
        raise ConfigError(f"conf/model/{name}.yaml: {where}: {what}") from error

"""What is wrong with a configuration, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from pydantic.fields import FieldInfo

from rzen_eval.benchmark.places import GROUPS
from rzen_eval.config.schema import RunConfig
from rzen_eval.core import Task
from rzen_eval.errors import ConfigError, nearest
from rzen_eval.models import CLASSES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hydra.core.override_parser.types import Override
    from pydantic import ValidationError


class MissingValueError(ConfigError):
    """A value that must be given and was not."""

    def __init__(self, key: str) -> None:
        hint = " (the folder that holds <org>/<name>/)" if key == "data.root" else ""
        super().__init__(f"{key} is missing; give {key}=VALUE{hint}")
        self.key = key


def plain(error: BaseException) -> str:
    """One line from Hydra's many; its own exception often says nothing and the cause does."""
    if not str(error).strip() and error.__cause__:
        return plain(error.__cause__)
    return "configuration: " + " ".join(str(error).split())


def explain(error: ValidationError, overrides: Sequence[Override], places: Sequence[Path]) -> str:
    """The first thing that is wrong, in one line: where it was written, the key, what was expected and found."""
    first = error.errors()[0]
    location = [str(part) for part in first["loc"]]
    family = location.pop(1) if location[0] == "model" and location[1:2] and location[1] in CLASSES else ""
    if first["type"].startswith("union_tag"):
        location.append("family")
    key = ".".join(location)
    where = written(key, location, overrides, places)
    if first["type"].startswith("union_tag"):
        found = first.get("ctx", {}).get("tag")
        return f"{where}: {key}: expected one of {', '.join(CLASSES)}, found {found!r}{nearest(str(found), [*CLASSES])}"
    if first["type"] == "extra_forbidden":
        known = sorted(_fields(location[:-1], family) - {"id", "source", "cache_dir"})
        return f"{where}: unknown key {key}{nearest(location[-1], known)}; expected one of {', '.join(known)}"
    if first["type"] == "missing":
        return f"{where}: {key} is missing; expected a value"
    if first["type"] == "value_error":
        return f"{where}: {key}: {first['msg'].removeprefix('Value error, ')}"
    expected = first["msg"].removeprefix("Input should be ")
    return f"{where}: {key}: expected {expected}, found {first['input']!r}"


def _fields(location: Sequence[str], family: str = "") -> set[str]:
    """Keys that the schema knows at a place; `family` is that of the model, whose keys depend on it."""
    model: Any = RunConfig
    for part in location:
        if model is RunConfig and part == "tasks":
            model = dict[str, Task]
        elif model == dict[str, Task]:
            model = Task
        else:
            annotation = model.model_fields[part].annotation
            options = [one for one in (annotation, *get_args(annotation)) if hasattr(one, "model_fields")]
            of_family = [one for one in options if family in get_args(one.model_fields.get("family", _NONE).annotation)]
            model = (of_family if part == "model" and of_family else options)[0]
    return {field.alias or name for name, field in model.model_fields.items()}


_NONE = FieldInfo()


def written(key: str, location: Sequence[str], overrides: Sequence[Override], places: Sequence[Path]) -> str:
    """Where a key was given: the command line, or the file of its group."""
    given = [override.key_or_group for override in overrides]
    if any(
        key == name or key.startswith(f"{name}.") or name.startswith(f"{key}.") for name in given if name not in GROUPS
    ):
        return "command line"
    group, name = ("task", location[1]) if location[0] == "tasks" else (location[0], None)
    if name is None:
        chosen = [o.value() for o in overrides if o.key_or_group == group]
        name = str(chosen[-1]) if chosen else "*"
    for folder in places:
        for file in sorted((folder / group).rglob(f"{name.split('/')[-1]}.yaml")):
            return f"{folder.name}/{file.relative_to(folder)}"
    return "conf/config.yaml"

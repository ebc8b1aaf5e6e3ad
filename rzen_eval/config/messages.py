"""What is wrong with a configuration, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from pydantic.fields import FieldInfo

from rzen_eval.benchmark.places import GROUPS
from rzen_eval.config.schema import RunConfig
from rzen_eval.core import Task
from rzen_eval.errors import ConfigError, nearest, reason
from rzen_eval.models import CLASSES, RERANKERS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic import BaseModel, ValidationError


UNASKED = frozenset({"id", "source", "cache_dir"})
"""Keys of a task that follow from others."""


class MissingValueError(ConfigError):
    """Values that must be given and were not."""

    def __init__(self, *keys: str) -> None:
        hints = {
            "data.root": " (the folder that holds <org>/<name>/)",
            "model.family": f", one of {', '.join(CLASSES)}; most are what a checkpoint's config.json calls model_type",
        }
        given = ", ".join(f"{key}=VALUE{hints.get(key, '')}" for key in keys)
        super().__init__(f"{' and '.join(keys)} {'are' if len(keys) > 1 else 'is'} missing; give {given}")
        self.keys = keys


def plain(error: BaseException) -> str:
    """One line from Hydra's many; its own exception often says nothing and the cause does."""
    if not str(error).strip() and error.__cause__:
        return plain(error.__cause__)
    return f"configuration: {reason(error, 2000)}"


def explain(error: ValidationError, written: Callable[[str], str]) -> str:
    """The first thing that is wrong, in one line: where it was written, the key, what was expected and found.

    Args:
        error: with all that is wrong.
        written: says where a key was written.
    """
    first = error.errors()[0]
    location = [str(part) for part in first["loc"]]
    families = {"model": CLASSES, "reranker": RERANKERS}.get(location[0], {})
    family = location.pop(1) if location[1:2] and location[1] in families else ""
    if first["type"].startswith("union_tag"):
        location.append("family")
    key = ".".join(location)
    where = written(key)
    if first["type"].startswith("union_tag"):
        found = first.get("ctx", {}).get("tag")
        return (
            f"{where}: {key}: expected one of {', '.join(families)}, found {found!r}{nearest(str(found), [*families])}"
        )
    if first["type"] == "extra_forbidden":
        known = sorted(_keys(_schema(location[:-1], family)))
        return f"{where}: unknown key {key}{nearest(location[-1], known)}; expected one of {', '.join(known)}"
    if first["type"] == "missing":
        every = [".".join(str(part) for part in one["loc"]) for one in error.errors() if one["type"] == "missing"]
        every = [one.replace(f"model.{family}.", "model.") if family else one for one in every]
        are, values = ("are", "values") if len(every) > 1 else ("is", "a value")
        return f"{where}: {' and '.join(every)} {are} missing; expected {values}"
    if first["type"] in {"model_type", "dict_type"} and (known := _keys(_schema(location, family))):
        return (
            f"{where}: {key} takes no value but keys, such as {key}.{known[0]}=VALUE, found {first['input']!r};"
            f" expected one of {', '.join(known)}"
        )
    if first["type"] == "value_error":
        return f"{where}: {key}: {first['msg'].removeprefix('Value error, ')}"
    expected = first["msg"].removeprefix("Input should be ")
    return f"{where}: {key}: expected {expected}, found {first['input']!r}"


def _schema(location: Sequence[str], family: str = "") -> type[BaseModel] | None:
    """What says which keys there are at a place; `family` is that of the model, whose keys depend on it."""
    at: type[BaseModel] = RunConfig
    place = ["tasks", *location[2:]] if location[:1] == ["tasks"] and len(location) > 1 else list(location)
    for part in place:
        if at is RunConfig and part == "tasks":
            at = Task
            continue
        named = {field.alias or name: field for name, field in at.model_fields.items()}
        if part not in named:
            return None
        annotation = named[part].annotation
        options = [one for one in (annotation, *get_args(annotation)) if hasattr(one, "model_fields")]
        of_family = [one for one in options if family in get_args(one.model_fields.get("family", _NONE).annotation)]
        if not options:
            return None
        at = (of_family if part in {"model", "reranker"} and of_family else options)[0]
    return at


def _keys(schema: type[BaseModel] | None) -> list[str]:
    named = {} if schema is None else schema.model_fields
    return [key for name, field in named.items() if (key := field.alias or name) not in UNASKED]


_NONE = FieldInfo()


def like_key(key: str) -> str:
    """` (did you mean model.dtype?)` of a key that is not at the top: where it is, with the keys that it takes."""
    inside = {
        f"{part}.{name}": [part, name] for part in ("model", "runtime", "data") for name in _keys(_schema([part]))
    }
    inside |= {f"tasks.ID.{name}": ["tasks", "ID", name] for name in _keys(Task)}
    exact = [name for name in inside if name.rpartition(".")[2] == key]
    if not exact:
        return nearest(key, [*GROUPS, *RunConfig.model_fields]) or nearest(key, inside)
    own = ", ".join(_keys(_schema(inside[exact[0]])))
    return f" (did you mean {exact[0]}{own and f', which takes {own}'}?)"

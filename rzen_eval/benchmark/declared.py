"""What YAML in `conf/` says, with what it builds on, without Hydra."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

try:
    from yaml import CSafeLoader as _Safe
except ImportError:
    from yaml import SafeLoader as _Safe  # type: ignore[assignment]

from rzen_eval.errors import ConfigError, reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

SUITE = "# @package _global_"
"""First line of a file in `conf/task` that names tasks in place of being one."""


class _Loader(_Safe):
    """Reads YAML as Hydra does: 1e3 is a number, a date is a text, and a key that is there twice is an error."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as its base class has it
        first: [(tag, pattern) for tag, pattern in known if not tag.endswith(":timestamp")]
        for first, known in _Safe.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        if twice := next((key for key in keys if keys.count(key) > 1), None):
            raise yaml.constructor.ConstructorError(None, None, f"found duplicate key {twice}", node.start_mark)
        found: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return found


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(_[0-9]+)*(\.[0-9_]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


class NotPlainError(ConfigError):
    """A file that is composed with more of Hydra than is read here; `rzen_eval.config` reads all of it."""


def declaration(group: str, name: str, places: Sequence[Path], above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """One file of a group, over the files that it builds on.

    Args:
        group: folder in `conf/`.
        name: path in it, without `.yaml`.
        places: folders of YAML, as of `places.folders`; the first that holds the file counts.
        above: files that led here.

    Returns:
        What composing it gives: mappings merged key by key, all else replaced by what comes later.

    Raises:
        ConfigError: no such file, or it is no mapping in YAML.
        NotPlainError: its `defaults` or values hold more than names of files.
    """
    file = _file(group, name, places)
    _need_other(file, above)
    own = dict(content(file))
    merged: dict[str, Any] = {}
    defaults = own.pop("defaults", [])
    for entry in defaults if "_self_" in defaults else [*defaults, "_self_"]:
        if entry == "_self_":
            merged = _merge(merged, own)
            continue
        base_group, base, place = _base(entry, group, file)
        found = declaration(base_group, base, places, (*above, file))
        merged = _merge(merged, found if place is None else {place: found})
    return merged


def tasks(name: str, places: Sequence[Path], above: tuple[Path, ...] = ()) -> Iterator[str]:
    """Paths in `conf/task` of the tasks that a word stands for, suites expanded, in order.

    Args:
        name: a task's path or a suite, as `task=` takes it.
        places: folders of YAML.
        above: files that led here.

    Raises:
        ConfigError: no such file, or one that leads back to itself.
        NotPlainError: a suite that is more than a list of names.
    """
    file = _file("task", name, places)
    _need_other(file, above)
    if not _is_suite(file):
        yield name
        return
    suite = content(file)
    if set(suite) != {"defaults"} or not all(isinstance(entry, str) for entry in suite["defaults"]):
        raise NotPlainError(f"{file}: expected a suite to be a list of names under defaults, and nothing else")
    for entry in suite["defaults"]:
        if entry != "_self_":
            yield from tasks(entry, places, (*above, file))


def _need_other(file: Path, above: tuple[Path, ...]) -> None:
    if file in above:
        way = " -> ".join(one.stem for one in (*above[above.index(file) :], file))
        raise ConfigError(f"{file}: its defaults lead back to itself: {way}")


def _is_suite(file: Path) -> bool:
    with file.open(encoding="utf-8-sig") as stream:
        return stream.readline().strip() == SUITE


def _file(group: str, name: str, places: Sequence[Path]) -> Path:
    for place in places:
        if (file := place / group / f"{name}.yaml").is_file():
            return file
    raise ConfigError(f"no {group}/{name}.yaml in {', '.join(map(str, places))}")


def defaults(file: Path) -> list[Any]:
    """What a file builds on."""
    return list(_read(file)[0].get("defaults", []))


def missing(raw: Mapping[str, Any], where: str = "") -> str | None:
    """The first key of a declaration whose value is for its user to give."""
    for key, value in raw.items():
        if value == "???":
            return f"{where}.{key}"
        if isinstance(value, dict) and (found := missing(value, f"{where}.{key}")):
            return found
    return None


def content(file: Path) -> Mapping[str, Any]:
    """What one file says, without what it builds on; nothing where it is empty.

    Raises:
        ConfigError: it cannot be read, or is no mapping in YAML.
        NotPlainError: it holds values that only Hydra works out.
    """
    found, text = _read(file)
    if "${" in text:
        raise NotPlainError(f"{file}: holds values that are worked out, ${{...}}")
    return found


def _read(file: Path) -> tuple[Mapping[str, Any], str]:
    try:
        text = file.read_text(encoding="utf-8-sig")
        found = yaml.load(text, Loader=_Loader)  # noqa: S506 - it builds on the safe one, in C where there is that
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"{file}: {reason(error, 1000)}") from error
    found = {} if found is None else found
    if not isinstance(found, dict):
        raise ConfigError(f"{file}: expected a mapping, found {type(found).__name__}")
    return found, text


def _base(entry: object, group: str, file: Path) -> tuple[str, str, str | None]:
    """Group, name and key of what an entry of `defaults` stands for; the key is None where it is merged in place."""
    if not isinstance(entry, str) or " " in entry:
        raise NotPlainError(f"{file}: defaults: expected names of files, found {entry!r}")
    path, _, package = entry.partition("@")
    base_group, _, base = path[1:].rpartition("/") if path.startswith("/") else (group, "", path)
    if not base_group or "." in package or (package.startswith("_") and package != "_here_"):
        raise NotPlainError(f"{file}: defaults: expected names of files, found {entry!r}")
    in_place = package == "_here_" or (not package and not path.startswith("/"))
    if not in_place and not package:
        raise NotPlainError(f"{file}: defaults: expected names of files, found {entry!r}")
    return base_group, base, None if in_place else package


def _merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged

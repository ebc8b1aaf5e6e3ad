"""Words of the command line: what they choose and set, before anything is composed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString
from hydra.errors import HydraException

from rzen_eval.benchmark import declared
from rzen_eval.benchmark.manifest import manifest
from rzen_eval.benchmark.own_yaml import LONGEST_NUMBER
from rzen_eval.benchmark.places import GROUPS, choices, config_dir
from rzen_eval.config.messages import like_key
from rzen_eval.config.schema import RunConfig
from rzen_eval.errors import ConfigError, nearest
from rzen_eval.files import usable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hydra.core.override_parser.types import Override


TEXTS = frozenset(
    {
        *("results_dir", "cache_dir", "root", "media", "media_revision", "name", "checkpoint", "base", "revision"),
        *("version", "remote", "key_variable", "repo", "config", "split", "place"),
    }
)
"""Last parts of keys whose values are texts."""
NO_TEXT = re.compile(r"[-+]?[0-9][0-9_.]*([eE][-+]?[0-9]+)?|[-+]?(inf|nan)|true|false", re.IGNORECASE)
"""What Hydra takes for a number or a truth value."""
DIGITS = re.compile(rf"\d{{{LONGEST_NUMBER}}}")
LISTED = 12
"""Most choices of a group that a message names."""


def parse(words: Sequence[str], places: Sequence[Path]) -> list[Override]:
    """Words as Hydra takes them, each checked as far as it can be alone.

    Args:
        words: `group=choice` or `key.path=value`. A task may go by its id or by the leaderboard's name.
        places: folders of YAML.

    Raises:
        ConfigError: no such group or choice, or not a word that sets something; says what is like it.
    """
    parser = OverridesParser.create()
    parsed = []
    for text in words:
        if DIGITS.search(text):
            raise ConfigError(f"{text:.60}...: expected no number of more than {LONGEST_NUMBER} digits")
        try:
            override = parser.parse_override(_as_meant(text))
        except HydraException as error:
            raise ConfigError(
                f"{text!r} is not an override; expected group=choice or key.path=value, and quotes around a value"
                " with special characters: 'data.root=\"/a b\"'"
            ) from error
        if override.is_sweep_override():
            key, value = text.split("=", 1)
            raise ConfigError(f"{text!r}: several choices are written as a list, {key}=[{value}]")
        if override.key_or_group == "task" and not override.is_delete() and not override.is_add():
            override = parser.parse_override(f"task=[{','.join(_tasks(override, places))}]")
        _check(override, places)
        parsed.append(override)
    given = {override.key_or_group for override in parsed}
    if "data.root" in given and not given & {"data", "data.kind"}:
        parsed.append(parser.parse_override("data=mirror"))
    return parsed


def _as_meant(text: str) -> str:
    """A word in which what is a text stays one: paths of the home folder, and names that YAML takes for a number.

    The shell leaves `~/` alone behind a `=`, and it means the home folder. `results_dir=2024_01_01`, `model.name=1e5`
    and a commit of digits alone are texts, as what they set is one.
    """
    key, equals, value = text.partition("=")
    if equals and value.startswith("~/"):
        try:
            return f'{key}="{usable(value)}"'
        except ValueError as error:
            raise ConfigError(f"command line: {key}: {error}") from error
    if equals and key.rpartition(".")[2] in TEXTS and NO_TEXT.fullmatch(value):
        return f'{key}="{value}"'
    return text


def chosen(override: Override) -> list[str]:
    """Names that a word chooses in its group."""
    value = override.value()
    return [
        choice.text if isinstance(choice, QuotedString) else str(choice)
        for choice in (value if isinstance(value, list) else [value])
    ]


def _tasks(override: Override, places: Sequence[Path]) -> list[str]:
    """Tasks and suites by their paths in `conf/task`."""
    paths = {path.rpartition("/")[2]: path for path in choices("task", places)}
    of_name = {entry.name: entry.path for entry in reversed(list(manifest().entries.values()))}
    found = []
    for name in chosen(override):
        known = name in paths.values()
        found.append(name if known else paths.get(name) or of_name.get(name) or _refuse_task(name, [*paths, *of_name]))
    return list(dict.fromkeys(found))


def _refuse_task(name: str, known: Sequence[str]) -> str:
    """Say what is like a task's name that there is not; a group of the tables is a suite here.

    Raises:
        ConfigError: always.
    """
    found = manifest()
    group = [member for member in found.versions[found.newest].members if found.entries[member].group == name]
    paths = [found.entries[member].path for member in group]
    shipped = choices("task", [config_dir()]) if group else []
    suites = [suite for suite in shipped if "/" not in suite and [*declared.tasks(suite, [config_dir()])] == paths]
    hint = f" (a group of the tables: task={suites[0]})" if suites else nearest(name, known)
    raise ConfigError(
        f"unknown task {name!r}{hint}; expected a task, a suite or a list [a,b]; `rzen-eval tasks` lists them"
    )


def _check(override: Override, places: Sequence[Path]) -> None:
    """Refuse an unknown group or choice with what is like it, before Hydra says it at length."""
    key = override.key_or_group
    root, *rest = re.split(r"[./@]", key)
    if root == "family" or (root == "experiment" and rest):
        last = rest[-1] if rest else "metric"
        raise ConfigError(
            f"command line: {key}: {root} is read from its YAML alone and would not change; set what it says where it"
            f" holds, as tasks.ID.{last}=VALUE or model.{last}=VALUE"
        )
    if "." in key or override.is_delete():
        return
    if key not in {*GROUPS, *RunConfig.model_fields}:
        raise ConfigError(f"command line: unknown key {key!r}{like_key(key)}")
    known = choices(key, places) if key in GROUPS else []
    for name in chosen(override) if key in GROUPS else ():
        if name not in known:
            expected = ", ".join(known) if len(known) <= LISTED else f"conf/{key}/**/*.yaml"
            raise ConfigError(
                f"unknown {key} {name!r}{_meant(key, name) or nearest(name, known)}; expected one of {expected}"
                + (f"; `rzen-eval {key}s` lists them" if key == "model" else "")
            )


def _meant(group: str, name: str) -> str:
    """What a path in place of a name stands for."""
    if "/" not in name and not Path(name).is_dir():
        return ""
    given = shlex.quote(name)
    return {
        "data": f" (a folder is data=mirror data.root={given})",
        "model": f" (a checkpoint is model=NAME model.checkpoint={given}, where NAME says how it is used; model=custom"
        " for one of your own)",
    }.get(group, "")


def lines(overrides: Sequence[Override], places: Sequence[Path]) -> list[str]:
    """What Hydra is given: the overrides, and where further YAML lies."""
    quoted = (str(folder).replace("\\", "\\\\").replace("'", "\\'") for folder in places[1:])
    extra = ",".join(f"'file://{folder}'" for folder in quoted)
    return [*map(_open_ended, overrides), *([f"hydra.searchpath=[{extra}]"] if extra else [])]


def _open_ended(override: Override) -> str:
    """Let an override set a key that no YAML mentions: whether it exists is for the schema to say."""
    line = override.input_line or ""
    plain = line[:1] not in {"+", "~"}
    return f"++{line}" if plain and override.key_or_group not in GROUPS and "@" not in line.split("=")[0] else line

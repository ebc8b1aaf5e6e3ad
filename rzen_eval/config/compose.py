"""From words on the command line to a checked configuration. The only module that imports Hydra."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from pydantic import ValidationError
from yaml import YAMLError

from rzen_eval.benchmark.places import GROUPS, choices, folders
from rzen_eval.config.messages import MissingValueError, explain, plain, written
from rzen_eval.config.schema import RunConfig
from rzen_eval.errors import ConfigError, nearest
from rzen_eval.ranking import metrics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hydra.core.override_parser.types import Override


def load(overrides: Sequence[str] = (), extra_dirs: Sequence[Path] = (), *, need_tasks: bool = True) -> RunConfig:
    """Compose and check a configuration.

    Args:
        overrides: as on the command line, `group=choice` or `key.path=value`.
        extra_dirs: folders with further YAML in the same groups.
        need_tasks: compose the default tasks where none are chosen; else there are none then.

    Returns:
        The configuration, typed and frozen.

    Raises:
        ConfigError: an unknown group, choice or key, a value of a wrong type, a missing value.
    """
    places = folders(extra_dirs)
    parsed = _parse(overrides)
    for override in parsed:
        _check_choice(override, places)
    without = not need_tasks and all(override.key_or_group != "task" for override in parsed)
    raw = _compose(parsed, places, ["~task"] if without else [])
    if not without or raw.get("tasks"):
        _check_task_ids(raw.get("tasks") or {}, parsed)
    return _validate(raw, parsed, places)


def _parse(overrides: Sequence[str]) -> list[Override]:
    parser = OverridesParser.create()
    parsed = []
    for text in overrides:
        try:
            parsed.append(parser.parse_override(_at_home(text)))
        except HydraException as error:
            raise ConfigError(
                f"{text!r} is not an override; expected group=choice or key.path=value, and quotes around a value"
                " with special characters: 'data.root=\"/a b\"'"
            ) from error
        if parsed[-1].is_sweep_override():
            key, value = text.split("=", 1)
            raise ConfigError(f"{text!r}: several choices are written as a list, {key}=[{value}]")
    given = {override.key_or_group for override in parsed}
    if "data.root" in given and not given & {"data", "data.kind"}:
        parsed.append(parser.parse_override("data=mirror"))
    return parsed


def _at_home(text: str) -> str:
    """A value that begins with `~/` as a path: the shell leaves it alone there, and it means the home folder."""
    key, equals, value = text.partition("=")
    return f'{key}="{Path(value).expanduser()}"' if equals and value.startswith("~/") else text


def _check_choice(override: Override, places: Sequence[Path]) -> None:
    """Refuse an unknown group or choice with the nearest match, before Hydra says it at length."""
    key = override.key_or_group
    if "." in key or override.is_delete():
        return
    if key not in {*GROUPS, *RunConfig.model_fields}:
        raise ConfigError(f"command line: unknown key {key!r}{nearest(key, [*GROUPS, *RunConfig.model_fields])}")
    if key in GROUPS:
        value = override.value()
        for choice in value if isinstance(value, list) else [value]:
            name = choice.text if isinstance(choice, QuotedString) else str(choice)
            known = choices(key, places)
            if name not in known:
                raise ConfigError(
                    f"unknown {key} {name!r}{nearest(name, known)}; expected one of conf/{key}/**/*.yaml"
                    + (", or a list [a,b]" if key == "task" else "")
                    + (f"; `rzen-eval {key}s` lists them" if key in ("task", "model") else "")
                )


def _compose(overrides: Sequence[Override], places: Sequence[Path], further: Sequence[str]) -> dict[str, Any]:
    lines = [*map(_open_ended, overrides), *further]
    extra = ",".join(f"'file://{folder}'" for folder in places[1:])
    if extra:
        lines.append(f"hydra.searchpath=[{extra}]")
    try:
        with initialize_config_dir(config_dir=str(places[0]), version_base="1.3"):
            composed = compose(config_name="config", overrides=lines)
        raw = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        raise MissingValueError(str(error.full_key)) from error
    except (HydraException, OmegaConfBaseException, YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(plain(error)) from error
    if not isinstance(raw, dict):
        raise ConfigError(f"configuration: expected a mapping, found {type(raw).__name__}")
    return {str(key): value for key, value in raw.items()}


def _open_ended(override: Override) -> str:
    """Let an override set a key that no YAML mentions: whether it exists is for the schema to say."""
    line = override.input_line or ""
    plain = line[:1] not in {"+", "~"}
    return f"++{line}" if plain and override.key_or_group not in GROUPS and "@" not in line.split("=")[0] else line


def _validate(raw: dict[str, Any], overrides: Sequence[Override], places: Sequence[Path]) -> RunConfig:
    raw = {key: value for key, value in raw.items() if key not in {"family", "experiment"}}
    shared = {"source": raw.get("data")} | {key: raw.get(key) for key in ("limit", "frames", "cache_dir")}
    tasks = _with_options(raw.get("tasks") or {}, raw.pop("task_options", None) or {}, places)
    raw["tasks"] = {
        name: {"id": name, **shared, **fields} if isinstance(fields, dict) else fields for name, fields in tasks.items()
    }
    raw["reference"] = raw.get("reference") or None
    for name in ("results_dir", "cache_dir"):
        if raw.get(name) == "":
            raise ConfigError(
                f"{name} is empty; give {name}=FOLDER" + (" or unset RZEN_EVAL_CACHE" * (name == "cache_dir"))
            )
    try:
        config = RunConfig.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(explain(error, overrides, places)) from error
    expanded = {name: getattr(config, name).expanduser().absolute() for name in ("results_dir", "cache_dir")}
    tasks = {name: task.model_copy(update={"cache_dir": expanded["cache_dir"]}) for name, task in config.tasks.items()}
    for name, task in tasks.items():
        try:
            metrics.checked_name(task.metric)
        except ConfigError as error:
            where = written(f"tasks.{name}.metric", ["tasks", name, "metric"], overrides, places)
            raise ConfigError(f"{where}: tasks.{name}.metric: {error}") from error
    return config.model_copy(update=expanded | {"tasks": tasks})


def _with_options(tasks: dict[str, Any], options: dict[str, dict[str, Any]], places: Sequence[Path]) -> dict[str, Any]:
    """Tasks with what an experiment says of their options; of tasks that are not chosen it may speak too."""
    known = {name.rpartition("/")[2] for name in choices("task", places)} if options else set()
    for name in options:
        if name not in known:
            raise ConfigError(f"task_options.{name}: there is no such task{nearest(name, sorted(known))}")
    return tasks | {
        name: fields | {"options": {**fields.get("options", {}), **options[name]}}
        for name, fields in tasks.items()
        if name in options
    }


def _check_task_ids(tasks: dict[str, Any], overrides: Sequence[Override]) -> None:
    if not tasks:
        raise ConfigError("no task is left to run; give task=NAME, see `rzen-eval tasks`")
    for override in overrides:
        parts = override.key_or_group.split(".")
        if parts[0] == "tasks" and len(parts) > 2 and "recipe" not in tasks.get(parts[1], {"recipe": ""}):
            known = [name for name in tasks if name != parts[1]]
            raise ConfigError(
                f"command line: {override.key_or_group}: {parts[1]!r} is not among the chosen tasks"
                f"{nearest(parts[1], known)}"
            )

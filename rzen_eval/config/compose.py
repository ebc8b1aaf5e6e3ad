"""From words on the command line to a checked configuration."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from pydantic import ValidationError
from yaml import YAMLError

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.benchmark.places import GROUPS, choices, folders
from rzen_eval.config.family import check_there, family_of
from rzen_eval.config.messages import MissingValueError, explain, plain
from rzen_eval.config.origins import flat, written
from rzen_eval.config.schema import RunConfig
from rzen_eval.config.unchanged import unchanged
from rzen_eval.config.words import lines, parse
from rzen_eval.data.recipe import check_options
from rzen_eval.errors import ConfigError, nearest
from rzen_eval.files import usable
from rzen_eval.ranking import metrics

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hydra.core.override_parser.types import Override

    from rzen_eval.core import Task


MISSING = object()
AVAILABLE = "task=available"
"""Every task of the benchmark whose data are on this machine."""


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
    if AVAILABLE in overrides:
        every = load([word for word in overrides if word != AVAILABLE], extra_dirs)
        return every.model_copy(update={"tasks": _available(every)})
    parsed = parse(overrides, places)
    if not need_tasks and all(override.key_or_group != "task" for override in parsed):
        raw = _compose(parsed, places, ["~task"])
        if raw.get("tasks"):
            _check_task_ids(raw["tasks"], parsed)
    else:
        raw = _with_tasks(parsed, places)
        _check_task_ids(raw["tasks"], parsed)
    return _validate(raw, parsed, places)


def _available(config: RunConfig) -> dict[str, Task]:
    """Those of the default tasks that can be run with the data that are there."""
    from rzen_eval.data.examine import available

    found = {task.id: task for task in available(list(config.tasks.values()))}
    if not found:
        raise ConfigError(
            f"{AVAILABLE}: of none of {len(config.tasks)} tasks are the data there; `rzen-eval data doctor` with the"
            " same data.root says what is where"
        )
    return found


def _with_tasks(parsed: Sequence[Override], places: Sequence[Path]) -> dict[str, Any]:
    """What Hydra composes, those tasks read beside it that need none of it."""
    if others := unchanged(parsed, places):
        raw = _compose([override for override in parsed if override.key_or_group != "task"], places, [others.word])
        tasks = others.among(raw.get("tasks") or {})
        if tasks is not None:
            return raw | {"tasks": tasks}
    raw = _compose(parsed, places, [])
    return raw | {"tasks": raw.get("tasks") or {}}


def _compose(overrides: Sequence[Override], places: Sequence[Path], further: Sequence[str]) -> dict[str, Any]:
    composed = OmegaConf.create()
    try:
        with initialize_config_dir(config_dir=str(places[0]), version_base="1.3"):
            composed = compose(config_name="config", overrides=[*lines(overrides, places), *further])
        _add_family(composed)
        raw = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        raise MissingValueError(*sorted(OmegaConf.missing_keys(composed)) or [str(error.full_key)]) from error
    except (HydraException, OmegaConfBaseException, YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(plain(error)) from error
    except RecursionError as error:
        chosen = ", ".join(f"{one.key_or_group}={one.value()}"[:60] for one in overrides if one.key_or_group in GROUPS)
        raise ConfigError(f"configuration: defaults or values lead back to themselves, in one of {chosen}") from error
    if not isinstance(raw, dict):
        raise ConfigError(f"configuration: expected a mapping, found {type(raw).__name__}")
    return {str(key): value for key, value in raw.items()}


def _add_family(composed: DictConfig) -> None:
    """Where the family of a checkpoint is for its user to say, and its own `config.json` says it, take that."""
    model = composed.model
    if not OmegaConf.is_missing(model, "family") or OmegaConf.is_missing(model, "checkpoint"):
        return
    if found := family_of(str(model.checkpoint), model.get("base")):
        model.family, file = found
        said = f"model.family={model.family}, as {file} says; prompt and budgets are those of the declaration"
        print(f"rzen-eval: {said}", file=sys.stderr)
    else:
        check_there(str(model.checkpoint))


def _validate(raw: dict[str, Any], overrides: Sequence[Override], places: Sequence[Path]) -> RunConfig:
    raw = {key: value for key, value in raw.items() if key not in {"family", "experiment"}}
    shared = {"source": raw.get("data")} | {key: raw.get(key) for key in ("limit", "frames", "cache_dir")}
    typed = list(_typed(raw, overrides))
    tasks = _changed(raw.get("tasks") or {}, _changes(raw), places)
    for name, fields in typed:
        tasks |= {name: _merged(tasks[name], fields)} if name in tasks else {}
    raw["tasks"] = {
        name: {"id": name, **shared, **fields} if isinstance(fields, dict) else fields for name, fields in tasks.items()
    }
    raw |= {key: raw.get(key) or None for key in ("reference", "reranker", "track")}
    for name in ("results_dir", "cache_dir"):
        if raw.get(name) == "":
            raise ConfigError(
                f"{name} is empty; give {name}=FOLDER" + (" or unset RZEN_EVAL_CACHE" * (name == "cache_dir"))
            )
    try:
        config = RunConfig.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(explain(error, lambda key: written(key, overrides, places))) from error
    expanded = {name: usable(getattr(config, name)).absolute() for name in ("results_dir", "cache_dir")}
    tasks = {name: task.model_copy(update={"cache_dir": expanded["cache_dir"]}) for name, task in config.tasks.items()}
    for task in tasks.values():
        _check_task(task, overrides, places)
    return config.model_copy(update=expanded | {"tasks": tasks})


def _check_task(task: Task, overrides: Sequence[Override], places: Sequence[Path]) -> None:
    """Refuse a metric or a version of the data that there is not, and options that the task's recipe does not take."""
    try:
        metrics.checked_name(task.metric)
    except ConfigError as error:
        key = f"tasks.{task.id}.metric"
        raise ConfigError(f"{written(key, overrides, places)}: {key}: {error}") from error
    for version in task.versions:
        if version not in manifest().versions:
            key = f"tasks.{task.id}.versions"
            raise ConfigError(
                f"{written(key, overrides, places)}: {key}: expected some of"
                f" {', '.join(manifest().versions)}, found {version!r}; a task of your own needs none"
            )
    try:
        check_options(task)
    except ConfigError as error:
        key = f"tasks.{task.id}.options"
        raise ConfigError(f"{written(key, overrides, places)}: {error}") from error


def _changes(raw: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What an experiment says of tasks, taken out of what was composed."""
    found = {name: {"options": options} for name, options in (raw.pop("task_options", None) or {}).items()}
    for name, fields in (raw.pop("task_fields", None) or {}).items():
        found[name] = _merged(found.get(name, {}), fields)
    return found


def _typed(raw: dict[str, Any], overrides: Sequence[Override]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Tasks with a field each that a word sets, in order: it wins over what an experiment says of the same one."""
    for override in overrides:
        root, *path = override.key_or_group.split(".")
        if root not in {"tasks", "task_options", "task_fields"} or not path or override.is_delete():
            continue
        for key in flat(override.value(), override.key_or_group):
            _, name, *fields = key.split(".")
            value: Any = raw
            for part in (root, name, *fields):
                value = value.get(part, MISSING) if isinstance(value, dict) else MISSING
            if fields and value is not MISSING:  # a key with a dot in it is none of a task's
                for field in reversed([*["options"] * (root == "task_options"), *fields]):
                    value = {field: value}
                yield name, value


def _changed(tasks: dict[str, Any], changes: dict[str, dict[str, Any]], places: Sequence[Path]) -> dict[str, Any]:
    """Tasks with what an experiment says of them; of tasks that are not chosen it may speak too."""
    known = {name.rpartition("/")[2] for name in choices("task", places)} if changes else set()
    for name in changes:
        if name not in known:
            raise ConfigError(f"task_options.{name}: there is no such task{nearest(name, sorted(known))}")
    return tasks | {name: _merged(fields, changes[name]) for name, fields in tasks.items() if name in changes}


def _merged(fields: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Fields with others in their place; of a mapping only the keys that are given."""
    return fields | {
        name: _merged(_mapping(fields.get(name)), value) if isinstance(value, dict) else value
        for name, value in changes.items()
    }


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


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

"""From words on the command line to a checked configuration. The only module that imports Hydra."""

from __future__ import annotations

import difflib
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, get_args

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from pydantic import Field, ValidationError
from pydantic.fields import FieldInfo
from yaml import YAMLError

from rzen_eval.benchmark.published import Reference
from rzen_eval.core import Frozen, Source, Task
from rzen_eval.engine.settings import Runtime
from rzen_eval.errors import ConfigError
from rzen_eval.models import CLASSES
from rzen_eval.models.declaration.external import AnySpec
from rzen_eval.ranking import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hydra.core.override_parser.types import Override

GROUPS = ("task", "model", "data", "runtime", "experiment", "reference", "family")
PLUGINS = "rzen_eval.plugins"


class MissingValueError(ConfigError):
    """A value that must be given and was not."""

    def __init__(self, key: str) -> None:
        hint = " (the folder that holds <org>/<name>/)" if key == "data.root" else ""
        super().__init__(f"{key} is missing; give {key}=VALUE{hint}")
        self.key = key


class RunConfig(Frozen):
    """Everything that a run was asked to do."""

    limit: int | None = Field(gt=0)
    frames: int = Field(gt=0)
    results_dir: Path
    cache_dir: Path
    data: Source
    model: AnySpec
    runtime: Runtime
    reference: Reference | None
    tasks: dict[str, Task]


def config_dir() -> Path:
    """The folder of the shipped YAML: inside an installed wheel, beside the package in a checkout."""
    package = Path(__file__).parents[1]
    for folder in (package / "conf", package.parent / "conf"):
        if (folder / "config.yaml").is_file():
            return folder
    raise ConfigError(f"no conf/ in or beside {package}; the installation is incomplete, install rzen-eval again")


def plugin_dirs() -> list[Path]:
    """`conf` folders of installed packages with an entry point in the group `rzen_eval.plugins`."""
    folders = []
    for point in entry_points(group=PLUGINS):
        spec = find_spec(point.module)
        locations = list(spec.submodule_search_locations or ()) if spec else []
        folder = next((Path(place) / "conf" for place in locations if (Path(place) / "conf").is_dir()), None)
        if folder is None:
            raise ConfigError(
                f"plugin {point.name}: package {point.module} has no folder conf/; a plugin ships its YAML there,"
                " in the groups of rzen_eval"
            )
        folders.append(folder)
    return folders


def load(overrides: Sequence[str] = (), extra_dirs: Sequence[Path] = ()) -> RunConfig:
    """Compose and check a configuration.

    Args:
        overrides: as on the command line, `group=choice` or `key.path=value`.
        extra_dirs: folders with further YAML in the same groups.

    Returns:
        The configuration, typed and frozen.

    Raises:
        ConfigError: an unknown group, choice or key, a value of a wrong type, a missing value.
    """
    places = folders(extra_dirs)
    parsed = _parse(overrides)
    for override in parsed:
        _check_choice(override, places)
    raw = _compose(parsed, places)
    return _validate(raw, parsed, places)


def folders(extra_dirs: Sequence[Path] = ()) -> list[Path]:
    """Where YAML is looked for: the shipped folder, those of plugins, and the user's own.

    Raises:
        ConfigError: one of them is not there.
    """
    places = [config_dir(), *plugin_dirs(), *(_existing(folder) for folder in extra_dirs)]
    for number, place in enumerate(places[1:], start=1):
        _check_own(place, places[:number])
    return places


def _check_own(place: Path, before: Sequence[Path]) -> None:
    """Refuse YAML that Hydra would silently ignore, or that would silently take another's place."""
    for file in sorted((place / "task").rglob("*.yaml")):
        first = file.read_text(errors="replace").partition("\n")[0].strip()
        expected = f"# @package tasks.{file.stem}"
        if first not in {expected, "# @package _global_"}:
            raise ConfigError(
                f"{file}: expected the first line {expected!r} (or '# @package _global_' for a suite), found {first!r}"
            )
    for group in GROUPS:
        names = {file.stem if group == "task" else file.relative_to(place / group) for file in _yaml(place / group)}
        for other in before:
            for file in _yaml(other / group):
                if (file.stem if group == "task" else file.relative_to(other / group)) in names:
                    raise ConfigError(f"{place}: {group} {file.stem!r} is taken by {file}; give it another name")


def _yaml(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.yaml"))


def choices(group: str, places: Sequence[Path] | None = None) -> list[str]:
    """Names that `group=` takes, sorted."""
    return sorted(
        file.relative_to(folder / group).with_suffix("").as_posix()
        for folder in places or folders()
        for file in (folder / group).rglob("*.yaml")
    )


def nearest(word: str, known: Sequence[str]) -> str:
    """` (did you mean X?)` where something is like enough, else nothing."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f" (did you mean {close[0]}?)" if close else ""


def _existing(folder: Path) -> Path:
    if not folder.is_dir():
        raise ConfigError(
            f"--config-dir: no folder at {folder}; expected one with YAML in groups such as task/ or model/"
        )
    return folder.resolve()


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


def _compose(overrides: Sequence[Override], places: Sequence[Path]) -> dict[str, Any]:
    lines = [_open_ended(override) for override in overrides]
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
        raise ConfigError(_plain(error)) from error
    if not isinstance(raw, dict):
        raise ConfigError(f"configuration: expected a mapping, found {type(raw).__name__}")
    return {str(key): value for key, value in raw.items()}


def _open_ended(override: Override) -> str:
    """Let an override set a key that no YAML mentions: whether it exists is for the schema to say."""
    line = override.input_line or ""
    plain = line[:1] not in {"+", "~"}
    return f"++{line}" if plain and override.key_or_group not in GROUPS and "@" not in line.split("=")[0] else line


def _plain(error: BaseException) -> str:
    """One line from Hydra's many; its own exception often says nothing and the cause does."""
    if not str(error).strip() and error.__cause__:
        return _plain(error.__cause__)
    return "configuration: " + " ".join(str(error).split())


def _validate(raw: dict[str, Any], overrides: Sequence[Override], places: Sequence[Path]) -> RunConfig:
    raw = {key: value for key, value in raw.items() if key not in {"family", "experiment"}}
    shared = {"source": raw.get("data")} | {key: raw.get(key) for key in ("limit", "frames", "cache_dir")}
    tasks = raw.get("tasks") or {}
    _check_task_ids(tasks, overrides)
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
        raise ConfigError(_explain(error, overrides, places)) from error
    expanded = {name: getattr(config, name).expanduser().absolute() for name in ("results_dir", "cache_dir")}
    tasks = {name: task.model_copy(update={"cache_dir": expanded["cache_dir"]}) for name, task in config.tasks.items()}
    for name, task in tasks.items():
        try:
            metrics.checked_name(task.metric)
        except ConfigError as error:
            where = _written(f"tasks.{name}.metric", ["tasks", name, "metric"], overrides, places)
            raise ConfigError(f"{where}: tasks.{name}.metric: {error}") from error
    return config.model_copy(update=expanded | {"tasks": tasks})


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


def _explain(error: ValidationError, overrides: Sequence[Override], places: Sequence[Path]) -> str:
    """The first thing that is wrong, in one line: where it was written, the key, what was expected and found."""
    first = error.errors()[0]
    location = [str(part) for part in first["loc"]]
    family = location.pop(1) if location[0] == "model" and location[1:2] and location[1] in CLASSES else ""
    if first["type"].startswith("union_tag"):
        location.append("family")
    key = ".".join(location)
    where = _written(key, location, overrides, places)
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


def _written(key: str, location: Sequence[str], overrides: Sequence[Override], places: Sequence[Path]) -> str:
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


@cache
def everything() -> Mapping[str, Task]:
    """Every shipped task, in every version of its data, and the variants; composed once a process."""
    return MappingProxyType(load(["task=[mmeb_v2,mmeb_v2_0,variants]"]).tasks)


@cache
def benchmark() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """The benchmark's make-up: leaderboard names of the tasks by modality and group, in the tables' order."""
    made_of: dict[str, dict[str, list[str]]] = {}
    for task in everything().values():
        if "2.1" in task.versions:
            made_of.setdefault(task.modality, {}).setdefault(task.group, []).append(task.name)
    return MappingProxyType(made_of)

"""Where each value of a configuration comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode

from rzen_eval.benchmark.places import GROUPS, folders
from rzen_eval.config.words import lines, parse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from hydra.core.override_parser.types import Override

COMMAND_LINE, DEFAULT = "command line", "default"


@dataclass(frozen=True, slots=True)
class Origins:
    """What said each value last: a file, or the command line."""

    choices: Mapping[str, tuple[str, str]]
    """The file that is chosen of each group, several with commas between them, and what chose it."""
    keys: Mapping[str, str]
    """By key, such as `model.image.max_tokens`, in the order in which they were said; none of the schema's defaults."""

    def __getitem__(self, key: str) -> str:
        """Where a value comes from: said itself, or with all around it; `default` where nobody says it."""
        while key and key not in self.keys:
            key = key.rpartition(".")[0]
        return self.keys.get(key, DEFAULT)


def origins(overrides: Sequence[str] = (), extra_dirs: Sequence[Path] = ()) -> Origins:
    """What a configuration is composed of.

    Args:
        overrides: as for `compose.load`, which has taken them.
        extra_dirs: likewise.
    """
    places = folders(extra_dirs)
    return _origins(parse(overrides, places), places)


def written(key: str, overrides: Sequence[Override], places: Sequence[Path]) -> str:
    """Where to look for what is wrong with a key: who said it, or something in it, or the file that could have."""
    found = _origins(overrides, places)
    inside = [where for inner, where in found.keys.items() if inner.startswith(f"{key}.")]
    if inside or found[key] != DEFAULT:
        return inside[-1] if inside else found[key]
    parts = key.split(".")
    around = f"{'.'.join(parts[: 2 if parts[0] == 'tasks' else 1])}."
    files = [where for inner, where in found.keys.items() if inner.startswith(around)]
    return files[-1] if files else "conf/config.yaml"


def _origins(parsed: Sequence[Override], places: Sequence[Path]) -> Origins:
    keys: dict[str, str] = {}
    with initialize_config_dir(config_dir=str(places[0]), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        composed = loader.compute_defaults_list("config", lines(parsed, places), RunMode.RUN)
    for part in composed.defaults:
        path = part.config_path or ""
        file = next((place / f"{path}.yaml" for place in places if (place / f"{path}.yaml").is_file()), None)
        if file is None:
            continue
        content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        origin = f"conf/{path}.yaml" if file.is_relative_to(places[0]) else str(file)
        own = {key: value for key, value in content.items() if key != "defaults"}
        if own:
            _say(keys, flat(own, part.package or ""), origin)
    for override in parsed:
        if override.key_or_group not in GROUPS:
            _say(keys, flat(override.value(), override.key_or_group), COMMAND_LINE)
    return Origins(dict(_choices(composed.overrides, {override.key_or_group for override in parsed})), keys)


def _say(keys: dict[str, str], given: Collection[str], where: str) -> None:
    """Note who says some keys, after all that was said before."""
    for key in given:
        keys.pop(key, None)
        keys[key] = where


def _choices(chosen: Any, given: Collection[str]) -> Iterator[tuple[str, tuple[str, str]]]:
    for group in GROUPS:
        names = chosen.override_choices.get(group) or chosen.known_choices.get(group)
        if names is None:
            continue
        said = chosen.override_metadata.get(group)
        file = (said and said.containing_config_path) or "config"
        where = COMMAND_LINE if group in given else f"conf/{file}.yaml"
        yield group, (names if isinstance(names, str) else ",".join(names), where)


def flat(value: Any, key: str = "") -> dict[str, Any]:
    """What is no mapping inside of a value, by its key: names joined by dots, `key` being the value's own."""
    if not isinstance(value, dict) or not value:
        return {key: value}
    inner = [flat(one, f"{key}.{name}" if key else str(name)) for name, one in value.items()]
    return {name: one for part in inner for name, one in part.items()}

"""Where YAML lies, and what there is of it."""

from __future__ import annotations

from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from rzen_eval.benchmark import own_yaml
from rzen_eval.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

GROUPS = ("task", "model", "data", "runtime", "experiment", "reference", "reranker", "track", "family")
"""Groups of files that a word of the command line chooses among."""
PLUGINS = "rzen_eval.plugins"


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


def folders(extra_dirs: Sequence[Path] = ()) -> list[Path]:
    """Where YAML is looked for: the shipped folder, those of plugins, and the user's own.

    Raises:
        ConfigError: one of them is not there, or holds a file that would be ignored or take another's place.
    """
    places = [config_dir(), *plugin_dirs(), *(_existing(folder) for folder in extra_dirs)]
    for number, place in enumerate(places[1:], start=1):
        _check_own(place, places[:number])
    return places


def choices(group: str, places: Sequence[Path] | None = None) -> list[str]:
    """Names that `group=` takes, sorted."""
    return sorted(
        file.relative_to(folder / group).with_suffix("").as_posix()
        for folder in places or folders()
        for file in (folder / group).rglob("*.yaml")
    )


def _existing(folder: Path) -> Path:
    if not folder.is_dir():
        raise ConfigError(
            f"--config-dir: no folder at {folder}; expected one with YAML in groups such as task/ or model/"
        )
    return folder.resolve()


def _check_own(place: Path, before: Sequence[Path]) -> None:
    """Refuse YAML that Hydra would silently ignore, or that would silently take another's place."""
    for file in (file for group in GROUPS for file in _yaml(place / group)):
        own_yaml.check(file)
    for file in sorted((place / "task").rglob("*.yaml")):
        first = file.read_text(encoding="utf-8-sig").partition("\n")[0].strip()
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

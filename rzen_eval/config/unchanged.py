"""Tasks that no word changes, read without Hydra, which takes the longer for each the more there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rzen_eval.benchmark import declared
from rzen_eval.config.words import chosen
from rzen_eval.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hydra.core.override_parser.types import Override


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The chosen tasks, apart into those that words change and the others."""

    ids: Sequence[str]
    """Of all, in order."""
    tasks: Mapping[str, Any]
    """What YAML says of those that no word changes, by id."""
    word: str
    """Chooses the others, for Hydra to compose."""

    def among(self, composed: Mapping[str, Any]) -> dict[str, Any] | None:
        """All tasks in order; None where something else than a word has its say in tasks.

        Args:
            composed: tasks that Hydra has composed, by id.
        """
        if any(name in self.tasks or name not in self.ids for name in composed):
            return None
        everything = {**self.tasks, **composed}
        return {name: everything[name] for name in self.ids if name in everything}


def unchanged(words: Sequence[Override], places: Sequence[Path]) -> Unchanged | None:
    """The chosen tasks as far as they can be read without Hydra.

    Args:
        words: as parsed.
        places: folders of YAML.

    Returns:
        None where that is for Hydra to find out: an experiment chooses tasks, words change what tasks build on, or YAML
        holds more than names and values.
    """
    changed = {word.key_or_group.split(".")[1] for word in words if word.key_or_group.startswith("tasks.")}
    others = [word for word in words if not word.key_or_group.startswith("tasks.")]
    choosing = [word for word in others if word.key_or_group == "task"]
    plain = all(not (word.is_add() or word.is_delete() or word.package) for word in choosing)
    if len(choosing) > 1 or not plain or not all(map(_leaves_alone, others)):
        return None
    try:
        names = chosen(choosing[0]) if choosing else _by_default(places[0])
        paths = {path.rpartition("/")[2]: path for name in names for path in declared.tasks(name, places)}
        read = {name: declared.declaration("task", path, places) for name, path in paths.items() if name not in changed}
    except ConfigError:
        return None
    if changed - paths.keys() or any(declared.missing(raw) for raw in read.values()):
        return None
    left = [paths[name] for name in paths if name in changed]
    return Unchanged(list(paths), read, f"task=[{','.join(left)}]" if left else "~task")


def _leaves_alone(word: Override) -> bool:
    """Whether a word, other than one that chooses tasks or changes one, has no say in tasks."""
    root = word.key_or_group.split(".")[0].split("/")[0]
    return root not in {"tasks", "family", "experiment"} or (root == "experiment" and chosen(word) == ["none"])


def _by_default(folder: Path) -> list[str]:
    """Tasks that a run without a word scores, as `config.yaml` says."""
    entries = declared.defaults(folder / "config.yaml")
    names = next(entry["task"] for entry in entries if isinstance(entry, dict) and "task" in entry)
    return [names] if isinstance(names, str) else list(names)
